"""The FFN of one expert."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.ops.dense.activation import masked_activation
from turbosparse.ops.dense.chunks import chunks, word_rows


def ffn(
    x: Tensor,
    weights: Tensor,
    token_bits: Tensor | None,
    padding: Tensor | None,
    activation: str,
    gate_threshold: float,
) -> Tensor:
    """`[tokens, hidden]` of `x [tokens, hidden]` and `weights [1, intermediate, 3, hidden]`.

    Args:
        token_bits: of `reference.active_set`, of all tokens; or None, for the gates to decide.
        padding: bool `[tokens]`, the rows that activate nothing; or None.
    """
    gate_rows, up_rows, down = weights[0].unbind(1)
    out = torch.empty_like(x)
    # Gate and up.
    for part in chunks(len(x), weights.shape[1] * 2 * x.element_size()):
        inputs = x[part]
        gate, up = functional.linear(inputs, gate_rows), functional.linear(inputs, up_rows)
        bits = None if token_bits is None else token_bits[word_rows(part, 1)]
        dropped = None if padding is None else padding[part]
        torch.mm(masked_activation(gate, up, bits, dropped, activation, gate_threshold), down, out=out[part])
    return out
