"""The active set: which token activates which neuron, as the bit arrays that kernels read.

`union_bits` is uint8 `[experts, 4 * ceil(intermediate / 32)]`: bit `n % 8` of byte `n // 8` says that some token
activates neuron `n`; bits past the last neuron are 0. `token_bits` is int64 `[words * experts, intermediate]` with
`words = ceil(tokens / 64)`: bit `t % 64` of row `(t // 64) * experts + e` says that token `t` activates the neuron.
Up to 64 tokens that is `[experts, intermediate]`, bit 63 being the sign.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WORD = 64


def union_bytes(intermediate: int) -> int:
    """Bytes of one expert's row of `union_bits`."""
    return 4 * ((intermediate + 31) // 32)


def token_words(tokens: int) -> int:
    """64-token words that `tokens` tokens take."""
    return (tokens + WORD - 1) // WORD


def _bit_values(device: torch.device) -> Tensor:
    # Computed there: a copy from the host would wait for the device, which no graph can hold.
    return torch.bitwise_left_shift(1, torch.arange(8, dtype=torch.uint8, device=device))


def pack_mask(mask: Tensor) -> tuple[Tensor, Tensor]:
    """`union_bits` and `token_bits` of a bool mask `[tokens, experts, intermediate]`."""
    tokens, experts, intermediate = mask.shape
    values = _bit_values(mask.device)
    padded = functional.pad(mask.any(0), (0, 8 * union_bytes(intermediate) - intermediate))
    union = (padded.view(experts, -1, 8) * values).sum(-1, dtype=torch.uint8)

    words = token_words(tokens)
    rows = functional.pad(mask, (0, 0, 0, 0, 0, WORD * words - tokens))
    rows = rows.view(words, 8, 8, experts, intermediate)
    # Bytes are assembled instead of shifting int64, whose bit 63 would be a shift into the sign.
    octets = (rows * values.view(8, 1, 1)).sum(2, dtype=torch.uint8)
    # A fresh tensor, because contiguous() keeps odd strides of dimensions of size 1, which a wider dtype then refuses.
    ordered = octets.new_empty((words * experts, intermediate, 8))
    ordered.view(words, experts, intermediate, 8).copy_(octets.permute(0, 2, 3, 1))
    return union, ordered.view(torch.int64).squeeze(-1)


def unpack_mask(token_bits: Tensor, tokens: int) -> Tensor:
    """The bool mask `[tokens, experts, intermediate]` of `token_bits`."""
    return _own_bits(token_bits, tokens).ne(0)


def unpack_dropped(token_bits: Tensor, tokens: int) -> Tensor:
    """`~unpack_mask(token_bits, tokens)`, in one pass less."""
    return _own_bits(token_bits, tokens).eq(0)


def _own_bits(token_bits: Tensor, tokens: int) -> Tensor:
    """uint8 `[tokens, experts, intermediate]`, not 0 where the token activates the neuron."""
    words = token_words(tokens)
    if words == 0:
        raise ValueError("token_bits of no tokens has no rows, so its number of experts is unknown")
    rows, intermediate = token_bits.shape
    octets = token_bits.contiguous().view(torch.uint8).view(words, rows // words, intermediate, 8)
    # Bytes of one token group side by side first: what is eight times as large is then read and written in order.
    octets = octets.permute(0, 3, 1, 2).contiguous().unsqueeze(2)
    bits = octets & _bit_values(token_bits.device).view(8, 1, 1)
    return bits.reshape(words * WORD, rows // words, intermediate)[:tokens]


def unpack_union(union_bits: Tensor, intermediate: int) -> Tensor:
    """The bool mask `[experts, intermediate]` of `union_bits`."""
    bits = (union_bits.unsqueeze(-1) & _bit_values(union_bits.device)).ne(0)
    return bits.flatten(1)[:, :intermediate]
