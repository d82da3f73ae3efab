"""Copies a checkpoint's tensors to a model's parameters: each tensor once, straight to its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn
from vllm.model_executor.model_loader.weight_utils import default_weight_loader
from vllm.model_executor.models.utils import is_pp_missing_parameter

from turbosparse.errors import CheckpointError, TurboSparseError
from turbosparse.families import Family, Inventory, NeuronPlace, Place, check_shape


def load_weights(model: nn.Module, family: Family, weights: Iterable[tuple[str, Tensor]], checkpoint: str) -> set[str]:
    """Names of the parameters that were filled.

    Tensors of pipeline stages and experts of other ranks are passed over. Raises CheckpointError, which names
    `checkpoint` and the tensor, for one that is missing, not expected or of another shape, and TurboSparseError when
    vLLM reloads weights of a running server.
    """
    inventory = Inventory(model.config, family, checkpoint=checkpoint, architecture=type(model).__name__)
    parameters = dict(model.named_parameters())
    _refuse_reload(parameters)
    loaded = set()
    for name, tensor in weights:
        place = inventory.place(name)
        if place is None:
            continue
        try:
            loaded.update(_load(model, parameters, place, tensor, name))
        except CheckpointError as error:
            raise CheckpointError(f"{checkpoint}: {error}") from error
    inventory.refuse_missing(lambda place: _is_here(model, place))
    return loaded


def _refuse_reload(parameters: Mapping[str, nn.Parameter]) -> None:
    # vLLM then collects tensors through loaders of single parameters, and would keep these ones as they were.
    if any(parameter.is_meta for parameter in parameters.values()):
        raise TurboSparseError(
            "vLLM's reloading of weights into a running server is not supported for TurboSparse models, which it left "
            "without weights: restart the server. Sleep level 1 keeps the weights, level 2 does not."
        )


def _load(
    model: nn.Module, parameters: Mapping[str, nn.Parameter], place: Place | NeuronPlace, tensor: Tensor, name: str
) -> Iterable[str]:
    if not _is_here(model, place):
        return ()
    if isinstance(place, NeuronPlace):
        filled = model.get_submodule(place.block).take(place.part, place.expert, tensor, name)
        return [f"{place.block}.{parameter}" for parameter in filled]
    check_shape(tensor, place, name)
    parameter = parameters[place.parameter]
    loader = getattr(parameter, "weight_loader", default_weight_loader)
    loader(parameter, tensor) if place.shard is None else loader(parameter, tensor, place.shard)
    return (place.parameter,)


def _is_here(model: nn.Module, place: Place | NeuronPlace) -> bool:
    """Whether this rank holds the tensor or a shard of it."""
    if isinstance(place, Place):
        return not is_pp_missing_parameter(place.parameter, model)
    return (
        not is_pp_missing_parameter(place.block, model)
        and place.expert in model.get_submodule(place.block).local_experts
    )
