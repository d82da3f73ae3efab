"""The released decoders layer by layer: what a server computes, in plain torch of any floating dtype.

One call computes one whole sequence without a cache: rows are the positions from 0 on. In float64 this is the truth
for whole models, in the checkpoint's dtype an ordinary evaluation. Norms, softmax and routing are computed in float32
as in the released code, or in float64 if the arguments are. `turbosparse.weights.decoder` loads the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.reference.activations import combine
from turbosparse.reference.attention import AttentionWeights, attention, rms_norm, wide
from turbosparse.reference.predictor import PredictorWeights, predict_mask


@dataclass(frozen=True)
class DecoderConfig:
    """What config.json says of the forward pass."""

    layers: int
    hidden: int
    vocab: int
    heads: int
    kv_heads: int
    head_dim: int
    rms_eps: float
    rope_theta: float
    # Tokens that one attends to, itself included; None: all before it.
    sliding_window: int | None
    # Experts that a token is routed to; None without a router.
    top_k: int | None
    activation: str
    gate_threshold: float
    # TurboSparse-Mistral's predictors read the residual stream, TurboSparse-Mixtral's what the experts read.
    predictor_reads_residual: bool
    # What the logit of a kept neuron exceeds.
    predictor_threshold: float


class DecoderLayer(NamedTuple):
    """One layer: norms `[hidden]`, `router [experts, hidden]`, `weights [experts, intermediate, 3, hidden]`."""

    input_norm: Tensor
    attention: AttentionWeights
    post_attention_norm: Tensor
    router: Tensor | None
    weights: Tensor
    predictor: PredictorWeights | None


class ExpertTrace(NamedTuple):
    """What one expert, of a dense model the only one, made of the tokens routed to it.

    `rows` int64 `[n]` says which tokens of the sequence; `gate` and `up` are `[n, intermediate]` before the activation;
    `kept` is the predictor's bool mask of that shape, None without a predictor.
    """

    expert: int
    rows: Tensor
    gate: Tensor
    up: Tensor
    kept: Tensor | None


def decode(hidden: Tensor, layers: Iterable[DecoderLayer], norm: Tensor, head: Tensor, config: DecoderConfig) -> Tensor:
    """Logits `[tokens, vocab]` of one sequence of embedded tokens `[tokens, hidden]`, in their dtype."""
    for layer in layers:
        hidden = decoder_layer(hidden, layer, config)
    return functional.linear(rms_norm(hidden, norm, config.rms_eps), head)


def decoder_layer(
    hidden: Tensor,
    layer: DecoderLayer,
    config: DecoderConfig,
    observe: Callable[[ExpertTrace], None] = lambda trace: None,
) -> Tensor:
    """The residual stream `[tokens, hidden]` after one layer. `observe` is told of each expert that has tokens."""
    normed = rms_norm(hidden, layer.input_norm, config.rms_eps)
    mixed = attention(normed, layer.attention, config.head_dim, config.rope_theta, config.sliding_window)
    residual = hidden + mixed
    normed = rms_norm(residual, layer.post_attention_norm, config.rms_eps)
    seen = residual if config.predictor_reads_residual else normed
    ids, shares = _route(normed, layer.router, config.top_k)
    out = torch.zeros_like(normed, dtype=wide(normed.dtype))
    for expert, block in enumerate(layer.weights):
        rows, slots = (ids == expert).nonzero(as_tuple=True)
        if len(rows) == 0:
            continue
        gate, up = (functional.linear(normed[rows], block[:, part]) for part in (0, 1))
        kept = _kept(seen[rows], layer.predictor, expert, config.predictor_threshold)
        observe(ExpertTrace(expert, rows, gate, up, kept))
        act = combine(gate, up, config.activation, config.gate_threshold)
        if kept is not None:
            act = torch.where(kept, act, act.new_zeros(()))
        out.index_add_(0, rows, (act @ block[:, 2] * shares[rows, slots, None]).to(out.dtype))
    return residual + out.to(hidden.dtype)


def _route(x: Tensor, router: Tensor | None, top_k: int | None) -> tuple[Tensor, Tensor]:
    """Ids int64 and weights `[tokens, top_k]`: softmax over all experts, the largest of it made to sum to 1."""
    if router is None or top_k is None:
        return x.new_zeros((len(x), 1), dtype=torch.int64), x.new_ones((len(x), 1))
    chances = functional.linear(x, router).to(wide(x.dtype)).softmax(-1)
    weights, ids = chances.topk(top_k, dim=-1)
    return ids, (weights / weights.sum(-1, keepdim=True)).to(x.dtype)


def _kept(x: Tensor, predictor: PredictorWeights | None, expert: int, threshold: float) -> Tensor | None:
    if predictor is None:
        return None
    own = PredictorWeights(*(None if part is None else part[expert : expert + 1] for part in predictor))
    return predict_mask(x, own.fc1, own.fc2, threshold, own.fc2_low, own.fc2_scale)[:, 0]
