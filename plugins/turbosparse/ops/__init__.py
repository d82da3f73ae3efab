"""The operators: thin wrappers over `torch.ops.turbosparse`, registered when this module is imported.

All are functional, have CPU, CUDA and fake implementations, and run under `torch.compile` and in CUDA graphs. Tensors
of one call share one device; `x` is bfloat16 or float16 on CUDA and any floating dtype on the CPU. `weights` has its
dtype and is neuron-major `[experts, intermediate, 3, hidden]` (`turbosparse.weights` makes it). `fc1` and `fc2` have it
too, unless `fc2` is the high one of two int8 planes (`turbosparse.weights.quantize_rows` makes them). With one expert
the experts dimension of `weights`, `fc1`, `fc2`, its low plane and scale, and `mask` may be left out. `ffn` and
`ffn_gate_first` are for one expert, `moe` for several. Calls of up to 64 tokens run the sparse kernels where
`turbosparse.crossover` expects them to be faster, others dense masked GEMMs on the same weights. The active set that
`pack_mask` and `predict` return is described in `turbosparse.reference.active_set`.

Wrong arguments raise `ValueError` or `TypeError` naming the argument; a missing library or GPU architecture raises
`turbosparse.errors.LibraryError`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.ops import registration  # noqa: F401  registers the operators
from turbosparse.reference.predictor import default_threshold

__all__ = ["add_rms_norm", "add_rms_norm_route", "ffn", "ffn_gate_first", "moe", "pack_mask", "predict"]

_ops = torch.ops.turbosparse


def pack_mask(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The active set `(union_bits, token_bits)` of a given bool mask `[tokens, experts, intermediate]`."""
    return _ops.pack_mask(mask)


def predict(
    x: Tensor,
    fc1: Tensor,
    fc2: Tensor,
    threshold: float | None = None,
    topk_ids: Tensor | None = None,
    padding: Tensor | None = None,
    fc2_low: Tensor | None = None,
    fc2_scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The active set `(union_bits, token_bits)` that the predictor selects: `not fc2(relu(fc1(x))) <= threshold`.

    Args:
        x: `[tokens, hidden]`, what the predictor reads: for TurboSparse-Mistral the residual stream before the norm.
        fc1: `[experts, rank, hidden]`.
        fc2: `[experts, intermediate, rank]`; int8 is the high plane of those in `turbosparse.reference.planes`.
        threshold: logit to exceed; None is that of the released `round(sigmoid(z))` in the dtype of `x`.
        topk_ids: int32 `[tokens, top_k]`, for several experts; a token activates neurons of its experts only. Ids
            outside `[0, experts)`, such as -1, are no expert.
        padding: bool `[tokens]`; marked rows activate nothing.
        fc2_low: int8 `[experts, intermediate, rank]` when `fc2` is int8, else None.
        fc2_scale: float32 `[experts, intermediate]` when `fc2` is int8, else None.
    """
    return _ops.predict(x, fc1, fc2, _threshold(threshold, x), topk_ids, padding, fc2_low, fc2_scale)


def ffn(
    x: Tensor,
    weights: Tensor,
    union_bits: Tensor,
    token_bits: Tensor,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
) -> Tensor:
    """`[tokens, hidden]`: the FFN over the neurons of the active set.

    Args:
        x: `[tokens, hidden]`.
        weights: `[experts, intermediate, 3, hidden]`.
        union_bits, token_bits: from `predict` or `pack_mask` for the same tokens.
        activation: `"drelu"` or `"reglu"`.
        gate_threshold: FATReLU threshold of `"reglu"`.
    """
    return _ops.ffn(x, weights, union_bits, token_bits, activation, gate_threshold)


def ffn_gate_first(
    x: Tensor,
    weights: Tensor,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
    padding: Tensor | None = None,
) -> Tensor:
    """`[tokens, hidden]`: the FFN without a predictor; every gate is evaluated, the rest only where it is open.

    Exact: the result is that of the dense FFN. Arguments as `ffn` and `predict`.
    """
    return _ops.ffn_gate_first(x, weights, activation, gate_threshold, padding)


def moe(
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    fc1: Tensor | None = None,
    fc2: Tensor | None = None,
    threshold: float | None = None,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
    padding: Tensor | None = None,
    fc2_low: Tensor | None = None,
    fc2_scale: Tensor | None = None,
) -> Tensor:
    """`[tokens, hidden]`: the routed experts' FFNs, scaled by their routing weights and summed.

    With `fc1` and `fc2` neurons are selected by the predictor, which reads `x` as the experts do; without both, by
    evaluating the gates first. `topk_weights` is float32 `[tokens, top_k]`, other arguments as `ffn` and `predict`.
    """
    limit = 0.0 if fc1 is None else _threshold(threshold, x)
    function = (limit, activation, gate_threshold)
    return _ops.moe(x, weights, topk_ids, topk_weights, fc1, fc2, *function, padding, fc2_low, fc2_scale)


def add_rms_norm(x: Tensor, residual: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """`(normed, sum)`, both `[tokens, hidden]`: `x + residual`, and its root mean square norm.

    Computed as the released models do: the sum is rounded to the dtype, its norm once before it is multiplied by
    `weight [hidden]` and once after. On a GPU the kernel overlaps with the ones before and after it.
    """
    return _ops.add_rms_norm(x, residual, weight, eps)


def add_rms_norm_route(
    x: Tensor, residual: Tensor, weight: Tensor, eps: float, router: Tensor, top_k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`(normed, sum, topk_ids, topk_weights)`: as `add_rms_norm`, and where the normed tokens are routed to.

    `topk_ids` int32 and `topk_weights` float32 `[tokens, top_k]` are of the logits `normed @ router.T`, `router`
    `[experts, hidden]`, as in `turbosparse.reference.routing.top_k_routing`.
    """
    return _ops.add_rms_norm_route(x, residual, weight, eps, router, top_k)


def _threshold(threshold: float | None, x: Tensor) -> float:
    return default_threshold(x.dtype) if threshold is None else threshold
