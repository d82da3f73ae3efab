"""Config types of the released checkpoints, whose own remote code is then not needed."""

from __future__ import annotations

from typing import Any

from transformers import LlamaConfig, MistralConfig, MixtralConfig, PretrainedConfig

from turbosparse.errors import TurboSparseError


class BambooConfig(MistralConfig):
    """TurboSparse-Mistral and Bamboo."""

    model_type = "bamboo"
    architecture = "BambooForCausalLM"


class TurboSparseMixtralConfig(MixtralConfig):
    """TurboSparse-Mixtral."""

    model_type = "turbosparsemixtral"
    architecture = "TurboSparseMixtralForCausalLM"


class SparseLlamaConfig(LlamaConfig):
    """ProSparse."""

    model_type = "sparsellama"
    architecture = "SparseLlamaForCausalLM"


ALL = (BambooConfig, TurboSparseMixtralConfig, SparseLlamaConfig)


def refused(config_class: type[PretrainedConfig], reason: str) -> type[PretrainedConfig]:
    """A config type in the place of `config_class` that cannot be loaded."""

    class RefusedConfig(PretrainedConfig):
        model_type = config_class.model_type

        @classmethod
        def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> PretrainedConfig:
            raise TurboSparseError(reason)

    return RefusedConfig
