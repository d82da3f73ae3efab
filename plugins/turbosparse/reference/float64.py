"""The released feed-forward functions in float64: what every other implementation is compared with.

Tensors may have any floating dtype and device; results are float64 on the device of `x`. `weights` is neuron-major
`[experts, intermediate, 3, hidden]` (rows gate, up, and the column of down). Masks are bool
`[tokens, experts, intermediate]`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.reference.activations import combine
from turbosparse.reference.planes import dequantized
from turbosparse.reference.routing import routed_mask, routing_scale


def logits(
    x: Tensor, fc1: Tensor, fc2: Tensor, fc2_low: Tensor | None = None, fc2_scale: Tensor | None = None
) -> Tensor:
    """`fc2(relu(fc1(x)))`: `[tokens, experts, intermediate]` of `fc1 [experts, rank, hidden]`, `fc2 [.., rank]`.

    With `fc2_low` and `fc2_scale` fc2 is in planes and stands for `dequantized` of them.
    """
    x, pairs = x.double(), zip(fc1.double(), dequantized(fc2, fc2_low, fc2_scale))
    return torch.stack([torch.relu(x @ first.T) @ second.T for first, second in pairs], 1)


def ffn(
    x: Tensor, weights: Tensor, mask: Tensor | None = None, activation: str = "drelu", gate_threshold: float = 0.0
) -> Tensor:
    """`[tokens, hidden]`: `down(where(mask, act(gate(x), up(x)), 0))`, summed over experts; no mask keeps all."""
    x = x.double()
    out = torch.zeros_like(x)
    for expert, block in enumerate(weights):
        gate, up, down = block.double().unbind(1)
        act = combine(x @ gate.T, x @ up.T, activation, gate_threshold)
        if mask is not None:
            # A product with the mask would let Inf and NaN of unselected neurons through.
            act = torch.where(mask[:, expert], act, 0.0)
        out += act @ down
    return out


def moe(
    x: Tensor,
    weights: Tensor,
    topk_ids: Tensor,
    topk_weights: Tensor,
    mask: Tensor | None = None,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
) -> Tensor:
    """`[tokens, hidden]`: the routed experts' FFNs, each scaled by its routing weight.

    `topk_ids` int `[tokens, top_k]`, an id outside `[0, experts)` routing nowhere; `topk_weights` of the same shape.
    """
    experts = weights.shape[0]
    routed = routed_mask(topk_ids, experts)
    scale = routing_scale(topk_ids, topk_weights.double(), experts)
    out = torch.zeros_like(x, dtype=torch.float64)
    for expert in range(experts):
        kept = None if mask is None else mask[:, expert : expert + 1]
        part = ffn(x, weights[expert : expert + 1], kept, activation, gate_threshold)
        out += torch.where(routed[:, expert, None], part * scale[:, expert, None], 0.0)
    return out
