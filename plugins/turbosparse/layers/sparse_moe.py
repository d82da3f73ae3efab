"""The experts of a mixture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from turbosparse.layers import compute
from turbosparse.layers.function import Function
from turbosparse.layers.neurons import Neurons
from turbosparse.reference.routing import top_k_routing


class SparseMoE(Neurons):
    """The FFNs of the experts that one shard holds, over the neurons that each token activates in its own experts.

    Under expert parallelism a shard holds the experts `local_experts` whole, under tensor parallelism a range of the
    neurons of all; the parts of all shards sum to the output either way.
    """

    def __init__(
        self,
        *,
        experts: int,
        hidden: int,
        intermediate: int,
        function: Function,
        local_experts: range | None = None,
        tensor_parallel: tuple[int, int] = (0, 1),
        dtype: torch.dtype | None = None,
        operator: Callable[..., Tensor] = compute.moe,
        reduce: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Other arguments and errors as `Neurons`.

        Args:
            experts: of all shards.
            local_experts: those of this one; None is all.
            operator: called as `compute.moe` without padding.
            reduce: the server's sum over shards; None leaves it to the caller.
        """
        local = range(experts) if local_experts is None else local_experts
        super().__init__(
            experts=len(local),
            hidden=hidden,
            intermediate=intermediate,
            function=function,
            tensor_parallel=tensor_parallel,
            dtype=dtype,
        )
        self.experts, self.local_experts = experts, local
        self._operator, self._reduce = operator, reduce

    def forward(self, x: Tensor, topk_ids: Tensor, topk_weights: Tensor) -> Tensor:
        """The output `[tokens, hidden]`; without `reduce` this shard's part of it.

        `topk_ids` int `[tokens, top_k]` are ids among all experts; `topk_weights` is float32 of that shape.
        """
        ids = local_expert_ids(topk_ids, self.local_experts, self.experts)
        predictor = (self.fc1, self.fc2, self.fc2_low, self.fc2_scale)
        function = (self.function.activation, self.function.gate_threshold)
        part = self._operator(x, ids, topk_weights, self.weights, *predictor, *function)
        return part if self._reduce is None else self._reduce(part)


class Mixture(nn.Module):
    """A router and its experts."""

    def __init__(self, gate: nn.Module, experts: SparseMoE, top_k: int) -> None:
        """`gate` is the server's layer that makes logits `[tokens, experts]` of `[tokens, hidden]`.

        Raises ValueError when there are fewer experts than a token is to have.
        """
        if top_k > experts.experts:
            raise ValueError(f"a token cannot have {top_k} of {experts.experts} experts")
        super().__init__()
        self.gate, self.experts, self.top_k = gate, experts, top_k

    def forward(self, x: Tensor, topk_ids: Tensor | None = None, topk_weights: Tensor | None = None) -> Tensor:
        """`[tokens, hidden]`, as the experts return it. Routed here unless both are given."""
        if topk_ids is None or topk_weights is None:
            topk_ids, topk_weights = top_k_routing(self.gate(x), self.top_k)
        return self.experts(x, topk_ids, topk_weights)


def local_expert_ids(ids: Tensor, local: range, experts: int) -> Tensor:
    """int32 ids within `local`, -1 for experts of other shards."""
    if local == range(experts):
        return ids.int()
    own = (ids >= local.start) & (ids < local.stop)
    return torch.where(own, ids - local.start, -1).int()


def own_experts(experts: int, shard: tuple[int, int]) -> range:
    """Consecutive experts of shard (rank, size), one more on the first shards where they do not divide.

    Raises ValueError when a shard would have none.
    """
    rank, size = shard
    if experts < size:
        raise ValueError(f"{experts} experts do not fill {size} ranks")
    each, more = divmod(experts, size)
    start = rank * each + min(rank, more)
    return range(start, start + each + (rank < more))
