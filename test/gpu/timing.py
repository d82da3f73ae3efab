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
    """Bytes a second that a kernel moves, reading plus writing 4 GiB each: the roof of every bandwidth share.

    A kernel and not `copy_`, which a CUDA graph turns into a memcpy node that reaches two thirds of the bandwidth.
    """
    source = torch.ones(2**30, dtype=torch.float32, device="cuda")
    target = torch.empty_like(source)
    elapsed = microseconds([lambda: torch.neg(source, out=target)], replays=10)
    return 2 * source.nbytes / (elapsed * 1e-6)
