"""One layer in which given tokens activate exactly given neurons: for tests and measurements of kernels."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from turbosparse.reference.bounds import unit_roundoff
from turbosparse.reference.predictor import default_threshold


def random_inputs(tokens: int, hidden: int, dtype: torch.dtype, generator: Generator) -> Tensor:
    """Standard normal `[tokens, hidden]`, as after a norm."""
    return torch.randn((tokens, hidden), generator=generator, device=generator.device, dtype=dtype)


def random_weights(experts: int, intermediate: int, hidden: int, dtype: torch.dtype, generator: Generator) -> Tensor:
    """Neuron-major `[experts, intermediate, 3, hidden]`, normal: gate and up values have unit variance."""
    shape = (experts, intermediate, 3, hidden)
    weights = torch.empty(shape, device=generator.device, dtype=dtype).normal_(generator=generator)
    weights[:, :, :2] *= hidden**-0.5
    weights[:, :, 2] *= intermediate**-0.5
    return weights


def _right_inverse(x: Tensor) -> Tensor:
    """float32 `[hidden, tokens]` with `x @ inverse` the identity: how a row is made to answer to one token alone."""
    if x.shape[0] > x.shape[1]:
        raise ValueError(f"cannot plant for {x.shape[0]} tokens of only {x.shape[1]} dimensions")
    exact = x.double()
    return torch.linalg.solve(exact @ exact.T, exact).T.float()


def plant_gate(weights: Tensor, x: Tensor, mask: Tensor, generator: Generator) -> None:
    """Change the gate rows of `weights` in place so that token `t` opens exactly the neurons of `mask[t]`.

    Each gate row keeps its part orthogonal to the tokens and gets the least-norm part that takes it to +-(0.5 … 1.5),
    far from 0 in any dtype. `mask` is bool `[tokens, experts, intermediate]`, tokens at most hidden.
    """
    inverse = _right_inverse(x)
    inputs = x.float()
    for expert, block in enumerate(weights):
        size = 0.5 + torch.rand(mask[:, expert].shape, generator=generator, device=x.device)
        target = torch.where(mask[:, expert], size, -size)
        gate = block[:, 0].float()
        block[:, 0] = (gate + (target - inputs @ gate.T).T @ inverse.T).to(weights.dtype)


def plant_predictor(
    x: Tensor, mask: Tensor, rank: int, generator: Generator, *, hard: bool = False
) -> tuple[Tensor, Tensor]:
    """`fc1 [experts, rank, hidden]` and `fc2 [experts, intermediate, rank]` that select `mask` for the tokens of `x`.

    Hidden unit `r` answers to token `r % tokens` alone, so the logit of a token and a neuron is a sum over that token's
    units and can be chosen: +-(0.5 … 1.5), which no rounding turns. With `hard` the logits crowd around the default
    threshold of the dtype, within 16 roundings of it on either side: a good part of them within the rounding margin,
    where either answer is right, and `mask`, with weights rounded too, is only likely.

    `mask` is bool `[tokens, experts, intermediate]`, tokens at most rank and hidden.
    """
    tokens, experts, _ = mask.shape
    if tokens > rank:
        raise ValueError(f"a predictor of rank {rank} cannot tell {tokens} tokens apart")
    device, dtype = x.device, x.dtype
    threshold = default_threshold(dtype)
    crowd = 16 * unit_roundoff(dtype) * threshold
    owner = torch.arange(rank, device=device) % tokens
    detectors = _right_inverse(x).T[owner]
    fc1 = torch.empty((experts, rank, x.shape[1]), dtype=dtype, device=device)
    fc2 = torch.empty((experts, mask.shape[2], rank), dtype=dtype, device=device)
    for expert in range(experts):
        response = 0.5 + torch.rand(rank, generator=generator, device=device)
        energy = torch.zeros(tokens, device=device).index_add_(0, owner, response**2)
        share = response / energy[owner]
        spread = torch.rand(mask[:, expert].shape, generator=generator, device=device)
        size = crowd * spread if hard else 0.5 + spread
        logits = torch.where(mask[:, expert], size, -size) + (threshold if hard else 0.0)
        fc1[expert] = (detectors * response[:, None]).to(dtype)
        fc2[expert] = (logits[owner] * share[:, None]).T.to(dtype)
    return fc1, fc2


def crowd_threshold(
    x: Tensor, fc1: Tensor, fc2: Tensor, generator: Generator, *, share: float = 0.3, width: float = 0.05
) -> None:
    """Change `fc2` in place so that a random `share` of the logits of `x` comes to lie near the default threshold.

    Near is within `width` standard deviations of the logits, evenly spread: as close as quantising a predictor moves
    them. Rows change by the least-norm part that does it. `fc1` and `fc2` as `plant_predictor` makes them; tokens fewer
    than the rank, and of hidden layers that are linearly independent.
    """
    threshold = default_threshold(x.dtype)
    for first, second in zip(fc1, fc2):
        hidden = torch.relu(x.float() @ first.float().T)
        logits = hidden @ second.float().T
        moved = torch.rand(logits.shape, generator=generator, device=x.device) < share
        spread = 2 * torch.rand(logits.shape, generator=generator, device=x.device) - 1
        shift = torch.where(moved, threshold + width * logits.std() * spread - logits, 0.0)
        second.copy_(second.float() + shift.T @ _right_inverse(hidden).T)
