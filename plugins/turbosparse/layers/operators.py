"""The layers as operators, one a layer and of tensors alone, so that a server's graphs hold them whole.

Each adapter has a namespace of its own, since what it does around a layer, such as finding the batch's padded rows, is
looked up when the operator runs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.library import Library, register_fake

_WEIGHTS = "Tensor weights, Tensor? fc1, Tensor? fc2, Tensor? fc2_low, Tensor? fc2_scale"
_FUNCTION = "str activation, float gate_threshold"
_SCHEMAS = {
    "mlp": f"mlp(Tensor x, Tensor predictor_input, {_WEIGHTS}, {_FUNCTION}) -> Tensor",
    "moe": f"moe(Tensor x, Tensor topk_ids, Tensor topk_weights, {_WEIGHTS}, {_FUNCTION}) -> Tensor",
}


def define_layers(namespace: str, *, mlp: Callable[..., Tensor], moe: Callable[..., Tensor]) -> Library:
    """Register `namespace::mlp` and `::moe`, called as `compute.mlp` and `compute.moe` without padding.

    Registrations live as long as the library that is returned.
    """
    library = Library(namespace, "DEF")
    for name, implementation in (("mlp", mlp), ("moe", moe)):
        library.define(_SCHEMAS[name])
        library.impl(name, implementation, "CompositeExplicitAutograd")
        register_fake(f"{namespace}::{name}", _like_x, lib=library)
    return library


def _like_x(x: Tensor, *arguments: object) -> Tensor:
    return torch.empty_like(x)
