"""How a neuron's gate and up values become its activation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Order is the numbering of the compiled library: turbosparse::Activation.
ACTIVATIONS = ("drelu", "reglu")


def combine(gate: Tensor, up: Tensor, activation: str, gate_threshold: float = 0.0) -> Tensor:
    """Activation of neurons, elementwise over tensors of one shape and dtype.

    drelu: `relu(gate) * relu(up)`, equation 2 of arXiv 2406.05955.
    reglu: `fatrelu(gate, gate_threshold) * up`, where FATReLU keeps values above the threshold unchanged and threshold
    0 is ReLU (arXiv 2402.13516). NaN is neither below nor equal to a threshold, so it passes both.
    """
    if activation == "drelu":
        return torch.relu(gate) * torch.relu(up)
    if activation == "reglu":
        return functional.threshold(gate, gate_threshold, 0.0) * up
    raise ValueError(f'activation must be "drelu" or "reglu", not {activation!r}')
