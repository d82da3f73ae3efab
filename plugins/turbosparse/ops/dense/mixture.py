"""The FFNs of routed experts."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.ops.dense.activation import masked_activation
from turbosparse.ops.dense.chunks import chunks
from turbosparse.ops.dense.grouping import group, has_grouped_gemm
from turbosparse.ops.dense.selection import Selection
from turbosparse.reference.dense import masked_moe


def moe(
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    selection: Selection,
    padding: Tensor | None,
    activation: str,
    gate_threshold: float,
) -> Tensor:
    """`[tokens, hidden]` of `x [tokens, hidden]`, `weights [experts, intermediate, 3, hidden]` and the routing.

    Each expert computes the tokens routed to it. Where torch has no grouped GEMM that a graph can hold, each computes
    every token instead, and what it was not asked for is dropped.
    """
    experts, intermediate = weights.shape[:2]
    out = torch.empty_like(x)
    grouped = has_grouped_gemm(x, intermediate)
    rows = topk_ids.shape[1] if grouped else experts
    # Gate, up, the mask and what it is made from.
    for part in chunks(len(x), max(rows, 1) * intermediate * (2 * x.element_size() + 3)):
        function = (activation, gate_threshold)
        pad = None if padding is None else padding[part]
        if grouped:
            out[part] = _grouped(x, weights, topk_ids[part], topk_weights[part], selection, part, pad, *function)
        else:
            dropped = selection.dropped(part)
            mask = None if dropped is None else ~dropped.expand(-1, experts, intermediate)
            out[part] = masked_moe(x[part], weights, topk_ids[part], topk_weights[part], mask, *function)
    return out


def _grouped(
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    selection: Selection,
    part: slice,
    padding: Tensor | None,
    activation: str,
    gate_threshold: float,
) -> Tensor:
    groups = group(topk_ids, weights.shape[0], padding)
    inputs = x[part].index_select(0, groups.token)
    dropped = selection.dropped_of_groups(part, inputs, groups)
    gate_rows, up_rows, down = weights.unbind(2)
    gate, up = groups.linear(inputs, gate_rows), groups.linear(inputs, up_rows)
    act = masked_activation(gate, up, None, dropped, activation, gate_threshold)
    rows = groups.linear(act, down.transpose(1, 2))

    # Slot by slot in a fixed order: adding rows to their tokens by index would need atomics.
    wide = torch.promote_types(x.dtype, torch.float32)
    slots = rows[groups.position].to(wide) * topk_weights.to(wide).unsqueeze(-1)
    nowhere = (groups.expert == weights.shape[0])[groups.position].unsqueeze(-1)
    return slots.masked_fill_(nowhere, 0.0).sum(1).to(x.dtype)
