"""Sizes of the layers to test on."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import torch
from turbosparse.bench import layer
from turbosparse.bench.layer import Layer
from turbosparse.bench.model import Model
from turbosparse.bench.verify import check, compare, expected
from turbosparse.synthetic.masks import OVERLAP

__all__ = [
    "NEURONS",
    "OVERLAP",
    "TOKENS",
    "check",
    "compare",
    "crowd",
    "expected",
    "make_layer",
    "repeated",
    "waiting_is_an_error",
]

TOKENS = [1, 2, 3, 4, 7, 8, 16, 33, 64]
# Of one neuron more than a tile, odd, and a tile multiple.
NEURONS = {"odd": 333, "even": 1000}


def make_layer(
    model: Model,
    device: str,
    *,
    tokens: int,
    density: float = 0.1,
    intermediate: int = NEURONS["even"],
    rank: int = 64,
    seed: int = 0,
) -> Layer:
    """`bench.layer.make_layer` of few neurons and a small predictor, whatever the model's."""
    sizes = {"density": density, "intermediate": intermediate, "rank": rank}
    return layer.make_layer(model, device, tokens=tokens, seed=seed, **sizes)


def repeated(one: Layer, tokens: int) -> Layer:
    """The layer on so many tokens, the first ones again after the last."""
    rows = torch.arange(tokens, device=one.x.device) % len(one.x)
    by_token = {name: getattr(one, name) for name in ("x", "mask", "ids", "scores")}
    return dataclasses.replace(
        one, **{name: None if value is None else value[rows] for name, value in by_token.items()}
    )


def crowd(ids: torch.Tensor) -> None:
    """Route all tokens to the first expert, and 9, 17 and the rest to the next three: each takes another tile.

    `ids` is `[tokens, top_k]` of at least two experts a token and four in all.
    """
    token = torch.arange(len(ids), device=ids.device)
    ids.fill_(-1)
    ids[:, 0] = 0
    ids[:, 1] = 1 + (token >= 9).int() + (token >= 26).int()


@contextlib.contextmanager
def waiting_is_an_error() -> Iterator[None]:
    """Within the context torch raises where it would wait for the device."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")
