"""The layers as operators of TensorRT-LLM's graphs.

TensorRT-LLM fills batches up to the sizes of its CUDA graphs with requests of its own making, which nothing tells apart
from others, so their rows are computed like all.
"""

from __future__ import annotations

from turbosparse.layers import compute, define_layers

# Registrations live as long as this object.
_library = define_layers("turbosparse_tensorrt_llm", mlp=compute.mlp, moe=compute.moe)
