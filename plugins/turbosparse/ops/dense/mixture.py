"""The FFNs of routed experts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.ops.dense.activation import masked_activation
from turbosparse.ops.dense.chunks import chunks
from turbosparse.ops.dense.grouping import group, has_grouped_gemm
from turbosparse.ops.dense.selection import Predictor, unrouted
from turbosparse.reference.active_set import token_words
from turbosparse.reference.routing import routing_scale


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

    Each expert computes the tokens routed to it. Where torch has no grouped GEMM that a graph can hold, each computes
    every token instead, and what it was not asked for is dropped. Without a predictor the gates decide.
    """
    out = torch.empty_like(x)
    grouped = has_grouped_gemm(x, weights.shape[1])
    rows = max(topk_ids.shape[1], 1) if grouped else 1
    compute = _of_groups if grouped else _of_every_expert
    # Gate and up; the predictor's logits are gone by then.
    for part in chunks(len(x), rows * weights.shape[1] * 2 * x.element_size()):
        pad = None if padding is None else padding[part]
        routing = (topk_ids[part], topk_weights[part])
        compute(out[part], x[part], weights, *routing, predictor, pad, activation, gate_threshold)
    return out


def _of_groups(
    out: Tensor,
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    predictor: Predictor | None,
    padding: Tensor | None,
    activation: str,
    gate_threshold: float,
) -> None:
    # Padded tokens are of no expert.
    groups = group(topk_ids, weights.shape[0], padding)
    inputs = x.index_select(0, groups.token)
    bits = None if predictor is None else predictor.select_of_groups(inputs, groups)
    gate_rows, up_rows, down = weights.unbind(2)
    gate, up = groups.linear(inputs, gate_rows), groups.linear(inputs, up_rows)
    act = masked_activation(gate, up, bits, None, activation, gate_threshold)
    rows = groups.linear(act, down.transpose(1, 2))
    torch.ops.turbosparse.sum_slots_(out, rows, groups.position, topk_weights)


def _of_every_expert(
    out: Tensor,
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    predictor: Predictor | None,
    padding: Tensor | None,
    activation: str,
    gate_threshold: float,
) -> None:
    experts, intermediate = weights.shape[:2]
    dropped = unrouted(topk_ids, experts, padding)
    # Padded tokens may have any weights, also NaN.
    scale = routing_scale(topk_ids, topk_weights, experts).masked_fill_(dropped.T, 0.0)
    # Experts are summed in float32: as many roundings to the dtype would cost more than the GEMMs' own error.
    total = torch.zeros(x.shape, dtype=torch.promote_types(x.dtype, torch.float32), device=x.device)
    bits = None
    if predictor is not None:
        bits = torch.empty((token_words(len(x)), intermediate), dtype=torch.int64, device=x.device)
    for expert, (gate_rows, up_rows, down) in enumerate(zip(*weights.unbind(2))):
        if predictor is not None:
            predictor.select(x, expert, None, bits, None)
        gate, up = functional.linear(x, gate_rows), functional.linear(x, up_rows)
        act = masked_activation(gate, up, bits, dropped[expert], activation, gate_threshold)
        total.addcmul_((act @ down).to(total.dtype), scale[:, expert, None].to(total.dtype))
    out.copy_(total)
