"""Matrices in two int8 planes with one float32 factor a row."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.errors import CheckpointError
from turbosparse.reference.planes import LEVELS
from turbosparse.weights.placement import BLOCK

_LARGEST = 127


def quantize_rows(
    weight: Tensor, *, out: tuple[Tensor, Tensor, Tensor] | None = None, name: str = "weight"
) -> tuple[Tensor, Tensor, Tensor]:
    """`(high, low, scale)`: the planes of `turbosparse.reference.planes` that stand for `weight`.

    `scale` is the row's largest magnitude over 127. `high` is the integer nearest to `weight / scale`, the even one of
    two: rows whose steps lie on the grid of bfloat16 have many weights in the middle, which would bias their products
    if all went the same way. `low` is the integer nearest to 256 times what then remains, 127 instead of the 128 that
    int8 lacks. So a weight errs by at most a 512th of `scale`, in that case a 256th. A row has scale 0 if it is zero or
    so small, below 1e-36, that its scale would not be a normal float32.

    Args:
        weight: contiguous `[..., rows, depth]` of any floating dtype.
        out: contiguous int8 `[..., rows, depth]` twice and float32 `[..., rows]` to fill, on any device; None allocates
            them beside `weight`.
        name: what an error calls `weight`.

    Raises:
        CheckpointError: `weight` holds NaN or infinity.
    """
    if out is None:
        high, low = (torch.empty_like(weight, dtype=torch.int8) for _ in range(2))
        out = high, low, torch.empty(weight.shape[:-1], dtype=torch.float32, device=weight.device)
    values, high, low = (tensor.view(-1, weight.shape[-1]) for tensor in (weight, *out[:2]))
    factors = out[2].view(-1)
    size = (min(BLOCK, len(values)), weight.shape[-1])
    scratch = torch.empty((2, *size), dtype=torch.float32, device=weight.device)
    for start in range(0, len(values), BLOCK):
        rows = slice(start, start + BLOCK)
        block, integers = scratch[:, : len(values[rows])]
        block.copy_(values[rows])
        factor = _factors(block, name)
        factors[rows].copy_(factor)
        # Division by a factor of 0 would make NaN of 0, and infinity of what is too small for a factor.
        divisor = torch.where(factor == 0, torch.inf, factor)
        torch.round(block.div_(divisor[:, None]), out=integers)
        high[rows].copy_(integers)
        low[rows].copy_(block.sub_(integers).mul_(LEVELS).round_().clamp_(-128, 127))
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
