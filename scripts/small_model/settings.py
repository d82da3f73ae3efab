"""Sizes of the model and of its training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """`small` fits 10 MB in bfloat16, `tiny` shows that everything works."""

    hidden: int
    intermediate: int
    # Of each layer's predictor; as in the released models later layers have larger ones.
    ranks: tuple[int, ...]
    heads: int
    kv_heads: int
    vocab: int
    context: int
    # Sequences a step.
    batch: int
    steps: int
    learning_rate: float
    # Text to read at most, half of it the standard library's.
    text_bytes: int
    # Share of its neurons that a token shall activate at the end.
    density: float = 0.1
    head_dim: int = 64
    rms_eps: float = 1e-5
    rope_theta: float = 10000.0

    @property
    def layers(self) -> int:
        return len(self.ranks)


SETTINGS = {
    "small": Settings(
        hidden=256,
        intermediate=1024,
        ranks=(64, 64, 128, 128),
        heads=4,
        kv_heads=2,
        vocab=1024,
        context=512,
        batch=64,
        steps=5000,
        learning_rate=2e-3,
        text_bytes=64_000_000,
    ),
    "tiny": Settings(
        hidden=64,
        intermediate=128,
        ranks=(64, 64),
        heads=2,
        kv_heads=1,
        vocab=320,
        context=64,
        batch=8,
        steps=150,
        learning_rate=4e-3,
        text_bytes=400_000,
        head_dim=32,
    ),
}
