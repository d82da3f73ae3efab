"""Bytes of weights that a call must read: what its time is compared with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse import reference
from turbosparse.bench.layer import Layer
from turbosparse.bench.model import Model


def union(layer: Layer) -> Tensor:
    """bool `[experts, intermediate]`: the neurons that some token activates."""
    return layer.routed().any(0)


def active_neurons(layer: Layer) -> int:
    """Whole neurons of the union."""
    return int(union(layer).sum()) * 3 * _row(layer.model)


def predictor(layer: Layer) -> int:
    """fc1 and fc2, with their scales, of the experts that have tokens."""
    matrices = (layer.fc1, layer.fc2, layer.fc1_scale, layer.fc2_scale)
    return _visited(layer) * sum(matrix[0].nbytes for matrix in matrices if matrix is not None)


def gate_first(layer: Layer) -> int:
    """Gate rows of all neurons, up rows of open ones, down columns of those whose product is not 0."""
    opened = layer.routed()
    product = opened
    if layer.model.activation == "drelu":
        up = [functional.linear(layer.x, block[:, 1]) > 0 for block in layer.weights]
        product = opened & torch.stack(up, 1)
    rows = _visited(layer) * layer.weights.shape[1] + int(opened.any(0).sum()) + int(product.any(0).sum())
    return rows * _row(layer.model)


def _visited(layer: Layer) -> int:
    """Experts with tokens."""
    return 1 if layer.ids is None else int(reference.routed_mask(layer.ids, layer.model.experts).any(0).sum())


def _row(model: Model) -> int:
    return model.hidden * model.dtype.itemsize


# The same for one token, before there is a layer; of gate first only the gates, which are most of it.


def least_active_neurons(model: Model, density: float) -> float:
    return model.top_k * density * model.intermediate * 3 * _row(model)


def least_predictor(model: Model) -> float:
    first, second = model.predictor_bits
    return model.top_k * (model.rank or 0) * (first * model.hidden + second * model.intermediate) / 8


def least_gate_first(model: Model) -> float:
    return model.top_k * model.intermediate * _row(model)
