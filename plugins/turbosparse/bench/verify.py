"""What a right result is."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse import reference
from turbosparse.bench.layer import Layer
from turbosparse.errors import TurboSparseError


class WrongResultError(TurboSparseError):
    """An operator's result differs from float64 by more than rounding can."""


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


def compare(result: Tensor, exact: Tensor, dense: Tensor, bound: Tensor) -> None:
    """Each element is within its bound, and each token errs no more than dense GEMMs do, plus one rounding.

    Arguments as returned by `expected`. Raises WrongResultError.
    """
    if (result.dtype, result.shape) != (dense.dtype, dense.shape):
        found, wanted = (f"{tensor.dtype} {list(tensor.shape)}" for tensor in (result, dense))
        raise WrongResultError(f"the result is {found}, not {wanted}")
    error = (result.double() - exact).abs()
    worst = float((error / bound).max())
    # Not the opposite comparison, which NaN would pass.
    if not worst <= 1:
        raise WrongResultError(f"an element errs by {worst:.3f} of what rounding can explain")
    allowed = (dense.double() - exact).norm(dim=1) + reference.rounding(exact.abs(), result.dtype).norm(dim=1)
    excess = float((error.norm(dim=1) / allowed).max())
    if not excess <= 1:
        raise WrongResultError(f"a token errs by {excess:.3f} of what dense GEMMs and one rounding do")


def check(layer: Layer, padding: Tensor | None = None) -> None:
    """Runs the whole layer and compares it. Raises WrongResultError."""
    compare(layer.run(padding), *expected(layer, padding))
