"""The released predictor in the dtype of the model, fc2 in that dtype or in two int8 planes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.reference.planes import joined_planes

# round(sigmoid(z)) is 1 when sigmoid(z) rounds to a value above 0.5. Values just above 0.5 are spaced 2**-8 in bfloat16
# and 2**-11 in float16, ties go to the even 0.5, and sigmoid(z) = 0.5 + z / 4 - O(z**3): so z must exceed twice the
# spacing.
_THRESHOLDS = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10}


class PredictorWeights(NamedTuple):
    """A predictor under the names of the operators' arguments: `ops.predict(x, **predictor._asdict())`.

    `fc1 [experts, rank, hidden]` has the model's dtype. `fc2 [experts, intermediate, rank]` has it too, or is the high
    plane of `turbosparse.reference.planes`, with the low plane in `fc2_low` and the scale in `fc2_scale`.
    """

    fc1: Tensor
    fc2: Tensor
    fc2_low: Tensor | None = None
    fc2_scale: Tensor | None = None


def default_threshold(dtype: torch.dtype) -> float:
    """The logit that `round(sigmoid(z))`, evaluated in `dtype`, must exceed to be 1."""
    if dtype not in _THRESHOLDS:
        raise ValueError(
            f"the predictor threshold is defined for bfloat16 and float16, not {dtype}: pass it explicitly"
        )
    return _THRESHOLDS[dtype]


def selection_threshold(dtype: torch.dtype) -> float:
    """The logit that a kept neuron exceeds in a model that runs in `dtype`.

    Wider dtypes than 16 bits, which only the CPU computes in, resolve `sigmoid` so finely that it is 0.
    """
    return _THRESHOLDS.get(dtype, 0.0)


def predict_logits(
    x: Tensor, fc1: Tensor, fc2: Tensor, fc2_low: Tensor | None = None, fc2_scale: Tensor | None = None
) -> Tensor:
    """`fc2(relu(fc1(x)))` in the dtype of `x`, to which the hidden layer and the logits are rounded.

    Returns `[tokens, experts, intermediate]` of `x [tokens, hidden]`, `fc1 [experts, rank, hidden]` in its dtype and
    `fc2 [experts, intermediate, rank]` likewise, or in planes, of which this reads both for every neuron.
    """
    logits = []
    for expert, (first, second) in enumerate(zip(fc1, fc2)):
        hidden = torch.relu(functional.linear(x, first))
        if fc2_low is None or fc2_scale is None:
            logits.append(functional.linear(hidden, second))
        else:
            sums = planes_sums(hidden, second, fc2_low[expert])
            logits.append(sums.mul_(fc2_scale[expert]).to(x.dtype))
    return torch.stack(logits, 1)


def predict_mask(
    x: Tensor,
    fc1: Tensor,
    fc2: Tensor,
    threshold: float,
    fc2_low: Tensor | None = None,
    fc2_scale: Tensor | None = None,
) -> Tensor:
    """bool `[tokens, experts, intermediate]`: the neurons whose logit is not `<= threshold`.

    With the default threshold of the dtype this is `round(sigmoid(fc2(relu(fc1(x)))))`, bit for bit, except that a NaN
    logit, which the released model multiplies in, keeps its neuron. Other arguments as `predict_logits`.
    """
    return kept(predict_logits(x, fc1, fc2, fc2_low, fc2_scale), threshold)


def kept(logits: Tensor, threshold: float) -> Tensor:
    """bool: the logits that are not `<= threshold`; NaN is not.

    Compared in float32 at least, as the kernels do: torch would round the threshold to 16 bits too.
    """
    return ~(logits.to(torch.promote_types(logits.dtype, torch.float32)) <= threshold)


# Products of 16-bit matrices that keep their float32 sums, from torch 2.8 on.
_HAS_WIDE_PRODUCTS = hasattr(torch.ops.aten.mm, "dtype") and hasattr(torch.ops.aten.bmm, "dtype")


def planes_sums(x: Tensor, high: Tensor, low: Tensor) -> Tensor:
    """`x @ (high + low / 256).mT`, of matrices or batches of them, in float32 or where that is wider the dtype of `x`.

    The factor of a row is the same for all terms of its sum, so it multiplies the sum, whose terms are exact.
    """
    tensor_cores = x.is_cuda and x.dtype in _THRESHOLDS and _HAS_WIDE_PRODUCTS
    planes = joined_planes(high, low, x.dtype if tensor_cores else torch.promote_types(x.dtype, torch.float32))
    twice = torch.cat([x, x], -1).to(planes.dtype)
    if not tensor_cores:
        return twice @ planes.mT
    product = torch.mm if x.dim() == 2 else torch.bmm
    return product(twice, planes.mT, out_dtype=torch.float32)
