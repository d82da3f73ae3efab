"""The layers as operators of vLLM's graphs, which look up the padded rows of the batch when they run.

vLLM pads batches to the sizes of its CUDA graphs and says which rows are padding in the forward context, not in an
argument of the model. Code that is traced would see the context of the trace; an operator's implementation sees that of
the call, and within a graph the buffer that later batches write. One operator a layer, of tensors alone, so that all
layers are one compiled graph.
"""

from __future__ import annotations

from torch import Tensor

from turbosparse.layers import compute, define_layers
from turbosparse.vllm.metrics import observer_at_debug_level
from turbosparse.vllm.padding import padded_rows


def mlp(x: Tensor, *arguments: object) -> Tensor:
    """`turbosparse.layers.mlp` of the batch that is being computed."""
    return compute.mlp(x, *arguments, padding=padded_rows(x.shape[0]))


def moe(x: Tensor, *arguments: object) -> Tensor:
    """`turbosparse.layers.moe` of the batch that is being computed."""
    return compute.moe(x, *arguments, padding=padded_rows(x.shape[0]))


# None above debug level, whose log would hide what it finds. Compiled graphs are the same with and without, so that
# vLLM's cache of them need not tell the two apart.
observer = observer_at_debug_level()

# Registrations live as long as this object.
_library = define_layers(
    "turbosparse_vllm",
    mlp=mlp if observer is None else observer.observed("mlp", mlp),
    moe=moe if observer is None else observer.observed("moe", moe),
)
