"""Bytes of weights that a call must read: what its time is compared with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse import reference
from turbosparse.bench.layer import Layer
from turbosparse.bench.model import Model
from turbosparse.reference.planes import undecided


def union(layer: Layer) -> Tensor:
    """bool `[experts, intermediate]`: the neurons that some token activates."""
    return layer.routed().any(0)


def active_neurons(layer: Layer) -> int:
    """Whole neurons of the union."""
    return int(union(layer).sum()) * 3 * _row(layer.model)


def predictor(layer: Layer) -> int:
    """fc1 and fc2 of the experts that have tokens; of a low plane the rows that some token needs."""
    matrices = (layer.fc1, layer.fc2, layer.fc2_scale)
    whole = _visited(layer) * sum(matrix[0].nbytes for matrix in matrices if matrix is not None)
    return whole if layer.fc2_scale is None else whole + int(_undecided(layer).sum()) * layer.fc2.shape[2]


def _undecided(layer: Layer) -> Tensor:
    """bool `[experts, intermediate]`: the rows of a low plane to read."""
    threshold = reference.default_threshold(layer.model.dtype)
    routed = None if layer.ids is None else reference.routed_mask(layer.ids, layer.model.experts)
    rows = []
    for expert, (first, high, scale) in enumerate(zip(layer.fc1, layer.fc2, layer.fc2_scale)):
        x = layer.x if routed is None else layer.x[routed[:, expert]]
        rows.append(undecided(torch.relu(functional.linear(x, first)), high, scale, threshold).any(0))
    return torch.stack(rows)


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
    fc2 = model.predictor_bits * model.intermediate / 8
    return model.top_k * (model.rank or 0) * (model.hidden * model.dtype.itemsize + fc2)


def least_gate_first(model: Model) -> float:
    return model.top_k * model.intermediate * _row(model)
