"""Sums over the calls of all layers, on the device that computes them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from turbosparse.reference.active_set import WORD
from turbosparse.vllm.metrics.call import LayerCall
from turbosparse.vllm.metrics.path import PATHS

_CALLS, _TOKENS, _NEURONS, _UNION, _CHANCES, _SELECTED = range(6)


def counters() -> Tensor:
    """int64 zeros `[paths, 6]` on torch's default device."""
    return torch.zeros((len(PATHS), 6), dtype=torch.int64)


def count(counted: Tensor, path: int, call: LayerCall) -> None:
    """Add a call to `counted`. Waits for nothing and copies nothing from the host, so that a graph can hold it.

    Neurons are counted in calls of up to a word of tokens only: beyond, no kernel reads a union, and evaluating the
    predictors of a long prefill a second time would take as long as the first.
    """
    row = counted[path]
    row[_CALLS].add_(1)
    row[_TOKENS].add_(call.tokens if call.padding is None else call.padding.logical_not().sum())
    if call.tokens > WORD:
        return
    selected, rows = call.selected(), call.rows()
    experts, neurons = call.weights.shape[:2]
    row[_NEURONS].add_(experts * neurons)
    row[_UNION].add_(selected.any(0).sum())
    row[_CHANCES].add_(call.tokens * neurons if rows is None else rows.sum() * neurons)
    row[_SELECTED].add_(selected.sum())


@dataclass(frozen=True)
class PathCount:
    """What one path did. Shares are None where nothing was counted that they could be of.

    density: share of the neurons of its experts that a token selects, the mean over tokens and layers.
    union: share of all neurons that some token of a call selects, the mean over calls.
    """

    calls: int
    tokens: int
    density: float | None
    union: float | None


def path_counts(difference: Tensor) -> list[PathCount]:
    """Of `[paths, 6]` on the host, what was added between two readings; in the order of `PATHS`."""
    return [
        PathCount(row[_CALLS], row[_TOKENS], _share(row[_SELECTED], row[_CHANCES]), _share(row[_UNION], row[_NEURONS]))
        for row in difference.tolist()
    ]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
