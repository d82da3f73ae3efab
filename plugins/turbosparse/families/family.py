"""How the decoders of one family differ from those of another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from turbosparse.weights.layouts import Layout


@dataclass(frozen=True)
class Activations:
    """Functions that a family's models compute; the first is meant where neither the user nor the config says one."""

    known: tuple[str, ...]
    has_default: bool = True


@dataclass(frozen=True)
class Scales:
    """Constants that the embedding, what each block adds to the residual stream, and the logits are multiplied by."""

    embedding: float = 1.0
    branch: float = 1.0
    logits: float = 1.0


@dataclass(frozen=True)
class Family:
    """A kind of checkpoint.

    layout: names of the FFN's tensors.
    activations: what its neurons may compute.
    block: the FFN's name within a layer.
    """

    layout: Layout
    activations: Activations
    block: str = "mlp"
    # Only of models with predictors: else it reads what the neurons read.
    predictor_reads_residual: bool = False
    qkv_bias: bool = False
    scales: Scales = field(default_factory=Scales)

    @property
    def is_moe(self) -> bool:
        return self.layout.experts_key is not None

    def experts(self, config: Any) -> int:
        """Of a layer; 1 in a dense model."""
        return config.num_local_experts if self.is_moe else 1


def head_dim(config: Any) -> int:
    """Width of an attention head; newer configs say it, others imply it."""
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def sliding_window(config: Any) -> int | None:
    """Tokens that attention sees, or None for all. Qwen2 configs name a window that is not used."""
    if not getattr(config, "use_sliding_window", True):
        return None
    return getattr(config, "sliding_window", None)
