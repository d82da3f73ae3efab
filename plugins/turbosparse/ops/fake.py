"""Shapes, dtypes and devices of the results: what tracing needs. Arguments are checked when the operator runs."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.reference.active_set import token_words, union_bytes


def _active_set(like: Tensor, tokens: int, experts: int, intermediate: int) -> tuple[Tensor, Tensor]:
    union = like.new_empty((experts, union_bytes(intermediate)), dtype=torch.uint8)
    return union, like.new_empty((token_words(tokens) * experts, intermediate), dtype=torch.int64)


def pack_mask(mask):
    experts = mask.shape[1] if mask.dim() == 3 else 1
    return _active_set(mask, mask.shape[0], experts, mask.shape[-1])


def predict(x, fc1, fc2, threshold, topk_ids=None, padding=None, fc2_low=None, fc2_scale=None):
    experts = fc2.shape[0] if fc2.dim() == 3 else 1
    return _active_set(x, x.shape[0], experts, fc2.shape[-2])


def ffn(x, weights, union_bits, token_bits, activation="drelu", gate_threshold=0.0):
    return x.new_empty(x.shape)


def ffn_gate_first(x, weights, activation="drelu", gate_threshold=0.0, padding=None):
    return x.new_empty(x.shape)


def moe(
    x,
    weights,
    topk_ids,
    topk_weights,
    fc1=None,
    fc2=None,
    threshold=0.0,
    activation="drelu",
    gate_threshold=0.0,
    padding=None,
    fc2_low=None,
    fc2_scale=None,
):
    return x.new_empty(x.shape)


def add_rms_norm(x, residual, weight, eps):
    return torch.empty_like(x), torch.empty_like(x)


def add_rms_norm_route(x, residual, weight, eps, router, top_k):
    routing = (x.shape[0], top_k)
    ids, weights = x.new_empty(routing, dtype=torch.int32), x.new_empty(routing, dtype=torch.float32)
    return *add_rms_norm(x, residual, weight, eps), ids, weights


def activate_(gate, up, token_bits, dropped, activation, gate_threshold):
    return None


def pack_logits_(token_bits, union_bits, logits, scale, ends, dropped, dtype, threshold):
    return None


def group_tokens(topk_ids, padding, experts):
    return topk_ids.new_empty(topk_ids.numel()), torch.empty_like(topk_ids), topk_ids.new_empty(experts)


def sum_slots_(out, rows, position, topk_weights):
    return None
