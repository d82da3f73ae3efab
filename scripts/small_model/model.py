"""The model as it is trained. Its parameters have the names of the released checkpoints, so its state is one.

The forward pass is that of `turbosparse.reference.decoder`, for batches and with gradients.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from turbosparse.reference import default_threshold

from small_model.settings import Settings

_THRESHOLD = default_threshold(torch.bfloat16)
# Steepness of the soft count of active neurons, in standard deviations of gate and up values.
_STEEPNESS = 4.0
# A missed neuron costs this much more than one predicted in vain: it changes the output, the other only the time.
_MISSED = 3.0


class Activity(NamedTuple):
    """Scalars of one layer and batch. Shares are of all neurons, `recall` is of the active ones."""

    # Differentiable stand-in for `active`.
    soft_active: Tensor
    # Cross entropy of the predictor against which neurons are active.
    predictor_loss: Tensor
    active: Tensor
    kept: Tensor
    recall: Tensor


class Predictor(nn.Module):
    """`fc2(relu(fc1(p)))` of the residual stream."""

    def __init__(self, settings: Settings, rank: int) -> None:
        super().__init__()
        self.fc1 = _linear(settings.hidden, rank)
        self.fc2 = _linear(rank, settings.intermediate)

    def forward(self, residual: Tensor) -> Tensor:
        return self.fc2(torch.relu(self.fc1(residual)))


class Mlp(nn.Module):
    """dReLU, masked by the predictor's hard decision whose gradient is that of its sigmoid."""

    def __init__(self, settings: Settings, rank: int) -> None:
        super().__init__()
        self.gate_proj = _linear(settings.hidden, settings.intermediate)
        self.up_proj = _linear(settings.hidden, settings.intermediate)
        self.down_proj = _linear(settings.intermediate, settings.hidden, settings.layers)
        self.predictor = Predictor(settings, rank)

    def forward(self, x: Tensor, residual: Tensor, masked: bool) -> tuple[Tensor, Activity]:
        gate, up, logits = self.gate_proj(x), self.up_proj(x), self.predictor(residual)
        act = torch.relu(gate) * torch.relu(up)
        kept = logits > _THRESHOLD
        if masked:
            chance = torch.sigmoid(logits)
            act = act * (kept.to(act.dtype) + (chance - chance.detach()))
        return self.down_proj(act), _activity(gate, up, logits, kept)


class Attention(nn.Module):
    """Causal grouped-query attention with rotary embedding."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.head_dim = settings.head_dim
        queries, keys = settings.heads * settings.head_dim, settings.kv_heads * settings.head_dim
        self.q_proj = _linear(settings.hidden, queries)
        self.k_proj = _linear(settings.hidden, keys)
        self.v_proj = _linear(settings.hidden, keys)
        self.o_proj = _linear(queries, settings.hidden, settings.layers)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        query, key, value = (
            projection(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = _rotate(query, cos, sin), _rotate(key, cos, sin)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention and FFN on the residual stream."""

    def __init__(self, settings: Settings, rank: int) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(settings.hidden, eps=settings.rms_eps)
        self.self_attn = Attention(settings)
        self.post_attention_layernorm = nn.RMSNorm(settings.hidden, eps=settings.rms_eps)
        self.mlp = Mlp(settings, rank)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, masked: bool) -> tuple[Tensor, Activity]:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        out, activity = self.mlp(self.post_attention_layernorm(x), x, masked)
        return x + out, activity


class Body(nn.Module):
    """Everything but the head."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(settings.vocab, settings.hidden)
        self.layers = nn.ModuleList(Layer(settings, rank) for rank in settings.ranks)
        self.norm = nn.RMSNorm(settings.hidden, eps=settings.rms_eps)


class SmallModel(nn.Module):
    """Next-token logits `[batch, tokens, vocab]` of int64 `[batch, tokens]`, and each layer's activity."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.model = Body(settings)
        self.lm_head = _linear(settings.hidden, settings.vocab)
        half = settings.head_dim // 2
        angles = torch.arange(settings.context)[:, None] * settings.rope_theta ** -(torch.arange(half) / half)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, tokens: Tensor, masked: bool) -> tuple[Tensor, Activity]:
        x, activities = self.model.embed_tokens(tokens), []
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        for layer in self.model.layers:
            x, activity = layer(x, cos, sin, masked)
            activities.append(activity)
        return self.lm_head(self.model.norm(x)), Activity(*(torch.stack(part) for part in zip(*activities)))


def _linear(columns: int, rows: int, branches: int | None = None) -> nn.Linear:
    """Rows of unit variance; those that end one of `branches` layers are so much smaller that their sum has it too."""
    linear = nn.Linear(columns, rows, bias=False)
    nn.init.normal_(linear.weight, std=1 / math.sqrt(columns * 2 * (branches or 0.5)))
    return linear


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def _activity(gate: Tensor, up: Tensor, logits: Tensor, kept: Tensor) -> Activity:
    active = (gate > 0) & (up > 0)
    # Measured in the values' own spread, so that shrinking all of them gains nothing.
    open_gate, open_up = (torch.sigmoid(_STEEPNESS * part / part.detach().std()) for part in (gate, up))
    wanted = active.to(logits.dtype)
    loss = functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=logits.new_tensor(_MISSED))
    hits = (active & kept).sum() / active.sum().clamp(min=1)
    return Activity((open_gate * open_up).mean(), loss, active.float().mean(), kept.float().mean(), hits)
