"""The FFN of a dense model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from turbosparse.layers import compute
from turbosparse.layers.function import Function
from turbosparse.layers.neurons import Neurons


class SparseMLP(Neurons):
    """`down(act(gate(x), up(x)))` over the neurons of one tensor-parallel shard that the token activates."""

    def __init__(
        self,
        *,
        hidden: int,
        intermediate: int,
        function: Function,
        tensor_parallel: tuple[int, int] = (0, 1),
        dtype: torch.dtype | None = None,
        operator: Callable[..., Tensor] = compute.mlp,
        reduce: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Other arguments and errors as `Neurons`.

        Args:
            operator: called as `compute.mlp` without padding.
            reduce: the server's sum over shards; None leaves it to the caller.
        """
        super().__init__(
            experts=1,
            hidden=hidden,
            intermediate=intermediate,
            function=function,
            tensor_parallel=tensor_parallel,
            dtype=dtype,
        )
        self._operator, self._reduce = operator, reduce

    def forward(self, x: Tensor, predictor_input: Tensor) -> Tensor:
        """The output `[tokens, hidden]`; without `reduce` this shard's part, which sums to it over all shards."""
        predictor = (self.fc1, self.fc2, self.fc2_low, self.fc2_scale)
        function = (self.function.activation, self.function.gate_threshold)
        part = self._operator(x, predictor_input, self.weights, *predictor, *function)
        return part if self._reduce is None else self._reduce(part)
