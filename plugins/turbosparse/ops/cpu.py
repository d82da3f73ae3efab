"""The operators as dense GEMMs behind the argument checks: the CPU implementation."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from turbosparse import reference
from turbosparse.ops import checks, dense
from turbosparse.reference.attention import rms_norm
from turbosparse.reference.routing import top_k_routing


def pack_mask(mask: Tensor) -> tuple[Tensor, Tensor]:
    return reference.pack_mask(checks.mask(mask))


def predict(
    x: Tensor,
    fc1: Tensor,
    fc2: Tensor,
    threshold: float,
    topk_ids: Tensor | None = None,
    padding: Tensor | None = None,
    fc2_low: Tensor | None = None,
    fc2_scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    checks.tokens_and_hidden(x)
    predictor = checks.predictor(x, fc1, fc2, fc2_low, fc2_scale)
    checks.padding(x, padding)
    checks.predictor_routing(x, predictor.fc1, topk_ids)
    return dense.predict(x, dense.Predictor(predictor, threshold), topk_ids, padding)


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
    return dense.ffn(x, weights, token_bits, None, activation, gate_threshold)


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
    return dense.ffn(x, weights, None, padding, activation, gate_threshold)


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
    fc2_low: Tensor | None = None,
    fc2_scale: Tensor | None = None,
) -> Tensor:
    checks.tokens_and_hidden(x)
    checks.activation(activation, gate_threshold)
    weights = checks.neuron_weights(x, weights)
    checks.routing(x, weights, topk_ids, topk_weights)
    checks.padding(x, padding)
    checked = checks.moe_predictor(x, weights, fc1, fc2, fc2_low, fc2_scale)
    predictor = None if checked is None else dense.Predictor(checked, threshold)
    return dense.moe(x, weights, topk_ids, topk_weights, predictor, padding, activation, gate_threshold)


def add_rms_norm(x: Tensor, residual: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    checks.norm(x, residual, weight, eps)
    added = x + residual
    return rms_norm(added, weight, eps), added


def add_rms_norm_route(
    x: Tensor, residual: Tensor, weight: Tensor, eps: float, router: Tensor, top_k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    checks.router(x, router, top_k)
    normed, added = add_rms_norm(x, residual, weight, eps)
    return normed, added, *top_k_routing(functional.linear(normed, router), top_k)


# What the dense path does around its GEMMs.
pack_logits_ = dense.pack_logits_
activate_ = dense.activate_
group_tokens = dense.group_tokens
sum_slots_ = dense.sum_slots_
