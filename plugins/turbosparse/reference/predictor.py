"""The released predictor in the dtype of the model."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# round(sigmoid(z)) is 1 when sigmoid(z) rounds to a value above 0.5. Values just above 0.5 are spaced 2**-8 in bfloat16
# and 2**-11 in float16, ties go to the even 0.5, and sigmoid(z) = 0.5 + z / 4 - O(z**3): so z must exceed twice the
# spacing.
_THRESHOLDS = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10}


def default_threshold(dtype: torch.dtype) -> float:
    """The logit that `round(sigmoid(z))`, evaluated in `dtype`, must exceed to be 1."""
    if dtype not in _THRESHOLDS:
        raise ValueError(
            f"the predictor threshold is defined for bfloat16 and float16, not {dtype}: pass it explicitly"
        )
    return _THRESHOLDS[dtype]


def predict_logits(x: Tensor, fc1: Tensor, fc2: Tensor) -> Tensor:
    """`fc2(relu(fc1(x)))` in the dtype of the arguments: `[tokens, experts, intermediate]`.

    `x [tokens, hidden]`, `fc1 [experts, rank, hidden]`, `fc2 [experts, intermediate, rank]`.
    """
    logits = [functional.linear(torch.relu(functional.linear(x, first)), second) for first, second in zip(fc1, fc2)]
    return torch.stack(logits, 1)


def predict_mask(x: Tensor, fc1: Tensor, fc2: Tensor, threshold: float) -> Tensor:
    """bool `[tokens, experts, intermediate]`: the neurons whose logit is not `<= threshold`.

    With the default threshold of the dtype this is `round(sigmoid(fc2(relu(fc1(x)))))`, bit for bit, except that a NaN
    logit, which the released model multiplies in, keeps its neuron.
    """
    return ~(predict_logits(x, fc1, fc2) <= threshold)
