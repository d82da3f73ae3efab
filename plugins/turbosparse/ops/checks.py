"""Argument checks shared by the CPU and CUDA implementations: the same mistakes get the same sentence on both.

Each function takes the operator's arguments and returns them in the one form the implementations use, with the experts
dimension present.
"""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.reference.activations import ACTIVATIONS
from turbosparse.reference.active_set import token_words, union_bytes
from turbosparse.reference.predictor import PredictorWeights


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)} on {tensor.device}"


def _expect(name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> None:
    if tensor.dtype != dtype:
        hint = ": convert it with .to(torch.int32)" if dtype == torch.int32 and tensor.dtype == torch.int64 else ""
        raise TypeError(f"{name} must be {str(dtype).removeprefix('torch.')}, not {_describe(tensor)}{hint}")
    if tensor.shape != shape:
        raise ValueError(f"{name} must have shape {list(shape)}, not {_describe(tensor)}")
    if tensor.device != device:
        raise ValueError(f"{name} must be on {device} like the other arguments, not {_describe(tensor)}")
    if not tensor.is_contiguous():
        raise ValueError(f"{name} must be contiguous, but its strides are {list(tensor.stride())}")


def tokens_and_hidden(x: Tensor) -> tuple[int, int]:
    if x.dim() != 2:
        raise ValueError(f"x must be [tokens, hidden], not {_describe(x)}")
    if not x.is_floating_point() or (x.is_cuda and x.dtype not in (torch.bfloat16, torch.float16)):
        raise TypeError(f"x must be bfloat16 or float16, not {_describe(x)}")
    if not x.is_contiguous():
        raise ValueError(f"x must be contiguous, but its strides are {list(x.stride())}")
    return x.shape[0], x.shape[1]


def norm(x: Tensor, residual: Tensor, weight: Tensor, eps: float) -> None:
    _, hidden = tokens_and_hidden(x)
    _expect("residual", residual, tuple(x.shape), x.dtype, x.device)
    _expect("weight", weight, (hidden,), x.dtype, x.device)
    if not eps >= 0:
        raise ValueError(f"eps must be a number of at least 0, not {eps}")


def router(x: Tensor, weights: Tensor, top_k: int) -> None:
    if weights.dim() != 2:
        raise ValueError(f"router must be [experts, hidden], not {_describe(weights)}")
    _expect("router", weights, (weights.shape[0], *x.shape[1:]), x.dtype, x.device)
    if not 0 < top_k <= len(weights):
        raise ValueError(f"top_k must be 1 to the router's {len(weights)} experts, not {top_k}")


def neuron_weights(x: Tensor, weights: Tensor) -> Tensor:
    """`weights` as `[experts, intermediate, 3, hidden]`."""
    if weights.dim() == 3:
        weights = weights.unsqueeze(0)
    if weights.dim() != 4:
        raise ValueError(f"weights must be [experts, intermediate, 3, hidden], not {_describe(weights)}")
    _expect("weights", weights, (*weights.shape[:2], 3, x.shape[1]), x.dtype, x.device)
    return weights


def predictor(
    x: Tensor, fc1: Tensor, fc2: Tensor, fc2_low: Tensor | None, fc2_scale: Tensor | None
) -> PredictorWeights:
    """The arguments as they are with the experts dimension."""
    if fc1.dim() == 2 and fc2.dim() == 2:
        fc1, fc2 = fc1.unsqueeze(0), fc2.unsqueeze(0)
    if fc1.dim() != 3:
        raise ValueError(f"fc1 must be [experts, rank, hidden], not {_describe(fc1)}")
    if fc2.dim() != 3:
        raise ValueError(f"fc2 must be [experts, intermediate, rank], not {_describe(fc2)}")
    experts, rank = fc1.shape[:2]
    shape = (experts, fc2.shape[1], rank)
    _expect("fc1", fc1, (experts, rank, x.shape[1]), x.dtype, x.device)
    if fc2.dtype != torch.int8:
        _expect("fc2", fc2, shape, x.dtype, x.device)
        for name, plane in (("fc2_low", fc2_low), ("fc2_scale", fc2_scale)):
            if plane is not None:
                raise ValueError(f"{name} must be None, because fc2 is {_describe(fc2)}: only int8 has planes")
        return PredictorWeights(fc1, fc2)
    _expect("fc2", fc2, shape, torch.int8, x.device)
    if fc2_low is None or fc2_scale is None:
        missing = "fc2_low" if fc2_low is None else "fc2_scale"
        raise ValueError(f"{missing} is needed, because fc2 is int8: turbosparse.weights.quantize_rows makes all three")
    fc2_low = fc2_low.unsqueeze(0) if fc2_low.dim() == 2 else fc2_low
    fc2_scale = fc2_scale.unsqueeze(0) if fc2_scale.dim() == 1 else fc2_scale
    _expect("fc2_low", fc2_low, shape, torch.int8, x.device)
    _expect("fc2_scale", fc2_scale, shape[:2], torch.float32, x.device)
    return PredictorWeights(fc1, fc2, fc2_low, fc2_scale)


def kernel_rank(fc1: Tensor) -> int:
    """The predictor's rank, one that the kernels can read."""
    rank = fc1.shape[1]
    if rank % 64 != 0 or not 64 <= rank <= 8192:
        raise ValueError(f"fc1 must have a rank that is a multiple of 64 up to 8192, not {rank}")
    return rank


def mask(mask: Tensor) -> Tensor:
    """`mask` as `[tokens, experts, intermediate]`."""
    if mask.dim() == 2:
        mask = mask.unsqueeze(1)
    if mask.dim() != 3:
        raise ValueError(f"mask must be [tokens, experts, intermediate], not {_describe(mask)}")
    _expect("mask", mask, tuple(mask.shape), torch.bool, mask.device)
    return mask


def active_set(x: Tensor, weights: Tensor, union_bits: Tensor, token_bits: Tensor) -> None:
    """Arguments as returned by `neuron_weights`, `predict` and `pack_mask`."""
    experts, intermediate = weights.shape[:2]
    _expect("union_bits", union_bits, (experts, union_bytes(intermediate)), torch.uint8, x.device)
    rows = token_words(x.shape[0]) * experts
    _expect("token_bits", token_bits, (rows, intermediate), torch.int64, x.device)


def activation(name: str, gate_threshold: float) -> int:
    """The number of the activation in the compiled library."""
    if name not in ACTIVATIONS:
        raise ValueError(f'activation must be "drelu" or "reglu", not {name!r}')
    if name == "drelu" and gate_threshold != 0.0:
        raise ValueError(f'gate_threshold must be 0 with activation "drelu", not {gate_threshold}')
    # Also refuses NaN.
    if not gate_threshold >= 0.0:
        raise ValueError(f"gate_threshold must not be negative, but is {gate_threshold}")
    return ACTIVATIONS.index(name)


def padding(x: Tensor, padding: Tensor | None) -> None:
    if padding is not None:
        _expect("padding", padding, (x.shape[0],), torch.bool, x.device)


def dense(weights: Tensor) -> None:
    """For `weights` of an operator without routing."""
    if weights.shape[0] != 1:
        raise ValueError(f"weights must be of one expert, not {weights.shape[0]}: several are for moe, with topk_ids")


def predictor_routing(x: Tensor, fc1: Tensor, ids: Tensor | None) -> None:
    """The experts a predictor selects for must be told apart by `topk_ids`, which one expert does not need."""
    if fc1.shape[0] == 1 and ids is not None:
        raise ValueError("topk_ids must be None for one expert")
    if fc1.shape[0] > 1 and ids is None:
        raise ValueError(f"topk_ids is needed for {fc1.shape[0]} experts")
    if ids is not None:
        _topk_ids(x, ids)


def routing(x: Tensor, weights: Tensor, ids: Tensor, topk_weights: Tensor) -> None:
    if weights.shape[0] == 1:
        raise ValueError("weights must be of several experts: one is for ffn and ffn_gate_first, without topk_ids")
    _topk_ids(x, ids)
    _expect("topk_weights", topk_weights, tuple(ids.shape), torch.float32, x.device)


def _topk_ids(x: Tensor, ids: Tensor) -> None:
    if ids.dim() != 2:
        raise ValueError(f"topk_ids must be [tokens, top_k], not {_describe(ids)}")
    _expect("topk_ids", ids, (x.shape[0], ids.shape[1]), torch.int32, x.device)


def moe_predictor(
    x: Tensor,
    weights: Tensor,
    fc1: Tensor | None,
    fc2: Tensor | None,
    fc2_low: Tensor | None,
    fc2_scale: Tensor | None,
) -> PredictorWeights | None:
    """The predictor of a MoE with these weights, or None when there is none."""
    if fc1 is None and fc2 is None:
        for name, plane in (("fc2_low", fc2_low), ("fc2_scale", fc2_scale)):
            if plane is not None:
                raise ValueError(f"{name} must be None without fc2")
        return None
    if fc1 is None or fc2 is None:
        raise ValueError("fc1 and fc2 must be given together, or both left out for gate-first selection")
    checked = predictor(x, fc1, fc2, fc2_low, fc2_scale)
    if checked.fc2.shape[:2] != weights.shape[:2]:
        raise ValueError(
            f"fc2 must have the experts and neurons of weights, {list(weights.shape[:2])}, not {_describe(checked.fc2)}"
        )
    return checked
