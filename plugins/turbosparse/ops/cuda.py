"""The operators over the compiled library, or as dense GEMMs from the crossover on."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse import _library, crossover
from turbosparse.ops import checks, cpu, dense
from turbosparse.reference.active_set import WORD, token_words, union_bytes
from turbosparse.reference.predictor import PredictorWeights


def _workspace(op: str, x: Tensor, intermediate: int, experts: int, rank: int = 0) -> Tensor:
    size = _library.workspace_bytes(x.get_device(), op, x.shape[0], x.shape[1], intermediate, experts, rank)
    return torch.empty(size, dtype=torch.uint8, device=x.device)


def _empty_active_set(device: torch.device, tokens: int, experts: int, intermediate: int) -> tuple[Tensor, Tensor]:
    union = torch.empty((experts, union_bytes(intermediate)), dtype=torch.uint8, device=device)
    bits = torch.empty((token_words(tokens) * experts, intermediate), dtype=torch.int64, device=device)
    return union, bits


def pack_mask(mask: Tensor) -> tuple[Tensor, Tensor]:
    mask = checks.mask(mask)
    tokens, experts, intermediate = mask.shape
    if not 0 < tokens <= WORD:
        return cpu.pack_mask(mask)
    union, bits = _empty_active_set(mask.device, tokens, experts, intermediate)
    _library.functions(mask.get_device()).pack_mask(mask, union, bits)
    return union, bits


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
    tokens, _ = checks.tokens_and_hidden(x)
    if not 0 < tokens <= WORD:
        return cpu.predict(x, fc1, fc2, threshold, topk_ids, padding, fc2_low, fc2_scale)
    predictor = checks.predictor(x, fc1, fc2, fc2_low, fc2_scale)
    checks.padding(x, padding)
    checks.predictor_routing(x, predictor.fc1, topk_ids)
    return _select(x, predictor, threshold, topk_ids, padding)


def ffn(
    x: Tensor,
    weights: Tensor,
    union_bits: Tensor,
    token_bits: Tensor,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
) -> Tensor:
    checks.tokens_and_hidden(x)
    number = checks.activation(activation, gate_threshold)
    weights = checks.neuron_weights(x, weights)
    checks.dense(weights)
    checks.active_set(x, weights, union_bits, token_bits)
    if _runs_dense("ffn", x, weights, activation):
        return dense.ffn(x, weights, token_bits, None, activation, gate_threshold)
    return _active_only(x, weights, union_bits, token_bits, number, gate_threshold, None, None)


def ffn_gate_first(
    x: Tensor,
    weights: Tensor,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
    padding: Tensor | None = None,
) -> Tensor:
    checks.tokens_and_hidden(x)
    number = checks.activation(activation, gate_threshold)
    weights = checks.neuron_weights(x, weights)
    checks.dense(weights)
    checks.padding(x, padding)
    if _runs_dense("ffn_gate_first", x, weights, activation):
        return dense.ffn(x, weights, None, padding, activation, gate_threshold)
    return _gate_first(x, weights, number, gate_threshold, None, None, padding)


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
    tokens, _ = checks.tokens_and_hidden(x)
    if not 0 < tokens <= WORD:
        selection = (fc1, fc2, threshold, activation, gate_threshold, padding, fc2_low, fc2_scale)
        return cpu.moe(x, weights, topk_ids, topk_weights, *selection)
    number = checks.activation(activation, gate_threshold)
    weights = checks.neuron_weights(x, weights)
    checks.routing(x, weights, topk_ids, topk_weights)
    checks.padding(x, padding)
    predictor = checks.moe_predictor(x, weights, fc1, fc2, fc2_low, fc2_scale)
    top_k = topk_ids.shape[1]
    function = (activation, gate_threshold)
    if predictor is None:
        if _runs_dense("moe_gate_first", x, weights, activation, top_k):
            return dense.moe(x, weights, topk_ids, topk_weights, None, padding, *function)
        return _gate_first(x, weights, number, gate_threshold, topk_ids, topk_weights, padding)
    if _runs_dense("moe", x, weights, activation, top_k, predictor.fc2):
        selection = dense.Predictor(predictor, threshold)
        return dense.moe(x, weights, topk_ids, topk_weights, selection, padding, *function)
    union, bits = _select(x, predictor, threshold, topk_ids, padding)
    return _active_only(x, weights, union, bits, number, gate_threshold, topk_ids, topk_weights)


_DTYPES = {torch.bfloat16: "bf16", torch.float16: "fp16"}


def _runs_dense(
    operator: str, x: Tensor, weights: Tensor, activation: str, top_k: int = 1, fc2: Tensor | None = None
) -> bool:
    rank, bits = (None, None) if fc2 is None else (fc2.shape[2], 8 * fc2.element_size())
    sizes = (x.shape[1], weights.shape[1], weights.shape[0], top_k, rank, bits, _DTYPES[x.dtype], activation)
    return crossover.runs_dense(x.get_device(), operator, x.shape[0], *sizes)


# The library's operators on arguments that are checked, with the outputs and workspaces they need.


def _select(
    x: Tensor, predictor: PredictorWeights, threshold: float, topk_ids: Tensor | None, padding: Tensor | None
) -> tuple[Tensor, Tensor]:
    rank = checks.kernel_rank(predictor.fc1)
    experts, intermediate = predictor.fc2.shape[:2]
    union, bits = _empty_active_set(x.device, x.shape[0], experts, intermediate)
    workspace = _workspace("predict", x, intermediate, experts, rank)
    predict = _library.functions(x.get_device()).predict
    fc1, fc2, fc2_low, fc2_scale = predictor
    predict(x, fc1, fc2, fc2_low, fc2_scale, threshold, topk_ids, padding, workspace, union, bits)
    return union, bits


def _active_only(
    x: Tensor,
    weights: Tensor,
    union_bits: Tensor,
    token_bits: Tensor,
    activation: int,
    gate_threshold: float,
    topk_ids: Tensor | None,
    topk_weights: Tensor | None,
) -> Tensor:
    experts, intermediate = weights.shape[:2]
    out = torch.empty_like(x)
    workspace = _workspace("ffn", x, intermediate, experts)
    ffn = _library.functions(x.get_device()).ffn
    ffn(x, weights, union_bits, token_bits, activation, gate_threshold, topk_ids, topk_weights, workspace, out)
    return out


def _gate_first(
    x: Tensor,
    weights: Tensor,
    activation: int,
    gate_threshold: float,
    topk_ids: Tensor | None,
    topk_weights: Tensor | None,
    padding: Tensor | None,
) -> Tensor:
    experts, intermediate = weights.shape[:2]
    out = torch.empty_like(x)
    workspace = _workspace("gate_first", x, intermediate, experts)
    gate_first = _library.functions(x.get_device()).gate_first
    gate_first(x, weights, activation, gate_threshold, topk_ids, topk_weights, padding, workspace, out)
    return out


# What the dense path does around its GEMMs.

_NUMBERS = {torch.bfloat16: 0, torch.float16: 1}


def add_rms_norm(x: Tensor, residual: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    return _add_rms_norm(x, residual, weight, eps, None, None, None)


def add_rms_norm_route(
    x: Tensor, residual: Tensor, weight: Tensor, eps: float, router: Tensor, top_k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    checks.router(x, router, top_k)
    ids = torch.empty((len(x), top_k), dtype=torch.int32, device=x.device)
    scores = torch.empty((len(x), top_k), dtype=torch.float32, device=x.device)
    return *_add_rms_norm(x, residual, weight, eps, router, ids, scores), ids, scores


def _add_rms_norm(
    x: Tensor,
    residual: Tensor,
    weight: Tensor,
    eps: float,
    router: Tensor | None,
    topk_ids: Tensor | None,
    topk_weights: Tensor | None,
) -> tuple[Tensor, Tensor]:
    checks.norm(x, residual, weight, eps)
    normed, added = torch.empty_like(x), torch.empty_like(x)
    if x.numel() > 0:
        norm = _library.functions(x.get_device()).add_rms_norm
        norm(x, residual, weight, eps, router, normed, added, topk_ids, topk_weights)
    return normed, added


def pack_logits_(
    token_bits: Tensor,
    union_bits: Tensor | None,
    logits: Tensor,
    scale: Tensor | None,
    ends: Tensor | None,
    dropped: Tensor | None,
    dtype: torch.dtype,
    threshold: float,
) -> None:
    if logits.numel() == 0:
        return
    pack_logits = _library.functions(logits.get_device()).pack_logits
    pack_logits(logits, scale, ends, dropped, _NUMBERS[dtype], threshold, token_bits, union_bits)


def activate_(
    gate: Tensor, up: Tensor, token_bits: Tensor | None, dropped: Tensor | None, activation: str, gate_threshold: float
) -> None:
    if gate.numel() == 0:
        return
    activate = _library.functions(gate.get_device()).activate
    activate(gate, up, token_bits, dropped, checks.activation(activation, gate_threshold), gate_threshold)


def group_tokens(topk_ids: Tensor, padding: Tensor | None, experts: int) -> tuple[Tensor, Tensor, Tensor]:
    token, position = torch.empty_like(topk_ids).flatten(), torch.empty_like(topk_ids)
    ends = torch.empty(experts, dtype=torch.int32, device=topk_ids.device)
    if topk_ids.numel() == 0:
        return token, position, ends.zero_()
    _library.functions(topk_ids.get_device()).group_tokens(topk_ids, padding, token, position, ends)
    return token, position, ends


def sum_slots_(out: Tensor, rows: Tensor, position: Tensor, topk_weights: Tensor) -> None:
    if position.numel() == 0:
        out.zero_()
        return
    _library.functions(out.get_device()).sum_slots(rows, position, topk_weights, out)
