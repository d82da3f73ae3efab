"""The FFNs of routed experts."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.ops.dense.activation import masked_activation
from turbosparse.ops.dense.chunks import chunks
from turbosparse.ops.dense.grouping import Rows, batch, group, sorts_tokens
from turbosparse.ops.dense.selection import Predictor


def moe(
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    predictor: Predictor | None,
    padding: Tensor | None,
    activation: str,
    gate_threshold: float,
) -> Tensor:
    """`[tokens, hidden]` of `x [tokens, hidden]`, `weights [experts, intermediate, 3, hidden]` and the routing.

    Each expert computes the tokens routed to it. Where torch has no grouped GEMM that a graph can hold, or reads the
    weights faster without, each computes every token instead, and what it was not asked for is not looked at. Without a
    predictor the gates decide.
    """
    experts, intermediate = weights.shape[:2]
    out = torch.empty_like(x)
    lay_out, rows = (group, topk_ids.shape[1]) if sorts_tokens(x, weights, topk_ids) else (batch, experts)
    # Gate and up; the predictor's logits are gone by then.
    for part in chunks(len(x), max(rows, 1) * intermediate * 2 * x.element_size()):
        layout = lay_out(topk_ids[part], experts, None if padding is None else padding[part])
        expert_rows = _expert_rows(x[part], weights, layout, predictor, activation, gate_threshold)
        torch.ops.turbosparse.sum_slots_(out[part], expert_rows, layout.position, topk_weights[part])
    return out


def _expert_rows(
    x: Tensor, weights: Tensor, layout: Rows, predictor: Predictor | None, activation: str, gate_threshold: float
) -> Tensor:
    """`[rows, hidden]`: what its expert makes of each row's token."""
    inputs = layout.inputs(x)
    bits = None if predictor is None else predictor.select_of_rows(inputs, layout)
    gate_rows, up_rows, down = weights.unbind(2)
    gate, up = layout.linear(inputs, gate_rows), layout.linear(inputs, up_rows)
    act = masked_activation(gate, up, bits, None, activation, gate_threshold)
    return layout.linear(act, down.transpose(1, 2))
