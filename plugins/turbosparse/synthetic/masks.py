"""Which token activates which neuron, and how the union over tokens grows."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Generator, Tensor

# Of benchmarks: unions of 17, 27, 39, 51, 63 and 73 % at 2 to 64 tokens of 10 % each. How much tokens share is a
# model's own: python -m turbosparse.profile measures it.
OVERLAP = 0.45
_FIT_STEPS = 40


def plant_mask(
    tokens: int, experts: int, intermediate: int, density: float, overlap: float, generator: Generator
) -> Tensor:
    """Bool `[tokens, experts, intermediate]` on the device of `generator`.

    Every token activates exactly `round(density * intermediate)` neurons of each expert: those of highest score in the
    copula of this package. `density` and `overlap` lie within 0 and 1.
    """
    _check(density, overlap)
    device = generator.device
    popularity = torch.randn((experts, intermediate), generator=generator, device=device)
    affinity = torch.randn((tokens, experts, intermediate), generator=generator, device=device)
    scores = math.sqrt(overlap) * popularity + math.sqrt(1 - overlap) * affinity
    chosen = scores.topk(round(density * intermediate), dim=-1, sorted=False).indices
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, chosen, True)


def expected_union(density: float, overlap: float, tokens: int, visits: float = 1.0) -> float:
    """Expected share of neurons that at least one of `tokens` tokens activates.

    `1 - E[(1 - visits + visits * F(b))**tokens]` over the popularity `b`, with `F(b)` the probability that a token
    leaves a neuron of that popularity inactive and `visits` the one that it visits the neuron's expert; the expectation
    is a sum over a grid, exact to 1e-6.
    """
    _check(density, overlap)
    if density in (0.0, 1.0) or overlap == 1.0:
        return density * (1 - (1 - visits) ** tokens)
    # Whatever the default device is: this is also asked for while a graph is captured.
    exact = {"dtype": torch.float64, "device": "cpu"}
    grid = torch.linspace(-9, 9, 4001, **exact)
    weight = torch.exp(-grid.square() / 2)
    cut = torch.special.ndtri(torch.tensor(1 - density, **exact))
    inactive = torch.special.ndtr((cut - math.sqrt(overlap) * grid) / math.sqrt(1 - overlap))
    inactive = 1 - visits * (1 - inactive)
    return float(1 - (weight * inactive**tokens).sum() / weight.sum())


def overlap_for_union(density: float, tokens: int, union: float) -> float:
    """The overlap at which `tokens` tokens of this density are expected to activate a share `union` of the neurons.

    Raises ValueError when no overlap does: the union lies between `density` and that of independent tokens.
    """
    low, high = 0.0, 1.0
    widest = expected_union(density, 0.0, tokens)
    if not density <= union <= widest:
        raise ValueError(f"union must lie within {density:.4f} and {widest:.4f}, not {union}")
    for _ in range(50):
        middle = (low + high) / 2
        if expected_union(density, middle, tokens) > union:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def fit_overlap(growth: Mapping[int, float], visits: float = 1.0) -> float:
    """The overlap whose unions come closest to `growth`, in squared relative distance.

    `growth` maps numbers of tokens to shares of the neurons of all experts, above 0; that of 1 token, which is the
    density times `visits`, must be given.
    """
    density = growth[1] / visits

    def distance(overlap: float) -> float:
        unions = ((expected_union(density, overlap, tokens, visits), union) for tokens, union in growth.items())
        return sum(math.log(expected / union) ** 2 for expected, union in unions)

    # More overlap makes every union smaller, so the distance falls to one lowest point and rises from there.
    low, high = 0.0, 1.0
    for _ in range(_FIT_STEPS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if distance(left) < distance(right) else (left, high)
    return (low + high) / 2


def _check(density: float, overlap: float) -> None:
    for name, value in (("density", density), ("overlap", overlap)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie within 0 and 1, not {value}")
