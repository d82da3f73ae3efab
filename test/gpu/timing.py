"""Times a sequence of operators as a server runs them: one CUDA graph, weights never in cache."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import torch


def graph_of(steps: Sequence[Callable[[], object]]) -> torch.cuda.CUDAGraph:
    """The steps captured one after the other, after one warm-up of each."""
    for step in steps:
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for step in steps:
            step()
    return graph


def microseconds(steps: Sequence[Callable[[], object]], *, replays: int = 50, repeats: int = 5) -> float:
    """Median over repeats of the time of one step, in us, when replayed in turn."""
    graph = graph_of(steps)
    for _ in range(5):
        graph.replay()
    samples = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(replays):
            graph.replay()
        end.record()
        end.synchronize()
        samples.append(start.elapsed_time(end) * 1000 / (replays * len(steps)))
    return statistics.median(samples)


def copy_bandwidth() -> float:
    """Bytes a second that copying 4 GiB moves, reading plus writing: the roof of every bandwidth share.

    The better of a memcpy and an elementwise kernel: the driver's device-to-device copy can fall a third short.
    """
    source = torch.ones(2**30, dtype=torch.float32, device="cuda")
    target = torch.empty_like(source)
    copies = (lambda: target.copy_(source), lambda: torch.add(source, 1.0, out=target))
    elapsed = min(microseconds([copy], replays=10) for copy in copies)
    return 2 * source.nbytes / (elapsed * 1e-6)
