"""Rows that are sparse for tokens not known beforehand: for whole checkpoints, whose inputs arise while they run.

Both constructions realise the copula of this package with `e_tn` a random projection of the token, so independent
tokens overlap as planned.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

# Mean and standard deviation of relu of a standard normal value.
_RELU_MEAN = 1 / math.sqrt(2 * math.pi)
_RELU_DEVIATION = math.sqrt(0.5 - 1 / (2 * math.pi))

# Channel 0 of the residual stream is constant in synthetic checkpoints: the bias that gate rows lack.
ANCHOR = 8.0

# Attention and FFN outputs are this small beside the embeddings, so that the residual stream keeps the distribution
# that the planted densities assume, through all layers.
BRANCH = 0.02


def _levels(intermediate: int, density: float, overlap: float, generator: Generator) -> Tensor:
    """What each neuron adds to its affinity before comparing with 0: popularity less the quantile."""
    popularity = torch.randn(intermediate, generator=generator, device=generator.device, dtype=torch.float32)
    quantile = torch.special.ndtri(torch.tensor(1 - density, dtype=torch.float64)).item()
    return math.sqrt(overlap) * popularity - quantile


def _directions(rows: int, columns: int, generator: Generator) -> Tensor:
    # Whatever the default dtype is: servers set that of the model while they load.
    return torch.randn((rows, columns), generator=generator, device=generator.device, dtype=torch.float32).mul_(
        columns**-0.5
    )


def population_fc1(hidden: int, rank: int, dtype: torch.dtype, generator: Generator) -> Tensor:
    """Predictor rows `[rank, hidden]`: random directions. Channel 0, alike in all tokens, is left out."""
    fc1 = _directions(rank, hidden, generator)
    fc1[:, 0] = 0
    return fc1.to(dtype)


def population_fc2(
    intermediate: int, rank: int, density: float, overlap: float, dtype: torch.dtype, generator: Generator
) -> Tensor:
    """Predictor rows `[intermediate, rank]` that keep a share `density` for normal inputs of any scale.

    `relu(fc1 p)` is non-negative with a nearly constant sum, which serves as the bias a predictor lacks: each row is a
    random direction without mean, giving `e_tn`, plus a constant that sets the neuron's level. Density is met to within
    a fifth of itself at rank 64, better at larger ranks. `density` is above 0 and below 1.
    """
    directions = _directions(intermediate, rank, generator)
    directions -= directions.mean(1, keepdim=True)
    constants = _levels(intermediate, density, overlap, generator) * _RELU_DEVIATION / (_RELU_MEAN * rank)
    return (math.sqrt(1 - overlap) * directions + constants[:, None]).to(dtype)


def population_gate(
    hidden: int, intermediate: int, density: float, overlap: float, dtype: torch.dtype, generator: Generator
) -> Tensor:
    """Gate rows `[intermediate, hidden]`, open for a share `density` of tokens whose channel 0 is the anchor.

    Inputs are RMS-normalised rows with standard normal channels but for channel 0, which is `ANCHOR` before the norm.
    """
    gate = math.sqrt(1 - overlap) * _directions(intermediate, hidden, generator)
    gate[:, 0] = _levels(intermediate, density, overlap, generator) / ANCHOR
    return gate.to(dtype)
