"""What config.json says of a decoder's forward pass."""

from __future__ import annotations

from typing import Any

import torch

from turbosparse.errors import CheckpointError
from turbosparse.reference.decoder import DecoderConfig
from turbosparse.reference.predictor import selection_threshold
from turbosparse.weights.checkpoint import Checkpoint

# MiniCPM and SmallThinker scale or route in ways of their own, which the reference does not compute.
_FAMILIES = ("bamboo", "llama", "mistral", "qwen2", "sparsellama", "turbosparsemixtral")
# Of the others config.json does not say whether up values pass a ReLU too.
_ACTIVATIONS = {"bamboo": "drelu", "turbosparsemixtral": "drelu", "sparsellama": "reglu"}
_REQUIRED = object()


def decoder_config(
    checkpoint: Checkpoint, dtype: torch.dtype, activation: str | None = None, gate_threshold: float | None = None
) -> DecoderConfig:
    """The config of a decoder whose weights are stored in `dtype`, which decides the predictor's threshold.

    Args:
        activation: `"drelu"` or `"reglu"`, needed where neither the model type nor config.json says it.
        gate_threshold: of FATReLU; by default config.json's, or 0.

    Raises:
        CheckpointError: the file and the key that is missing or says what is not computed.
    """
    read = _Reader(checkpoint)
    family = read.choice("model_type", _FAMILIES)
    known = _ACTIVATIONS.get(family, activation)
    if known is None:
        raise read.error(f"of model_type {family!r} does not tell dReLU from ReGLU: say which activation it computes")
    hidden_act = read.choice("hidden_act", ("relu", "fatrelu"))
    if gate_threshold is None:
        gate_threshold = read.number("hidden_act_param", float) if hidden_act == "fatrelu" else 0.0
    hidden, heads = read.number("hidden_size"), read.number("num_attention_heads")
    sparse = family == "turbosparsemixtral"
    return DecoderConfig(
        layers=read.number("num_hidden_layers"),
        hidden=hidden,
        vocab=read.number("vocab_size"),
        heads=heads,
        kv_heads=read.number("num_key_value_heads", default=heads),
        head_dim=read.number("head_dim", default=hidden // heads),
        rms_eps=read.number("rms_norm_eps", float),
        rope_theta=read.rope_theta(),
        sliding_window=read.window(),
        top_k=read.number("num_experts_per_tok") if sparse else None,
        activation=known,
        gate_threshold=gate_threshold,
        predictor_reads_residual=not sparse,
        predictor_threshold=selection_threshold(dtype),
    )


class _Reader:
    def __init__(self, checkpoint: Checkpoint) -> None:
        self.path, self.values = checkpoint.folder / "config.json", checkpoint.config

    def error(self, problem: str) -> CheckpointError:
        return CheckpointError(f"{self.path} {problem}")

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        value = self.values.get(key)
        if value not in known:
            raise self.error(f"has {key} {value!r}, expected one of {', '.join(known)}")
        return value

    def number(self, key: str, kind: type = int, default: Any = _REQUIRED) -> Any:
        value = self.values.get(key)
        if value is None and default is not _REQUIRED:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, kind)) or value <= 0:
            raise self.error(f"must have a positive number {key}, found {value!r}")
        return kind(value)

    def rope_theta(self) -> float:
        # Newer files group what concerns the rotary embedding.
        rope = self.values.get("rope_parameters") or self.values.get("rope_scaling") or {}
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind != "default":
            raise self.error(f"has a rotary embedding of type {kind!r}; only unscaled ones are computed")
        if "rope_theta" in rope:
            return float(rope["rope_theta"])
        return self.number("rope_theta", float)

    def window(self) -> int | None:
        # Qwen2 names a window that it does not use.
        used = self.values.get("use_sliding_window", True)
        return self.number("sliding_window", default=None) if used else None
