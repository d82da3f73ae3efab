"""Tensor names of the supported checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

from turbosparse.errors import CheckpointError


@dataclass(frozen=True)
class Layout:
    """Names of one layer's tensors, with `{layer}` and, in a MoE, `{expert}` to fill in."""

    gate: str
    up: str
    down: str
    fc1: str | None = None
    fc2: str | None = None
    # Key of config.json that holds the number of experts; None in a dense model.
    experts_key: str | None = None

    def name(self, template: str, layer: int, expert: int) -> str:
        return template.format(layer=layer, expert=expert)


_MLP = "model.layers.{layer}.mlp."
_EXPERT = "model.layers.{layer}.block_sparse_moe.experts.{expert}."

_LLAMA = Layout(_MLP + "gate_proj.weight", _MLP + "up_proj.weight", _MLP + "down_proj.weight")

# By model_type of config.json.
LAYOUTS = {
    "bamboo": Layout(_LLAMA.gate, _LLAMA.up, _LLAMA.down, _MLP + "predictor.fc1.weight", _MLP + "predictor.fc2.weight"),
    "turbosparsemixtral": Layout(
        _EXPERT + "w1.weight",
        _EXPERT + "w3.weight",
        _EXPERT + "w2.weight",
        _EXPERT + "predictor.fc1.weight",
        _EXPERT + "predictor.fc2.weight",
        experts_key="num_local_experts",
    ),
    "smallthinker": Layout(
        _EXPERT + "gate.weight",
        _EXPERT + "up.weight",
        _EXPERT + "down.weight",
        experts_key="moe_num_primary_experts",
    ),
    "llama": _LLAMA,
    "minicpm": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "sparsellama": _LLAMA,
}


def layout_for(model_type: object) -> Layout:
    """The layout of a config's model_type. Raises CheckpointError naming the known ones."""
    if not isinstance(model_type, str) or model_type not in LAYOUTS:
        raise CheckpointError(f"model_type {model_type!r} is not supported; known are {', '.join(sorted(LAYOUTS))}")
    return LAYOUTS[model_type]
