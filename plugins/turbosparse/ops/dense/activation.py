"""Gate and up values to the activations that the down GEMM reads."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def masked_activation(
    gate: Tensor, up: Tensor, dropped: Tensor | None, activation: str, gate_threshold: float
) -> Tensor:
    """`reference.combine` with 0 where `dropped`, over tensors `[rows, intermediate]`; overwrites `gate` and `up`.

    The one place where the dense path is elementwise: three or four passes over the activations, which one CUDA kernel
    could make in a single pass.
    """
    if activation == "drelu":
        torch.relu_(gate)
        torch.relu_(up)
    else:
        functional.threshold_(gate, gate_threshold, 0.0)
    gate.mul_(up)
    # Not a product with the mask: Inf and NaN of dropped neurons must not get through.
    return gate if dropped is None else gate.masked_fill_(dropped, 0.0)
