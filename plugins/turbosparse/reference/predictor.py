"""The released predictor in the dtype of the model, its matrices in that dtype or in int8 with one factor a row."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

# round(sigmoid(z)) is 1 when sigmoid(z) rounds to a value above 0.5. Values just above 0.5 are spaced 2**-8 in bfloat16
# and 2**-11 in float16, ties go to the even 0.5, and sigmoid(z) = 0.5 + z / 4 - O(z**3): so z must exceed twice the
# spacing.
_THRESHOLDS = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10}


class PredictorWeights(NamedTuple):
    """A predictor under the names of the operators' arguments: `ops.predict(x, **predictor._asdict())`.

    `fc1 [experts, rank, hidden]` and `fc2 [experts, intermediate, rank]` each have the model's dtype and no scale, or
    are int8 with a float32 scale `[experts, rows]`.
    """

    fc1: Tensor
    fc2: Tensor
    fc1_scale: Tensor | None = None
    fc2_scale: Tensor | None = None


def default_threshold(dtype: torch.dtype) -> float:
    """The logit that `round(sigmoid(z))`, evaluated in `dtype`, must exceed to be 1."""
    if dtype not in _THRESHOLDS:
        raise ValueError(
            f"the predictor threshold is defined for bfloat16 and float16, not {dtype}: pass it explicitly"
        )
    return _THRESHOLDS[dtype]


def predict_logits(
    x: Tensor, fc1: Tensor, fc2: Tensor, fc1_scale: Tensor | None = None, fc2_scale: Tensor | None = None
) -> Tensor:
    """`fc2(relu(fc1(x)))` in the dtype of `x`, to which the hidden layer and the logits are rounded.

    Returns `[tokens, experts, intermediate]` of `x [tokens, hidden]`, `fc1 [experts, rank, hidden]` and
    `fc2 [experts, intermediate, rank]`, each in the dtype of `x`, or int8 with its `scale` float32 `[experts, rows]`.
    """
    logits = []
    for expert in range(len(fc1)):
        hidden = torch.relu(_linear(x, fc1[expert], None if fc1_scale is None else fc1_scale[expert]))
        logits.append(_linear(hidden, fc2[expert], None if fc2_scale is None else fc2_scale[expert]))
    return torch.stack(logits, 1)


def predict_mask(
    x: Tensor,
    fc1: Tensor,
    fc2: Tensor,
    threshold: float,
    fc1_scale: Tensor | None = None,
    fc2_scale: Tensor | None = None,
) -> Tensor:
    """bool `[tokens, experts, intermediate]`: the neurons whose logit is not `<= threshold`.

    With the default threshold of the dtype this is `round(sigmoid(fc2(relu(fc1(x)))))`, bit for bit, except that a NaN
    logit, which the released model multiplies in, keeps its neuron. Other arguments as `predict_logits`.
    """
    return ~(predict_logits(x, fc1, fc2, fc1_scale, fc2_scale) <= threshold)


def dequantized(weight: Tensor, scale: Tensor | None) -> Tensor:
    """The float64 matrix that `weight [.., rows, depth]` and, when it is int8, `scale [.., rows]` stand for."""
    exact = weight.double()
    return exact if scale is None else exact * scale.unsqueeze(-1).double()


# A GEMM of 16-bit matrices that keeps its float32 sums, from torch 2.8 on.
_HAS_WIDE_MM = hasattr(torch.ops.aten.mm, "dtype")


def _linear(x: Tensor, weight: Tensor, scale: Tensor | None) -> Tensor:
    """`x @ weight.T` with the rows' factors, summed in float32 and rounded to the dtype of `x` once."""
    if scale is None:
        return functional.linear(x, weight)
    # The factor is the same for all terms of a sum, so it multiplies the sum: products of x and int8 are exact.
    if x.is_cuda and x.dtype in _THRESHOLDS and _HAS_WIDE_MM:
        # bfloat16 and float16 hold every int8 value, and so tensor cores can take it.
        sums = torch.mm(x, weight.to(x.dtype).T, out_dtype=torch.float32)
    else:
        wide = torch.promote_types(x.dtype, torch.float32)
        sums = functional.linear(x.to(wide), weight.to(wide))
    return sums.mul_(scale).to(x.dtype)
