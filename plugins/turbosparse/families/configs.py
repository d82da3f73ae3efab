"""Config types of the released checkpoints for transformers, whose own remote code is then not needed."""

from __future__ import annotations

from transformers import LlamaConfig, MistralConfig, MixtralConfig


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
