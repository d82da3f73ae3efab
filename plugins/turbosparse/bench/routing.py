"""Routing as a trained router leaves it: every expert about as often."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.bench.model import Model


def random_routing(model: Model, device: str, tokens: int, seed: int) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """int32 ids and float32 weights `[tokens, top_k]` that sum to 1 for each token; None for a single expert."""
    if model.experts == 1:
        return None, None
    generator = torch.Generator(device).manual_seed(seed)
    scores = torch.rand((tokens, model.experts), generator=generator, device=device)
    chosen = scores.topk(model.top_k)
    return chosen.indices.int(), chosen.values / chosen.values.sum(1, keepdim=True)
