"""The layers as functions of their tensors: what a server wraps in an operator of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse import ops
from turbosparse.reference.predictor import selection_threshold
from turbosparse.reference.routing import routed_mask, routing_scale


def mlp(
    x: Tensor,
    predictor_input: Tensor,
    weights: Tensor,
    fc1: Tensor | None,
    fc2: Tensor | None,
    fc2_low: Tensor | None,
    fc2_scale: Tensor | None,
    activation: str,
    gate_threshold: float,
    padding: Tensor | None = None,
) -> Tensor:
    """`[tokens, hidden]`: one shard's part of a dense FFN, with neurons chosen by its predictor or else by its gates.

    Args:
        x: `[tokens, hidden]`, what the neurons read.
        predictor_input: `[tokens, hidden]`, what the predictor reads.
        weights, fc1, fc2, fc2_low, fc2_scale: of one expert, as in `turbosparse.ops`; no predictor is all four None.
        padding: bool `[tokens]`; marked rows come out as 0 and activate nothing.
    """
    if fc1 is None or fc2 is None:
        return ops.ffn_gate_first(x, weights, activation, gate_threshold, padding)
    planes = (fc2_low, fc2_scale)
    active = ops.predict(predictor_input, fc1, fc2, selection_threshold(x.dtype), None, padding, *planes)
    return ops.ffn(x, weights, *active, activation, gate_threshold)


def moe(
    x: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    weights: Tensor,
    fc1: Tensor | None,
    fc2: Tensor | None,
    fc2_low: Tensor | None,
    fc2_scale: Tensor | None,
    activation: str,
    gate_threshold: float,
    padding: Tensor | None = None,
) -> Tensor:
    """`[tokens, hidden]`: one shard's part of the routed experts' FFNs, each scaled by its routing weight.

    Args:
        topk_ids: int32 `[tokens, top_k]`, local experts; others, such as -1, are experts of other shards or none.
        topk_weights: float32 `[tokens, top_k]`.

    Other arguments as `mlp`; predictors read `x`.
    """
    predictor = (fc1, fc2, fc2_low, fc2_scale)
    if weights.shape[0] == 1:
        return _single(x, topk_ids, topk_weights, weights, predictor, activation, gate_threshold, padding)
    threshold = selection_threshold(x.dtype)
    function = (threshold, activation, gate_threshold)
    return ops.moe(x, weights, topk_ids, topk_weights, fc1, fc2, *function, padding, fc2_low, fc2_scale)


def _single(
    x: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    weights: Tensor,
    predictor: tuple[Tensor | None, ...],
    activation: str,
    gate_threshold: float,
    padding: Tensor | None,
) -> Tensor:
    """A shard with one of the experts: a dense FFN for which tokens of other experts are padding."""
    elsewhere = ~routed_mask(topk_ids, 1)[:, 0]
    if padding is not None:
        elsewhere |= padding
    out = mlp(x, x, weights, *predictor, activation, gate_threshold, elsewhere)
    scaled = (out * routing_scale(topk_ids, topk_weights, 1)).to(x.dtype)
    # The routing weights of padded rows may be NaN.
    return torch.where(elsewhere[:, None], scaled.new_zeros(()), scaled)
