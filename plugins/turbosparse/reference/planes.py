"""Matrices in 16 bits a weight that can be read in two halves: int8 planes with one factor a row.

A weight stands for `scale * (high + low / 256)` with `high` and `low` int8 `[.., rows, depth]` and `scale` float32
`[.., rows]`. The high plane alone nearly always tells on which side of a threshold a row's product lies; the low plane
is read only of the other rows.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Low-plane units in a step of the high plane.
LEVELS = 256
# Standard deviations of what the low plane adds within which the high plane does not decide.
BAND = 5.0


def dequantized(high: Tensor, low: Tensor | None, scale: Tensor | None) -> Tensor:
    """The float64 matrix that the planes stand for; without a low plane and scale, `high` itself in float64."""
    if low is None or scale is None:
        return high.double()
    return (high.double() + low.double() / LEVELS) * scale.unsqueeze(-1).double()


def joined_planes(high: Tensor, low: Tensor, dtype: torch.dtype) -> Tensor:
    """`[.., rows, 2 * depth]` in `dtype`: `high`, then `low / 256`, both exact in bfloat16 and float16.

    One GEMM with it, of inputs joined to themselves, sums both planes' products in its accumulator.
    """
    depth = high.shape[-1]
    # Filled in place: for a mixture's experts this is the largest tensor of a dense call.
    planes = torch.empty((*high.shape[:-1], 2 * depth), dtype=dtype, device=high.device)
    planes[..., :depth] = high
    torch.mul(low, 1 / LEVELS, out=planes[..., depth:])
    return planes


def undecided(hidden: Tensor, high: Tensor, scale: Tensor, threshold: float) -> Tensor:
    """bool `[tokens, rows]`: the rows whose low plane may take their product with `hidden` over the threshold.

    Args:
        hidden: `[tokens, depth]`.
        high: int8 `[rows, depth]`.
        scale: float32 `[rows]`.

    The low plane adds `scale * sum(e * hidden)` with every `e` within a half. Were they independent and uniform, as the
    errors of rounding nearly are, its standard deviation would be `scale * |hidden| / sqrt(12)`, which more than
    `BAND` times occurs in 6 of 1e7 rows. Rounding to bfloat16 moves a product near the threshold by a 256th of it.
    """
    wide = hidden.float()
    product = (wide @ high.float().T) * scale
    deviation = scale * wide.norm(dim=-1, keepdim=True) / 12**0.5
    return (product - threshold).abs() <= BAND * deviation + abs(threshold) / 256
