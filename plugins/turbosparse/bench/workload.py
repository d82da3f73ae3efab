"""The layers that one measurement runs."""

from __future__ import annotations

import dataclasses

import torch

from turbosparse import synthetic
from turbosparse.bench.layer import Layer, make_layer
from turbosparse.bench.model import Model
from turbosparse.bench.routing import random_routing
from turbosparse.reference.active_set import WORD
from turbosparse.synthetic.masks import OVERLAP


class Workload:
    """Layers of distinct weights, planted anew for each number of tokens and each density."""

    def __init__(self, model: Model, device: str, count: int, overlap: float = OVERLAP) -> None:
        self.model, self.device, self._overlap = model, device, overlap
        generator = torch.Generator(device).manual_seed(0)
        sizes = (count * model.experts, model.intermediate, model.hidden)
        weights = synthetic.random_weights(*sizes, model.dtype, generator)
        self._weights = weights.view(count, model.experts, *weights.shape[1:])

    def layers(self, tokens: int, density: float) -> list[Layer]:
        """Tokens beyond 64, more than the active set of one call holds, repeat the first ones."""
        model, planted = self.model, min(tokens, WORD)
        generator = torch.Generator(self.device).manual_seed(tokens)
        x = synthetic.random_inputs(planted, model.hidden, model.dtype, generator)
        sizes = {"tokens": planted, "intermediate": model.intermediate, "rank": model.rank or 0}
        sizes |= {"density": density, "overlap": self._overlap}
        return [
            self._routed(make_layer(model, self.device, seed=index, x=x, weights=weights, **sizes), tokens, index)
            for index, weights in enumerate(self._weights)
        ]

    def _routed(self, layer: Layer, tokens: int, index: int) -> Layer:
        ids, scores = random_routing(self.model, self.device, tokens, seed=index)
        rows = torch.arange(tokens, device=self.device) % len(layer.x)
        x, mask = (layer.x, layer.mask) if tokens == len(layer.x) else (layer.x[rows], layer.mask[rows])
        return dataclasses.replace(layer, x=x, mask=mask, ids=ids, scores=scores)
