"""Tells transformers the config types and TensorRT-LLM the model classes."""

from __future__ import annotations

import importlib

import turbosparse
from turbosparse.errors import TurboSparseError
from turbosparse.tensorrt_llm.versions import WINDOW

# Each registers its class under the checkpoints' name for it when it is imported.
_MODELS = ("bamboo", "mixtral")


def register() -> None:
    """Register both architectures and their config types. May be called any number of times.

    Raises TurboSparseError when there is no TensorRT-LLM, or one outside the versions whose interfaces are known.
    """
    reason = WINDOW.refusal(_installed_version(), turbosparse.__version__)
    if reason is not None:
        raise TurboSparseError(reason)
    from transformers import AutoConfig

    from turbosparse.families.configs import BambooConfig, TurboSparseMixtralConfig

    for config_class in (BambooConfig, TurboSparseMixtralConfig):
        AutoConfig.register(config_class.model_type, config_class, exist_ok=True)
    for model in _MODELS:
        importlib.import_module(f"turbosparse.tensorrt_llm.{model}")


def _installed_version() -> str:
    try:
        import tensorrt_llm
    except ModuleNotFoundError as error:
        if error.name != "tensorrt_llm":
            raise
        raise TurboSparseError(
            f"turbosparse.tensorrt_llm needs TensorRT-LLM {WINDOW}, which is not installed here"
        ) from error
    return tensorrt_llm.__version__
