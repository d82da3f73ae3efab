"""The sparse layers over vLLM's parallel groups."""

from typing import Any

import torch
from torch import Tensor, nn
from vllm.distributed.communication_op import tensor_model_parallel_all_reduce
from vllm.distributed.parallel_state import (
    get_tensor_model_parallel_rank,
    get_tensor_model_parallel_world_size,
)
from vllm.model_executor.layers.linear import ReplicatedLinear

from turbosparse.errors import TurboSparseError
from turbosparse.layers import Function, SparseMLP, SparseMoE, top_k_routing
from turbosparse.vllm import operators  # noqa: F401  registers the operators


class FeedForward(SparseMLP):
    """The FFN of a dense layer, its neurons split over tensor-parallel ranks and its output summed over them."""

    def __init__(self, config: Any, function: Function) -> None:
        ranks = get_tensor_model_parallel_world_size()
        super().__init__(
            hidden=config.hidden_size,
            intermediate=config.intermediate_size,
            function=function,
            tensor_parallel=(get_tensor_model_parallel_rank(), ranks),
            operator=torch.ops.turbosparse_vllm.mlp,
        )
        self.ranks = ranks

    def forward(self, x: Tensor, predictor_input: Tensor) -> Tensor:
        part = super().forward(x, predictor_input)
        return tensor_model_parallel_all_reduce(part) if self.ranks > 1 else part


class MixtureOfExperts(nn.Module):
    """The router and the experts, whose neurons or, under expert parallelism, which are split over the ranks."""

    def __init__(self, config: Any, function: Function, *, expert_parallel: bool, prefix: str) -> None:
        super().__init__()
        rank, self.ranks = get_tensor_model_parallel_rank(), get_tensor_model_parallel_world_size()
        experts = config.num_local_experts
        self.top_k = config.num_experts_per_tok
        self.gate = ReplicatedLinear(
            input_size=config.hidden_size, output_size=experts, bias=False, prefix=f"{prefix}.gate"
        )
        self.experts = SparseMoE(
            experts=experts,
            hidden=config.hidden_size,
            intermediate=config.intermediate_size,
            function=function,
            local_experts=own_experts(experts, rank, self.ranks) if expert_parallel else None,
            tensor_parallel=(0, 1) if expert_parallel else (rank, self.ranks),
            operator=torch.ops.turbosparse_vllm.moe,
        )

    def forward(self, x: Tensor) -> Tensor:
        logits, _ = self.gate(x)
        part = self.experts(x, *top_k_routing(logits, self.top_k))
        return tensor_model_parallel_all_reduce(part) if self.ranks > 1 else part


def own_experts(experts: int, rank: int, ranks: int) -> range:
    """Consecutive experts, one more on the first ranks where they do not divide: as vLLM filters them when loading."""
    if experts < ranks:
        raise TurboSparseError(
            f"{experts} experts do not fill {ranks} ranks: leave --enable-expert-parallel out, or use fewer ranks."
        )
    each, more = divmod(experts, ranks)
    start = rank * each + min(rank, more)
    return range(start, start + each + (rank < more))
