"""The sparse layers over TensorRT-LLM's mapping of ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from turbosparse.errors import TurboSparseError
from turbosparse.families import Family, NeuronPlace, neuron_places
from turbosparse.layers import Function, Mixture, Neurons, SparseMLP, SparseMoE, own_experts
from turbosparse.tensorrt_llm import operators  # noqa: F401  registers the operators
from turbosparse.tensorrt_llm.interface import AllReduce, Linear, ModelConfig


class _Walked(Neurons):
    """Loaded by TensorRT-LLM's walk over modules, which hands each the tensors under its own name."""

    def expect(self, places: Mapping[str, NeuronPlace]) -> None:
        """`places` are those of this layer, by names of the checkpoint."""
        self.places = {name.removeprefix(f"{place.block}."): place for name, place in places.items()}

    def load_weights(self, weights: Sequence[Mapping[str, Tensor]]) -> None:
        """Copy this rank's share of each tensor; `weights` is one dictionary, by names within this module.

        Raises CheckpointError naming the tensor that is of another shape.
        """
        (own,) = weights
        for name, tensor in own.items():
            place = self.places[name]
            # A slice of a file becomes a tensor.
            self.take(place.part, place.expert, tensor[:], f"{place.block}.{name}")


class FeedForward(SparseMLP, _Walked):
    """The FFN of a dense layer, its neurons split over tensor-parallel ranks and its output summed over them."""

    def __init__(self, model_config: ModelConfig, family: Family, function: Function, layer_idx: int) -> None:
        config, mapping = model_config.pretrained_config, model_config.mapping
        super().__init__(
            hidden=config.hidden_size,
            intermediate=config.intermediate_size,
            function=function,
            tensor_parallel=(mapping.tp_rank, mapping.tp_size),
            dtype=config.torch_dtype,
            operator=torch.ops.turbosparse_tensorrt_llm.mlp,
            reduce=_sum_over_ranks(model_config),
        )
        self.expect(neuron_places(config, family, layer_idx))


class Experts(SparseMoE, _Walked):
    """The experts, of which each rank has some, or some neurons of each, or both, as the mapping says."""

    def __init__(self, model_config: ModelConfig, family: Family, function: Function, layer_idx: int) -> None:
        """Raises TurboSparseError when there are fewer experts than ranks that are to have some."""
        config, mapping = model_config.pretrained_config, model_config.mapping
        super().__init__(
            experts=config.num_local_experts,
            hidden=config.hidden_size,
            intermediate=config.intermediate_size,
            function=function,
            local_experts=_own_experts(config.num_local_experts, mapping),
            tensor_parallel=(mapping.moe_tp_rank, mapping.moe_tp_size),
            dtype=config.torch_dtype,
            operator=torch.ops.turbosparse_tensorrt_llm.moe,
            reduce=_sum_over_ranks(model_config),
        )
        self.expect(neuron_places(config, family, layer_idx))


class MixtureOfExperts(Mixture):
    """The router, the same on all ranks, and the experts."""

    def __init__(self, model_config: ModelConfig, family: Family, function: Function, layer_idx: int) -> None:
        config = model_config.pretrained_config
        gate = Linear(
            config.hidden_size, config.num_local_experts, bias=False, dtype=config.torch_dtype, quant_config=None
        )
        super().__init__(gate, Experts(model_config, family, function, layer_idx), config.num_experts_per_tok)


def _own_experts(experts: int, mapping: Any) -> range:
    try:
        return own_experts(experts, (mapping.moe_ep_rank, mapping.moe_ep_size))
    except ValueError as error:
        raise TurboSparseError(f"{error}: lower moe_expert_parallel_size, or use fewer ranks.") from error


def _sum_over_ranks(model_config: ModelConfig) -> AllReduce | None:
    """Over the tensor-parallel group, which the groups of experts and of their neurons are parts of."""
    mapping = model_config.mapping
    if mapping.tp_size == 1:
        return None
    return AllReduce(
        mapping=mapping,
        strategy=model_config.allreduce_strategy,
        dtype=model_config.pretrained_config.torch_dtype,
    )
