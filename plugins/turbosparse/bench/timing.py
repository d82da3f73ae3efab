"""Times a sequence of operators as a server runs them: one CUDA graph, weights never in cache."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import torch

Step = Callable[[], object]

_WARM_UP_REPLAYS = 3
_REPEATS = 5
# Of one repeat: long enough for the clock, short enough for hundreds of measurements.
_REPEAT_SECONDS = 0.06
_MOST_REPLAYS = 50


def graph_of(steps: Sequence[Step]) -> torch.cuda.CUDAGraph:
    """The steps captured one after the other, after one warm-up of each."""
    for step in steps:
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for step in steps:
            step()
    return graph


def microseconds(steps: Sequence[Step]) -> float:
    """Median over repeats of the time of one step, in us, when replayed in turn."""
    graph = graph_of(steps)
    once = _seconds(graph, _WARM_UP_REPLAYS) / _WARM_UP_REPLAYS
    replays = min(max(round(_REPEAT_SECONDS / once), 2), _MOST_REPLAYS)
    samples = [_seconds(graph, replays) for _ in range(_REPEATS)]
    return statistics.median(samples) * 1e6 / (replays * len(steps))


def _seconds(graph: torch.cuda.CUDAGraph, replays: int) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(replays):
        graph.replay()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000


def copy_bandwidth() -> float:
    """Bytes a second that copying 4 GiB moves, reading plus writing: the roof of every bandwidth share.

    The better of a memcpy and an elementwise kernel: the driver's device-to-device copy can fall a third short.
    """
    source = torch.ones(2**30, dtype=torch.float32, device="cuda")
    target = torch.empty_like(source)
    copies = (lambda: target.copy_(source), lambda: torch.add(source, 1.0, out=target))
    elapsed = min(microseconds([copy]) for copy in copies)
    return 2 * source.nbytes / (elapsed * 1e-6)
