"""The layers as operators of vLLM's graphs, which look up the padded rows of the batch when they run.

vLLM pads batches to the sizes of its CUDA graphs and says which rows are padding in the forward context, not in an
argument of the model. Code that is traced would see the context of the trace; an operator's implementation sees that of
the call, and within a graph the buffer that later batches write. One operator a layer, of tensors alone, so that all
layers are one compiled graph.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.library import Library, register_fake

from turbosparse.layers import compute
from turbosparse.vllm.metrics import observer_at_debug_level
from turbosparse.vllm.padding import padded_rows

_WEIGHTS = "Tensor weights, Tensor? fc1, Tensor? fc2, Tensor? fc2_low, Tensor? fc2_scale"
_FUNCTION = "str activation, float gate_threshold"
_SCHEMAS = {
    "mlp": f"mlp(Tensor x, Tensor predictor_input, {_WEIGHTS}, {_FUNCTION}) -> Tensor",
    "moe": f"moe(Tensor x, Tensor topk_ids, Tensor topk_weights, {_WEIGHTS}, {_FUNCTION}) -> Tensor",
}


def mlp(x: Tensor, *arguments: object) -> Tensor:
    """`turbosparse.layers.mlp` of the batch that is being computed."""
    return compute.mlp(x, *arguments, padding=padded_rows(x.shape[0]))


def moe(x: Tensor, *arguments: object) -> Tensor:
    """`turbosparse.layers.moe` of the batch that is being computed."""
    return compute.moe(x, *arguments, padding=padded_rows(x.shape[0]))


def _like_x(x: Tensor, *arguments: object) -> Tensor:
    return torch.empty_like(x)


# Registrations live as long as this object.
_library = Library("turbosparse_vllm", "DEF")

# None above debug level, whose log would hide what it finds. Compiled graphs are the same with and without, so that
# vLLM's cache of them need not tell the two apart.
observer = observer_at_debug_level()

for _name, _implementation in (("mlp", mlp), ("moe", moe)):
    _library.define(_SCHEMAS[_name])
    _observed = _implementation if observer is None else observer.observed(_name, _implementation)
    _library.impl(_name, _observed, "CompositeExplicitAutograd")
    register_fake(f"turbosparse_vllm::{_name}", _like_x, lib=_library)
