"""The sparse layers over vLLM's parallel groups."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from vllm.distributed.communication_op import tensor_model_parallel_all_reduce
from vllm.distributed.parallel_state import (
    get_tensor_model_parallel_rank,
    get_tensor_model_parallel_world_size,
)

from turbosparse.errors import TurboSparseError
from turbosparse.layers import Function, Mixture, SparseMLP, SparseMoE, own_experts
from turbosparse.vllm import operators  # noqa: F401  registers the operators


class FeedForward(SparseMLP):
    """The FFN of a dense layer, its neurons split over tensor-parallel ranks and its output summed over them."""

    def __init__(self, config: Any, function: Function) -> None:
        super().__init__(
            hidden=config.hidden_size,
            intermediate=config.intermediate_size,
            function=function,
            tensor_parallel=_own_shard(),
            operator=torch.ops.turbosparse_vllm.mlp,
            reduce=_sum_over_ranks(),
        )


class MixtureOfExperts(Mixture):
    """The router and the experts, whose neurons or, under expert parallelism, which are split over the ranks."""

    def __init__(self, config: Any, function: Function, *, expert_parallel: bool) -> None:
        experts = config.num_local_experts
        # Not one of vLLM's layers: the norm before reads its weight, which they may keep packed.
        gate = nn.Linear(config.hidden_size, experts, bias=False).requires_grad_(False)
        sparse = SparseMoE(
            experts=experts,
            hidden=config.hidden_size,
            intermediate=config.intermediate_size,
            function=function,
            local_experts=experts_of_rank(experts, _own_shard()) if expert_parallel else None,
            tensor_parallel=(0, 1) if expert_parallel else _own_shard(),
            operator=torch.ops.turbosparse_vllm.moe,
            reduce=_sum_over_ranks(),
        )
        super().__init__(gate, sparse, config.num_experts_per_tok)


def experts_of_rank(experts: int, shard: tuple[int, int]) -> range:
    """As vLLM filters them when loading. Raises TurboSparseError when there are fewer experts than ranks."""
    try:
        return own_experts(experts, shard)
    except ValueError as error:
        raise TurboSparseError(f"{error}: leave --enable-expert-parallel out, or use fewer ranks.") from error


def _own_shard() -> tuple[int, int]:
    return get_tensor_model_parallel_rank(), get_tensor_model_parallel_world_size()


def _sum_over_ranks() -> Callable[[Tensor], Tensor] | None:
    return tensor_model_parallel_all_reduce if get_tensor_model_parallel_world_size() > 1 else None
