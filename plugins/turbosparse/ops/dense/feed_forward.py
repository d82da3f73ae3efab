"""The FFN of one expert."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.ops.dense.activation import masked_activation
from turbosparse.ops.dense.chunks import chunks
from turbosparse.ops.dense.selection import Selection


def ffn(x: Tensor, weights: Tensor, selection: Selection, activation: str, gate_threshold: float) -> Tensor:
    """`[tokens, hidden]` of `x [tokens, hidden]` and `weights [1, intermediate, 3, hidden]`."""
    gate_rows, up_rows, down = weights[0].unbind(1)
    out = torch.empty_like(x)
    # Gate, up, the mask and what it is made from.
    for part in chunks(len(x), weights.shape[1] * (2 * x.element_size() + 3)):
        bits = selection.bits(part)
        dropped = selection.dropped(part) if bits is None else None
        inputs = x[part]
        gate, up = functional.linear(inputs, gate_rows), functional.linear(inputs, up_rows)
        mask = None if dropped is None else dropped[:, 0]
        torch.mm(masked_activation(gate, up, bits, mask, activation, gate_threshold), down, out=out[part])
    return out
