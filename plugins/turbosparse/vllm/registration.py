"""Tells transformers the config types and vLLM the model classes."""

from __future__ import annotations

import vllm
from transformers import AutoConfig
from vllm import ModelRegistry
from vllm.logger import init_logger

import turbosparse
from turbosparse.vllm import configs
from turbosparse.vllm.versions import refusal

_PACKAGE = "turbosparse.vllm.models"
# By name in `architectures` of config.json, or of --hf-overrides for models that vLLM serves itself, without skipping.
ARCHITECTURES = {
    "BambooForCausalLM": f"{_PACKAGE}.bamboo:BambooForCausalLM",
    "TurboSparseMixtralForCausalLM": f"{_PACKAGE}.mixtral:TurboSparseMixtralForCausalLM",
    "SparseLlamaForCausalLM": f"{_PACKAGE}.llama:TurboSparseLlamaForCausalLM",
    "TurboSparseLlamaForCausalLM": f"{_PACKAGE}.llama:TurboSparseLlamaForCausalLM",
    "TurboSparseQwen2ForCausalLM": f"{_PACKAGE}.qwen2:TurboSparseQwen2ForCausalLM",
    "TurboSparseMiniCPMForCausalLM": f"{_PACKAGE}.minicpm:TurboSparseMiniCPMForCausalLM",
}

# Below vLLM's own logger, whose handlers and level the user has chosen.
logger = init_logger("vllm.turbosparse")


def register(vllm_version: str = vllm.__version__) -> None:
    """Register everything that neither vLLM nor an earlier call has; outside the version window only say so."""
    reason = refusal(vllm_version, turbosparse.__version__)
    if reason is not None:
        logger.warning(reason)
        # A server of other models must start. One of these gets the same sentence as an error.
        for config_class in configs.ALL:
            AutoConfig.register(config_class.model_type, configs.refused(config_class, reason), exist_ok=True)
        return
    native = {name for name in ARCHITECTURES if _is_foreign(name)}
    if native:
        logger.info("vLLM %s has %s itself; turbosparse leaves them to it", vllm_version, ", ".join(sorted(native)))
    for name, target in ARCHITECTURES.items():
        if name not in native:
            ModelRegistry.register_model(name, target)
    for config_class in configs.ALL:
        if config_class.architecture not in native:
            AutoConfig.register(config_class.model_type, config_class, exist_ok=True)
    # Imports more of vLLM, which only a version within the window is known to have.
    from turbosparse.vllm.load_format import register_load_format

    register_load_format()


def _is_foreign(architecture: str) -> bool:
    """Whether the registry has the architecture from someone else."""
    model = ModelRegistry.models.get(architecture)
    return model is not None and not getattr(model, "module_name", "").startswith(f"{_PACKAGE}.")
