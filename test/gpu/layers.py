"""Layers to test on, and what "right" means."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from models import Model
from torch import Tensor
from turbosparse import ops, reference, synthetic

TOKENS = [1, 2, 3, 4, 7, 8, 16, 33, 64]
# Of one neuron more than a tile, odd, and a tile multiple.
NEURONS = {"odd": 333, "even": 1000}
OVERLAP = 0.45


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

    def run(self, padding: Tensor | None = None) -> Tensor:
        """The whole layer as the model computes it."""
        function = self.model.function
        if self.model.experts > 1:
            return ops.moe(
                self.x, self.weights, self.ids, self.scores, self.fc1, self.fc2, None, *function, padding=padding
            )
        if self.model.predictor:
            active = ops.predict(self.x, self.fc1, self.fc2, padding=padding)
            return ops.ffn(self.x, self.weights, *active, *function)
        return ops.ffn_gate_first(self.x, self.weights, *function, padding=padding)


def make_layer(
    model: Model,
    device: str,
    *,
    tokens: int,
    density: float = 0.1,
    intermediate: int = NEURONS["even"],
    rank: int = 64,
    seed: int = 0,
) -> Layer:
    """A layer whose predictor, or else gate, is planted: at most 64 tokens. Half of a mixture's experts get tokens."""
    generator = torch.Generator(device).manual_seed(seed)
    x = synthetic.random_inputs(tokens, model.hidden, model.dtype, generator)
    weights = synthetic.random_weights(model.experts, intermediate, model.hidden, model.dtype, generator)
    mask = synthetic.plant_mask(tokens, model.experts, intermediate, density, OVERLAP, generator)
    fc1 = fc2 = ids = scores = None
    if model.predictor:
        fc1, fc2 = synthetic.plant_predictor(x, mask, rank, generator)
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
    return Layer(model, x, weights, mask, fc1, fc2, ids, scores)


def expected(layer: Layer, padding: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The layer in float64, in dense GEMMs of the model's dtype, and the bound on either's rounding."""
    x, weights, function = layer.x, layer.weights, layer.model.function
    mask = layer.mask if layer.model.predictor else torch.ones_like(layer.mask)
    if padding is not None:
        mask = mask & ~padding[:, None, None]
    if layer.ids is None:
        return (
            reference.float64.ffn(x, weights, mask, *function),
            reference.masked_ffn(x, weights, mask, *function),
            reference.ffn_error_bound(x, weights, mask, *function),
        )
    scale = reference.routing_scale(layer.ids, layer.scores, layer.model.experts)
    routed = mask & reference.routed_mask(layer.ids, layer.model.experts).unsqueeze(-1)
    return (
        reference.float64.moe(x, weights, layer.ids, layer.scores, mask, *function),
        reference.masked_moe(x, weights, layer.ids, layer.scores, mask, *function),
        reference.ffn_error_bound(x, weights, routed, *function, scale=scale),
    )


def assert_right(result: Tensor, exact: Tensor, dense: Tensor, bound: Tensor) -> None:
    """Each element is within its bound, and each token errs no more than dense GEMMs do, plus one rounding."""
    assert result.dtype == dense.dtype
    assert result.shape == dense.shape
    error = (result.double() - exact).abs()
    worst = (error / bound).max()
    assert worst <= 1, f"error {worst:.3f} of the bound"
    allowed = (dense.double() - exact).norm(dim=1) + reference.rounding(exact.abs(), result.dtype).norm(dim=1)
    excess = (error.norm(dim=1) / allowed).max()
    assert excess <= 1, f"error {excess:.3f} of that of dense GEMMs and one rounding"


def check(layer: Layer, padding: Tensor | None = None) -> None:
    assert_right(layer.run(padding), *expected(layer, padding))
