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
    ) -> None:
        """Arguments and errors as `Neurons`. `operator` is called as `compute.mlp` without padding."""
        super().__init__(
            experts=1,
            hidden=hidden,
            intermediate=intermediate,
            function=function,
            tensor_parallel=tensor_parallel,
            dtype=dtype,
        )
        self._operator = operator

    def forward(self, x: Tensor, predictor_input: Tensor) -> Tensor:
        """This shard's part of the output `[tokens, hidden]`; the parts of all shards sum to it."""
        predictor = (self.fc1, self.fc2, self.fc2_low, self.fc2_scale)
        function = (self.function.activation, self.function.gate_threshold)
        return self._operator(x, predictor_input, self.weights, *predictor, *function)
