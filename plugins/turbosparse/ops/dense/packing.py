"""A predictor's logits to the active set."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.reference.active_set import pack_mask
from turbosparse.reference.predictor import kept


def pack_logits_(
    token_bits: Tensor,
    union_bits: Tensor | None,
    logits: Tensor,
    scale: Tensor | None,
    ends: Tensor | None,
    dropped: Tensor | None,
    dtype: torch.dtype,
    threshold: float,
) -> None:
    """The operator in torch: keeps a neuron unless its logit, times its scale, rounded to `dtype`, is `<= threshold`.

    Args:
        token_bits: int64 `[ceil(rows / 64), neurons]`, overwritten: bit `r % 64` of row `r // 64` says that row `r`
            keeps the neuron.
        union_bits: uint8 `[4 * ceil(neurons / 32)]`, to which the bits of neurons that some row keeps are added; or
            None.
        logits: `[rows, neurons]` in `dtype`, or wider with a scale.
        scale: float32 `[neurons]`, or `[experts, neurons]` with `ends`; or None.
        ends: int32 `[experts]`, the row after the last of each expert, rows being sorted by expert; or None.
        dropped: bool `[rows]`, the rows that keep nothing; or None.
    """
    if scale is not None:
        if ends is not None:
            rows = torch.arange(len(logits), dtype=ends.dtype, device=ends.device)
            scale = scale[torch.bucketize(rows, ends, right=True).clamp_(max=len(scale) - 1)]
        logits = (logits * scale).to(dtype)
    mask = kept(logits, threshold)
    if dropped is not None:
        mask &= ~dropped.unsqueeze(1)
    union, bits = pack_mask(mask.unsqueeze(1))
    token_bits.copy_(bits)
    if union_bits is not None:
        union_bits |= union[0]
