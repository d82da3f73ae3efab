"""Parameters of one shard of a sparse layer, filled from a checkpoint's tensors in any order."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from turbosparse.errors import CheckpointError
from turbosparse.layers.function import Function
from turbosparse.weights.placement import copy_rows, copy_transposed, shard
from turbosparse.weights.quantize import quantize_rows

PARTS = ("gate", "up", "down", "fc1", "fc2")
_ROWS = {"gate": 0, "up": 1}


class Neurons(nn.Module):
    """`weights [experts, neurons, 3, hidden]` of a shard's neurons and, once a predictor is there, its matrices.

    `fc1 [experts, rank, hidden]`, `fc2 [experts, neurons, rank]` and, with 8 bits, `fc2_low` of its shape and
    `fc2_scale [experts, neurons]` are parameters too. They are None until `create_predictor` or the first tensor of a
    predictor, because only a checkpoint's tensors tell whether there is one and of which rank.
    """

    fc1: Tensor | None
    fc2: Tensor | None
    fc2_low: Tensor | None
    fc2_scale: Tensor | None
    # Which of a layer's experts those of this shard are.
    local_experts: range

    def __init__(
        self,
        *,
        experts: int,
        hidden: int,
        intermediate: int,
        function: Function,
        tensor_parallel: tuple[int, int] = (0, 1),
        dtype: torch.dtype | None = None,
    ) -> None:
        """Allocate the weights, on torch's default device.

        Args:
            experts: those that this shard holds; 1 in a dense layer.
            intermediate: neurons of an expert, of all shards.
            tensor_parallel: (rank, size) of the shard; each holds an equal range of neurons.
            dtype: None is torch's default dtype.

        Raises:
            ValueError: the neurons do not split into equal shards.
        """
        super().__init__()
        self.hidden, self.intermediate, self.function = hidden, intermediate, function
        self.local_experts = range(experts)
        self.neurons = shard(intermediate, tensor_parallel)
        self._add("weights", (experts, len(self.neurons), 3, hidden), dtype or torch.get_default_dtype())
        for name in ("fc1", "fc2", "fc2_low", "fc2_scale"):
            self.register_parameter(name, None)

    @property
    def rank(self) -> int:
        """Of the predictor; 0 without one."""
        return 0 if self.fc1 is None else self.fc1.shape[1]

    def create_predictor(self, rank: int) -> None:
        """Allocate the predictor's parameters beside the weights; nothing if they are there already.

        Raises ValueError when they are there with another rank.
        """
        if self.fc1 is not None:
            if rank != self.rank:
                raise ValueError(f"the predictor has rank {self.rank}, not {rank}")
            return
        experts, neurons = self.weights.shape[:2]
        matrix = (experts, neurons, rank)
        self._add("fc1", (experts, rank, self.hidden), self.weights.dtype)
        if self.function.predictor_bits == 16:
            self._add("fc2", matrix, self.weights.dtype)
            return
        self._add("fc2", matrix, torch.int8)
        self._add("fc2_low", matrix, torch.int8)
        self._add("fc2_scale", matrix[:2], torch.float32)

    def take(self, part: str, expert: int, tensor: Tensor, name: str) -> list[str]:
        """As `load`, of an expert among those of all shards; nothing is done with one of another shard."""
        if expert not in self.local_experts:
            return []
        return self.load(part, expert - self.local_experts.start, tensor, name)

    def load(self, part: str, expert: int, tensor: Tensor, name: str) -> list[str]:
        """Copy this shard's share of a checkpoint's tensor to its place; the names of the parameters it belongs to.

        Args:
            part: `"gate"`, `"up"` or `"fc2"` `[intermediate, ..]`, `"down"` `[hidden, intermediate]`, `"fc1"`
                `[rank, hidden]`.
            expert: of this shard's.
            name: what an error calls the tensor.

        Raises:
            CheckpointError: the tensor is not of the expected shape, or holds NaN or infinity that are to become int8.
            ValueError: there is no such part.
        """
        if part not in PARTS:
            raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
        self._check(part, tensor, name)
        own = slice(self.neurons.start, self.neurons.stop)
        if part in _ROWS:
            copy_rows(self.weights.data[expert, :, _ROWS[part]], tensor[own])
            return ["weights"]
        if part == "down":
            copy_transposed(self.weights.data[expert, :, 2], tensor[:, own])
            return ["weights"]
        if part == "fc1":
            copy_rows(self.fc1.data[expert], tensor)
            return ["fc1"]
        if self.fc2_low is None or self.fc2_scale is None:
            copy_rows(self.fc2.data[expert], tensor[own])
            return ["fc2"]
        planes = (self.fc2.data[expert], self.fc2_low.data[expert], self.fc2_scale.data[expert])
        quantize_rows(tensor[own], out=planes, name=name)
        return ["fc2", "fc2_low", "fc2_scale"]

    def _check(self, part: str, tensor: Tensor, name: str) -> None:
        """Raise CheckpointError unless the shape fits; the first tensor of a predictor decides the rank of all."""
        rank_axis = {"fc1": 0, "fc2": 1}.get(part)
        if rank_axis is not None and self.fc1 is None and tensor.dim() == 2:
            self.create_predictor(tensor.shape[rank_axis])
        expected = {
            "down": (self.hidden, self.intermediate),
            "fc1": (self.rank, self.hidden),
            "fc2": (self.intermediate, self.rank),
        }.get(part, (self.intermediate, self.hidden))
        if tensor.shape != expected:
            raise CheckpointError(f"tensor {name} has shape {list(tensor.shape)}, expected {list(expected)}")

    def _add(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        device = self.weights.device if name != "weights" else None
        self.register_parameter(name, nn.Parameter(torch.empty(shape, dtype=dtype, device=device), requires_grad=False))
