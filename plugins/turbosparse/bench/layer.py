"""Layers in which given tokens activate exactly given neurons, and what they compute."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from turbosparse import ops, reference, synthetic
from turbosparse.bench.model import Model
from turbosparse.reference.predictor import PredictorWeights
from turbosparse.synthetic.masks import OVERLAP
from turbosparse.weights.quantize import quantize_rows


@dataclass
class Layer:
    """One layer of a model on given tokens, with the neurons each token is meant to activate."""

    model: Model
    x: Tensor
    weights: Tensor
    mask: Tensor
    fc1: Tensor | None
    fc2: Tensor | None
    ids: Tensor | None
    scores: Tensor | None
    fc2_low: Tensor | None = None
    fc2_scale: Tensor | None = None

    def run(self, padding: Tensor | None = None) -> Tensor:
        """The whole layer as the model computes it."""
        activation, gate_threshold = self.model.function
        function = {"activation": activation, "gate_threshold": gate_threshold}
        if self.model.experts > 1:
            routing = (self.ids, self.scores)
            return ops.moe(self.x, self.weights, *routing, **self._predictor(), **function, padding=padding)
        if self.model.predictor:
            return ops.ffn(self.x, self.weights, *self.predict(padding), **function)
        return ops.ffn_gate_first(self.x, self.weights, **function, padding=padding)

    def predict(self, padding: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The active set that the layer's predictor selects."""
        return ops.predict(self.x, **self._predictor(), topk_ids=self.ids, padding=padding)

    def _predictor(self) -> dict[str, Tensor | None]:
        return {name: getattr(self, name) for name in PredictorWeights._fields}

    def routed(self) -> Tensor:
        """bool `[tokens, experts, intermediate]`: the mask of the neurons of routed experts."""
        if self.ids is None:
            return self.mask
        return self.mask & reference.routed_mask(self.ids, self.model.experts).unsqueeze(-1)


def make_layer(
    model: Model,
    device: str,
    *,
    tokens: int,
    density: float,
    intermediate: int,
    rank: int,
    seed: int = 0,
    overlap: float = OVERLAP,
    x: Tensor | None = None,
    weights: Tensor | None = None,
) -> Layer:
    """A layer whose predictor, or else gate, is planted: at most 64 tokens. Half of a mixture's experts get tokens.

    `x` and `weights` are drawn where not given; gates are planted into given weights too. The predictor's fc2 is in
    planes where the model's is.
    """
    generator = torch.Generator(device).manual_seed(seed)
    if x is None:
        x = synthetic.random_inputs(tokens, model.hidden, model.dtype, generator)
    if weights is None:
        weights = synthetic.random_weights(model.experts, intermediate, model.hidden, model.dtype, generator)
    mask = synthetic.plant_mask(tokens, model.experts, intermediate, density, overlap, generator)
    fc1 = fc2 = fc2_low = fc2_scale = None
    ids = scores = None
    if model.predictor:
        fc1, fc2 = synthetic.plant_predictor(x, mask, rank, generator)
        if model.predictor_bits == 8:
            fc2, fc2_low, fc2_scale = quantize_rows(fc2)
    else:
        synthetic.plant_gate(weights, x, mask, generator)
    if model.experts > 1:
        used = max(model.top_k, model.experts // 2)
        affinity = torch.rand((tokens, used), generator=generator, device=device)
        # Odd experts when half are used, so that empty ones lie between.
        stride = model.experts // used
        ids = (affinity.topk(model.top_k).indices * stride + stride - 1).int()
        scores = torch.rand((tokens, model.top_k), generator=generator, device=device) + 0.1
        scores /= scores.sum(1, keepdim=True)
    return Layer(model, x, weights, mask, fc1, fc2, ids, scores, fc2_low, fc2_scale)
