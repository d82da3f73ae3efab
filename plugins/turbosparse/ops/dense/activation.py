"""Gate and up values to the activations that the down GEMM reads."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.reference.active_set import unpack_dropped


def masked_activation(
    gate: Tensor,
    up: Tensor,
    token_bits: Tensor | None,
    dropped: Tensor | None,
    activation: str,
    gate_threshold: float,
) -> Tensor:
    """`reference.combine` with 0 where the mask leaves a neuron out; overwrites `gate`, and on the CPU `up` too.

    Args:
        gate, up: `[rows, intermediate]`.
        token_bits: of `reference.active_set` for one expert, row `r` being token `r`; or None for every neuron.
        dropped: bool `[rows]`, the rows that activate nothing; or None.
    """
    gate = gate.contiguous()
    torch.ops.turbosparse.activate_(gate, up.contiguous(), token_bits, dropped, activation, gate_threshold)
    return gate


def activate_(
    gate: Tensor, up: Tensor, token_bits: Tensor | None, dropped: Tensor | None, activation: str, gate_threshold: float
) -> None:
    """The operator in torch."""
    if activation == "drelu":
        torch.relu_(gate)
        torch.relu_(up)
    else:
        functional.threshold_(gate, gate_threshold, 0.0)
    gate.mul_(up)
    # Not a product with the mask: Inf and NaN of dropped neurons must not get through.
    if token_bits is not None:
        gate.masked_fill_(unpack_dropped(token_bits, len(gate))[:, 0], 0.0)
    if dropped is not None:
        gate.masked_fill_(dropped.unsqueeze(1), 0.0)
