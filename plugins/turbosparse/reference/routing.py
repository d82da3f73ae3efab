"""Top-k routing as dense arrays over tokens and experts."""

from __future__ import annotations

import torch
from torch import Tensor


def _assignments(topk_ids: Tensor, experts: int) -> Tensor:
    # An id outside [0, experts), such as -1 for padding or a foreign expert, equals none of them.
    return topk_ids.unsqueeze(-1) == torch.arange(experts, device=topk_ids.device, dtype=topk_ids.dtype)


def routed_mask(topk_ids: Tensor, experts: int) -> Tensor:
    """bool `[tokens, experts]` of integer ids `[tokens, top_k]`: the token goes to the expert."""
    return _assignments(topk_ids, experts).any(1)


def routing_scale(topk_ids: Tensor, topk_weights: Tensor, experts: int) -> Tensor:
    """`[tokens, experts]` in the dtype of `topk_weights`: the weight of the expert for the token, 0 if not routed.

    An expert named twice by one token gets the sum, as in the released model, which adds one slot after the other.
    """
    slots = torch.where(_assignments(topk_ids, experts), topk_weights.unsqueeze(-1), topk_weights.new_zeros(()))
    return slots.sum(1)


def top_k_routing(logits: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Ids int32 and weights float32 `[tokens, top_k]` of router logits `[tokens, experts]` in any dtype.

    The released router: softmax over all experts in float32, the largest `top_k` of it divided by their sum.
    """
    chances = logits.float().softmax(-1)
    weights, ids = chances.topk(top_k, dim=-1)
    return ids.int(), weights / weights.sum(-1, keepdim=True)
