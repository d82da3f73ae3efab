"""config.json of a synthetic model and of its dense twin."""

from __future__ import annotations

from typing import Any

from turbosparse.synthetic.config import config_json
from turbosparse.synthetic.shapes import ModelShape

# By family: what the dense model that it was made from is called.
_TWINS = {"bamboo": ("MistralForCausalLM", "mistral"), "turbosparsemixtral": ("MixtralForCausalLM", "mixtral")}
FAMILIES = tuple(_TWINS)


def sparse_config(shape: ModelShape, overlap: float) -> dict[str, Any]:
    """The released config, and in `turbosparse` what the released one leaves to the tensors."""
    return config_json(shape) | {
        "turbosparse": {"density": shape.density, "overlap": overlap, "predictor_ranks": list(shape.ranks)}
    }


def dense_config(shape: ModelShape) -> dict[str, Any]:
    """The same sizes for the server's own model class, whose neurons are all active."""
    architecture, model_type = _TWINS[shape.family]
    return config_json(shape) | {"architectures": [architecture], "model_type": model_type, "hidden_act": "silu"}


def generation_config(config: dict[str, Any]) -> dict[str, Any]:
    """generation_config.json: servers take the ids of the ends from it."""
    return {key: config[key] for key in ("bos_token_id", "eos_token_id")}
