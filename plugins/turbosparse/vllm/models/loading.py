"""Copies a checkpoint's tensors to a model's parameters: each tensor once, straight to its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn
from vllm.model_executor.model_loader.weight_utils import default_weight_loader
from vllm.model_executor.models.utils import is_pp_missing_parameter

from turbosparse.errors import CheckpointError, TurboSparseError
from turbosparse.layers import Neurons, SparseMoE
from turbosparse.vllm.models.family import Family
from turbosparse.vllm.models.places import NeuronPlace, Place, checkpoint_places

# Names in a sentence before the rest of them is only counted.
_NAMED = 3


def load_weights(model: nn.Module, family: Family, weights: Iterable[tuple[str, Tensor]], checkpoint: str) -> set[str]:
    """Names of the parameters that were filled.

    Tensors of pipeline stages and experts of other ranks are passed over. Raises CheckpointError, which names
    `checkpoint` and the tensor, for one that is missing, not expected or of another shape, and TurboSparseError when
    vLLM reloads weights of a running server.
    """
    places = checkpoint_places(model.config, family)
    parameters = dict(model.named_parameters())
    _refuse_reload(parameters)
    seen, loaded = set(), set()
    for name, tensor in weights:
        if _is_derived(name, model.config):
            continue
        place = places.get(name)
        if place is None:
            raise CheckpointError(f"{checkpoint}: tensor {name} is not one of a {_architecture(model)}")
        seen.add(name)
        try:
            loaded.update(_load(model, parameters, place, tensor, name))
        except CheckpointError as error:
            raise CheckpointError(f"{checkpoint}: {error}") from error
    _refuse_missing(model, places, seen, checkpoint)
    return loaded


def _refuse_reload(parameters: Mapping[str, nn.Parameter]) -> None:
    # vLLM then collects tensors through loaders of single parameters, and would keep these ones as they were.
    if any(parameter.is_meta for parameter in parameters.values()):
        raise TurboSparseError(
            "vLLM's reloading of weights into a running server is not supported for TurboSparse models, which it left "
            "without weights: restart the server. Sleep level 1 keeps the weights, level 2 does not."
        )


def _is_derived(name: str, config: object) -> bool:
    """Tensors that some checkpoints hold and none needs: the frequencies of the rotary embedding, and a tied head."""
    return name.endswith(".rotary_emb.inv_freq") or (name == "lm_head.weight" and config.tie_word_embeddings)


def _load(
    model: nn.Module, parameters: Mapping[str, nn.Parameter], place: Place | NeuronPlace, tensor: Tensor, name: str
) -> Iterable[str]:
    if not _is_here(model, place):
        return ()
    if isinstance(place, NeuronPlace):
        block, expert = _block(model, place)
        return [f"{place.block}.{filled}" for filled in block.load(place.part, expert, tensor, name)]
    if tensor.shape != place.shape:
        raise CheckpointError(f"tensor {name} has shape {list(tensor.shape)}, expected {list(place.shape)}")
    parameter = parameters[place.parameter]
    loader = getattr(parameter, "weight_loader", default_weight_loader)
    loader(parameter, tensor) if place.shard is None else loader(parameter, tensor, place.shard)
    return (place.parameter,)


def _block(model: nn.Module, place: NeuronPlace) -> tuple[Neurons, int]:
    """The module, and which of its own experts it is."""
    block = model.get_submodule(place.block)
    return block, place.expert - block.local_experts.start if isinstance(block, SparseMoE) else place.expert


def _is_here(model: nn.Module, place: Place | NeuronPlace) -> bool:
    """Whether this rank holds the tensor or a shard of it."""
    name = place.block if isinstance(place, NeuronPlace) else place.parameter
    if is_pp_missing_parameter(name, model):
        return False
    if not isinstance(place, NeuronPlace):
        return True
    block = model.get_submodule(place.block)
    return not isinstance(block, SparseMoE) or place.expert in block.local_experts


def _refuse_missing(
    model: nn.Module, places: Mapping[str, Place | NeuronPlace], seen: set[str], checkpoint: str
) -> None:
    """A checkpoint has all predictor tensors or none of them."""
    predicted = any(isinstance(places[name], NeuronPlace) and not places[name].required for name in seen)
    missing = [
        name
        for name, place in places.items()
        if name not in seen
        and (predicted or not isinstance(place, NeuronPlace) or place.required)
        and _is_here(model, place)
    ]
    if missing:
        rest = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise CheckpointError(
            f"{checkpoint} lacks tensor {', '.join(missing[:_NAMED])}{rest}, which a {_architecture(model)} has"
        )


def _architecture(model: nn.Module) -> str:
    return type(model).__name__
