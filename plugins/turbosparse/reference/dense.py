"""Dense masked GEMMs over the neuron-major layout, in the dtype of the arguments.

They serve the CPU and calls of more than 64 tokens, where nearly every neuron is active for some token. The gate, up
and down matrices are strided views of the one copy of the weights, which cuBLAS reads without loss.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.reference.activations import combine
from turbosparse.reference.routing import routed_mask, routing_scale


def masked_ffn(
    x: Tensor, weights: Tensor, mask: Tensor | None = None, activation: str = "drelu", gate_threshold: float = 0.0
) -> Tensor:
    """`[tokens, hidden]` in the dtype of `x`: arguments as `float64.ffn`."""
    return _sum_experts(x, weights, mask, None, activation, gate_threshold)


def masked_moe(
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    mask: Tensor | None = None,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
) -> Tensor:
    """`[tokens, hidden]` in the dtype of `x`: arguments as `float64.moe`.

    Every expert sees every token, with unrouted activations zeroed: grouping tokens by expert would make shapes depend
    on data, and so neither run in a CUDA graph nor without waiting for the device.
    """
    experts = weights.shape[0]
    routed = routed_mask(topk_ids, experts).unsqueeze(-1)
    kept = routed.expand(-1, -1, weights.shape[1]) if mask is None else mask & routed
    return _sum_experts(x, weights, kept, routing_scale(topk_ids, topk_weights, experts), activation, gate_threshold)


def _sum_experts(
    x: Tensor, weights: Tensor, mask: Tensor | None, scale: Tensor | None, activation: str, gate_threshold: float
) -> Tensor:
    total = None
    for expert, block in enumerate(weights):
        gate, up, down = block.unbind(1)
        act = combine(functional.linear(x, gate), functional.linear(x, up), activation, gate_threshold)
        if scale is not None:
            act = (act * scale[:, expert, None]).to(x.dtype)
        if mask is not None:
            act = torch.where(mask[:, expert], act, act.new_zeros(()))
        part = act @ down
        if len(weights) == 1:
            return part
        # Experts are summed in float32: 64 roundings to the dtype would cost more than the GEMMs' own error.
        accumulated = part.to(torch.promote_types(x.dtype, torch.float32))
        total = accumulated if total is None else total.add_(accumulated)
    return total.to(x.dtype)
