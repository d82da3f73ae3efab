"""vLLM's MoE layer, where vLLM is installed."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from turbosparse.bench.timing import Step
from turbosparse.bench.verify import WrongResultError

# Of the norm: its kernels round the activations and the outputs of experts, as any in 16 bits do.
_LARGEST_ERROR = 0.02


def fused_moe_step(x: Tensor, gate_up: Tensor, down: Tensor, ids: Tensor, scores: Tensor) -> Step:
    """A call of `fused_experts`, which computes SiLU: that takes as long as ReLU. Raises ImportError without vLLM."""
    from vllm.model_executor.layers.fused_moe.fused_moe import fused_experts

    call = {"hidden_states": x, "w1": gate_up, "w2": down, "topk_weights": scores, "topk_ids": ids}
    return lambda: fused_experts(**call)


def verify_fused_moe(x: Tensor, gate_up: Tensor, down: Tensor, ids: Tensor, scores: Tensor) -> None:
    """Raises WrongResultError when a call's result is not that of plain torch, ImportError without vLLM."""
    wide = x.float()
    exact = wide.new_zeros(wide.shape)
    for expert in range(len(down)):
        factor = (scores * (ids == expert)).sum(1, keepdim=True)
        gate, up = functional.linear(wide, gate_up[expert].float()).chunk(2, dim=-1)
        exact += factor * functional.linear(functional.silu(gate) * up, down[expert].float())
    result = fused_moe_step(x, gate_up, down, ids, scores)()
    error = float((result.float() - exact).norm() / exact.norm())
    if not error <= _LARGEST_ERROR:
        raise WrongResultError(f"fused_experts differs by {error:.3f} of the result's norm from what it should compute")
