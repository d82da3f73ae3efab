"""The operators in plain torch: the CPU implementation, and that of more than 64 tokens on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse import reference
from turbosparse.ops import checks


def pack_mask(mask: Tensor) -> tuple[Tensor, Tensor]:
    return reference.pack_mask(checks.mask(mask))


def predict(
    x: Tensor,
    fc1: Tensor,
    fc2: Tensor,
    threshold: float,
    topk_ids: Tensor | None = None,
    padding: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    checks.tokens_and_hidden(x)
    fc1, fc2 = checks.predictor(x, fc1, fc2)
    checks.padding(x, padding)
    checks.predictor_routing(x, fc1, topk_ids)
    mask = reference.predict_mask(x, fc1, fc2, threshold)
    if topk_ids is not None:
        mask &= reference.routed_mask(topk_ids, fc1.shape[0]).unsqueeze(-1)
    if padding is not None:
        mask &= ~padding[:, None, None]
    return reference.pack_mask(mask)


def ffn(
    x: Tensor,
    weights: Tensor,
    union_bits: Tensor,
    token_bits: Tensor,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
) -> Tensor:
    checks.tokens_and_hidden(x)
    checks.activation(activation, gate_threshold)
    weights = checks.neuron_weights(x, weights)
    checks.dense(weights)
    checks.active_set(x, weights, union_bits, token_bits)
    if x.shape[0] == 0:
        return torch.empty_like(x)
    mask = reference.unpack_mask(token_bits, x.shape[0])
    return reference.masked_ffn(x, weights, mask, activation, gate_threshold)


def ffn_gate_first(
    x: Tensor,
    weights: Tensor,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
    padding: Tensor | None = None,
) -> Tensor:
    checks.tokens_and_hidden(x)
    checks.activation(activation, gate_threshold)
    weights = checks.neuron_weights(x, weights)
    checks.dense(weights)
    checks.padding(x, padding)
    return reference.masked_ffn(x, weights, _kept(x, weights, padding), activation, gate_threshold)


def moe(
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    fc1: Tensor | None = None,
    fc2: Tensor | None = None,
    threshold: float = 0.0,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
    padding: Tensor | None = None,
) -> Tensor:
    checks.tokens_and_hidden(x)
    checks.activation(activation, gate_threshold)
    weights = checks.neuron_weights(x, weights)
    checks.routing(x, weights, topk_ids, topk_weights)
    checks.padding(x, padding)
    mask = _kept(x, weights, padding)
    predictor = checks.moe_predictor(x, weights, fc1, fc2)
    if predictor is not None:
        selected = reference.predict_mask(x, *predictor, threshold)
        mask = selected if mask is None else mask & selected
    return reference.masked_moe(x, weights, topk_ids, topk_weights, mask, activation, gate_threshold)


def _kept(x: Tensor, weights: Tensor, padding: Tensor | None) -> Tensor | None:
    """The mask of rows that are not padding."""
    return None if padding is None else ~padding[:, None, None].expand(-1, *weights.shape[:2])
