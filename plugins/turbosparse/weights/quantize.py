"""Matrices in int8 with one float32 factor a row."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.errors import CheckpointError
from turbosparse.weights.placement import BLOCK

_LARGEST = 127


def quantize_rows(
    weight: Tensor, *, out: tuple[Tensor, Tensor] | None = None, name: str = "weight"
) -> tuple[Tensor, Tensor]:
    """`(quantized, scale)`, for which `quantized * scale[..., None]` is nearest to `weight`.

    `scale` is the row's largest magnitude over 127; a value becomes the nearest integer, the even one of two. A smaller
    scale, which clips the largest values to resolve the others better, gains next to nothing: at 8 bits the squared
    error of nearly every row is least without clipping, even with tails as heavy as those of Student's t with 4 degrees
    of freedom. A row has scale 0 if it is zero or so small, below 1e-36, that its scale would not be a normal float32.

    Args:
        weight: contiguous `[..., rows, depth]` of any floating dtype.
        out: contiguous int8 `[..., rows, depth]` and float32 `[..., rows]` to fill, on any device; None allocates them
            beside `weight`.
        name: what an error calls `weight`.

    Raises:
        CheckpointError: `weight` holds NaN or infinity.
    """
    if out is None:
        quantized = torch.empty_like(weight, dtype=torch.int8)
        out = quantized, torch.empty(weight.shape[:-1], dtype=torch.float32, device=weight.device)
    values, integers, factors = weight.view(-1, weight.shape[-1]), out[0].view(-1, weight.shape[-1]), out[1].view(-1)
    scratch = torch.empty((min(BLOCK, len(values)), weight.shape[-1]), dtype=torch.float32, device=weight.device)
    for start in range(0, len(values), BLOCK):
        rows = slice(start, start + BLOCK)
        block = scratch[: len(values[rows])].copy_(values[rows])
        factor = _factors(block, name)
        factors[rows].copy_(factor)
        # Division by a factor of 0 would make NaN of 0, and infinity of what is too small for a factor.
        divisor = torch.where(factor == 0, torch.inf, factor)
        integers[rows].copy_(block.div_(divisor[:, None]).round_())
    return out


def _factors(values: Tensor, name: str) -> Tensor:
    """`[rows]` of float32 values `[rows, depth]`."""
    # NaN passes through both; there is no copy of magnitudes.
    low, high = torch.aminmax(values, dim=1)
    largest = torch.maximum(-low, high)
    if not largest.isfinite().all():
        raise CheckpointError(f"{name} holds NaN or infinity, which int8 cannot represent: keep it in 16 bits")
    factors = largest / _LARGEST
    return torch.where(factors < torch.finfo(torch.float32).tiny, 0.0, factors)
