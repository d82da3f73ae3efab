"""What the adapter uses of TensorRT-LLM, wherever the version at hand has it."""

from __future__ import annotations

import importlib
from typing import Any

from tensorrt_llm._torch.distributed import AllReduce
from tensorrt_llm._torch.model_config import ModelConfig
from tensorrt_llm._torch.models.modeling_utils import DecoderModel, DecoderModelForCausalLM, register_auto_model
from tensorrt_llm._torch.modules.decoder_layer import DecoderLayer
from tensorrt_llm._torch.modules.embedding import Embedding
from tensorrt_llm._torch.modules.linear import Linear, TensorParallelMode
from tensorrt_llm._torch.modules.rms_norm import RMSNorm
from tensorrt_llm.functional import PositionEmbeddingType

__all__ = [
    "AllReduce",
    "Attention",
    "DecoderLayer",
    "DecoderModel",
    "DecoderModelForCausalLM",
    "Embedding",
    "Linear",
    "ModelConfig",
    "PositionEmbeddingType",
    "PositionalEmbeddingParams",
    "RMSNorm",
    "RopeParams",
    "TensorParallelMode",
    "register_auto_model",
]


def _first(*modules: str) -> Any:
    """The first of these modules that there is; one that is there but cannot be imported is an error."""
    for module in modules[:-1]:
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise
    return importlib.import_module(modules[-1])


# Both moved within 1.3, one after the other.
Attention = _first("tensorrt_llm._torch.attention.attention", "tensorrt_llm._torch.modules.attention").Attention
_backends = _first(
    "tensorrt_llm._torch.attention.backends.interface", "tensorrt_llm._torch.attention_backend.interface"
)
PositionalEmbeddingParams, RopeParams = _backends.PositionalEmbeddingParams, _backends.RopeParams
