"""Causal attention of packed whole sequences, without a cache."""

import torch
from torch.nn import functional


def rotated(x, positions, theta):
    """Rotary embedding of `[tokens, heads, head_dim]`, whose halves are the two coordinates."""
    half = x.shape[-1] // 2
    exponents = torch.arange(half, dtype=torch.float64, device=x.device) / half
    angles = positions[:, None].double() * theta**-exponents
    cos, sin = (values.to(x.dtype)[:, None] for values in (angles.cos(), angles.sin()))
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def attended(query, key, value, lengths, window):
    """`[tokens, heads * head_dim]` of sequences of these lengths; a row sees `window` rows, itself included."""
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    outputs = []
    for parts in zip(*(tensor.split(lengths) for tensor in (query, key, value))):
        visible = torch.ones((len(parts[0]),) * 2, dtype=torch.bool, device=query.device).tril()
        visible = visible if window is None else visible.triu(1 - window)
        heads = (part.transpose(0, 1) for part in parts)
        outputs.append(functional.scaled_dot_product_attention(*heads, attn_mask=visible).transpose(0, 1).flatten(1))
    return torch.cat(outputs)


def sizes(config, hidden, heads, kv_heads):
    """`(head_dim, own heads, own kv heads)` of a rank."""
    head_dim = getattr(config.pretrained_config, "head_dim", None)
    head_dim = head_dim if isinstance(head_dim, int) else hidden // heads
    ranks = config.mapping.tp_size
    assert heads % ranks == 0
    return head_dim, heads // ranks, (kv_heads + ranks - 1) // ranks
