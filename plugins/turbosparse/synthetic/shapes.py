"""Sizes of the checkpoints that can be written."""

from __future__ import annotations

from dataclasses import dataclass

from turbosparse.synthetic.masks import OVERLAP

FAMILIES = ("bamboo", "turbosparsemixtral", "llama", "minicpm", "qwen2", "smallthinker", "sparsellama")

# TurboSparse-Mistral publishes only sums of ranks over groups of layers; here each sum is spread evenly.
_MISTRAL_RANKS = (1024,) + (1088,) * 8 + (1024,) + (1088,) * 4 + (1152,) * 6 + (1472,) * 6 + (1536,) * 4 + (1664,) * 2
_MIXTRAL_RANKS = (896,) * 2 + (1024,) * 11 + (1088,) + (1024,) * 13 + (1088,) * 4 + (1344,)


@dataclass(frozen=True)
class ModelShape:
    """A decoder of a supported family. `ranks` has one predictor rank a layer, or none without predictors."""

    family: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    ranks: tuple[int, ...] = ()
    experts: int = 1
    top_k: int = 1
    head_dim: int = 128
    rope_theta: float = 10000.0
    sliding_window: int | None = None
    dtype: str = "bfloat16"
    density: float = 0.1
    overlap: float = OVERLAP
    # FATReLU threshold, where config.json of the family has one.
    gate_threshold: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError naming the field that does not fit."""
        if self.family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {self.family!r}")
        if self.dtype not in ("bfloat16", "float16"):
            raise ValueError(f"dtype must be bfloat16 or float16, not {self.dtype!r}")
        for field in ("hidden", "intermediate", "layers", "heads", "kv_heads", "vocab", "experts", "top_k", "head_dim"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, not {getattr(self, field)}")
        if self.ranks and len(self.ranks) != self.layers:
            raise ValueError(f"ranks must have one entry for each of {self.layers} layers, not {len(self.ranks)}")
        if not 0 < self.density < 1 or not 0 <= self.overlap < 1:
            raise ValueError(f"density {self.density} and overlap {self.overlap} must lie within 0 and 1")


PRESETS = {
    "turbosparse-mistral-7b": ModelShape(
        "bamboo", 4096, 14336, 32, heads=32, kv_heads=8, vocab=32064, ranks=_MISTRAL_RANKS, sliding_window=4096
    ),
    "turbosparse-mixtral-47b": ModelShape(
        "turbosparsemixtral",
        4096,
        14336,
        32,
        heads=32,
        kv_heads=8,
        vocab=57024,
        ranks=_MIXTRAL_RANKS,
        experts=8,
        top_k=2,
        rope_theta=1e6,
        density=0.15,
    ),
    "bamboo-tiny": ModelShape("bamboo", 256, 1000, 2, heads=4, kv_heads=2, vocab=512, ranks=(64, 192), head_dim=64),
    "mixtral-tiny": ModelShape(
        "turbosparsemixtral",
        256,
        333,
        2,
        heads=4,
        kv_heads=2,
        vocab=512,
        ranks=(64, 128),
        experts=4,
        top_k=2,
        head_dim=64,
        density=0.15,
    ),
}
