"""RMS norm, rotary embedding and grouped-query attention of one whole sequence."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class AttentionWeights(NamedTuple):
    """Matrices `[heads * head_dim, hidden]`, with `kv_heads` for keys and values; `output [hidden, heads * head_dim]`.

    Biases are `[rows]` of the first three, None where the checkpoint has none.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor
    query_bias: Tensor | None = None
    key_bias: Tensor | None = None
    value_bias: Tensor | None = None


def wide(dtype: torch.dtype) -> torch.dtype:
    """What sums and exponentials of values of `dtype` are computed in: float32, or float64 for float64."""
    return torch.promote_types(dtype, torch.float32)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """`x / sqrt(mean(x**2) + eps) * weight` over the last dimension, rounded to the dtype of `x` before the product."""
    values = x.to(wide(x.dtype))
    scale = torch.rsqrt(values.square().mean(-1, keepdim=True) + eps)
    return (values * scale).to(x.dtype) * weight


def attention(
    x: Tensor, weights: AttentionWeights, head_dim: int, rope_theta: float, sliding_window: int | None
) -> Tensor:
    """Causal attention `[tokens, hidden]` of normed rows `x [tokens, hidden]` at positions 0, 1, 2 ….

    A row attends to itself and the `sliding_window - 1` rows before it, to all of them where that is None.
    """
    query, key, value = (
        functional.linear(x, matrix, bias).unflatten(-1, (-1, head_dim)).transpose(0, 1)
        for matrix, bias in (
            (weights.query, weights.query_bias),
            (weights.key, weights.key_bias),
            (weights.value, weights.value_bias),
        )
    )
    query, key = _rotate(query, rope_theta), _rotate(key, rope_theta)
    group = len(query) // len(key)
    key, value = key.repeat_interleave(group, 0), value.repeat_interleave(group, 0)
    mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=_visible(x, sliding_window))
    return functional.linear(mixed.transpose(0, 1).flatten(1), weights.output)


def _rotate(x: Tensor, theta: float) -> Tensor:
    """Rotary embedding of `[heads, tokens, head_dim]`, whose halves are the two coordinates (arXiv 2104.09864)."""
    half = x.shape[-1] // 2
    exponents = torch.arange(half, dtype=torch.float64, device=x.device) / half
    positions = torch.arange(x.shape[-2], dtype=torch.float64, device=x.device)
    # Angles of late positions would lose digits in float32, whatever is rotated.
    angles = positions[:, None] * theta**-exponents
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def _visible(x: Tensor, window: int | None) -> Tensor:
    """bool `[tokens, tokens]`: row attends to column."""
    mask = torch.ones((len(x), len(x)), dtype=torch.bool, device=x.device).tril()
    return mask if window is None else mask.triu(1 - window)
