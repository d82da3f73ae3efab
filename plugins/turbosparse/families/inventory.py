"""Which tensors a checkpoint must have and may have, and which of them came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from turbosparse.errors import CheckpointError
from turbosparse.families.family import Family
from turbosparse.families.places import NeuronPlace, Place, checkpoint_places

# Names in a sentence before the rest of them is only counted.
_NAMED = 3


class Inventory:
    """Of one checkpoint that is being loaded. `checkpoint` and `architecture` are what errors call it and its model."""

    def __init__(self, config: Any, family: Family, *, checkpoint: str, architecture: str) -> None:
        self._config, self._places = config, checkpoint_places(config, family)
        self._checkpoint, self._architecture = checkpoint, architecture
        self._seen: set[str] = set()

    def place(self, name: str) -> Place | NeuronPlace | None:
        """Where a tensor that came goes; None for one that no model needs.

        Raises CheckpointError naming a tensor that the model has not.
        """
        if self._is_derived(name):
            return None
        place = self._places.get(name)
        if place is None:
            raise CheckpointError(f"{self._checkpoint}: tensor {name} is not one of a {self._architecture}")
        self._seen.add(name)
        return place

    def refuse_missing(self, is_here: Callable[[Place | NeuronPlace], bool] = lambda place: True) -> None:
        """Raise CheckpointError naming tensors that have not come and that this rank is to hold.

        A checkpoint has all predictor tensors or none of them. `is_here` tells whether the rank holds a place.
        """
        places = self._places
        predicted = any(isinstance(places[name], NeuronPlace) and not places[name].required for name in self._seen)
        missing = [
            name
            for name, place in places.items()
            if name not in self._seen
            and (predicted or not isinstance(place, NeuronPlace) or place.required)
            and is_here(place)
        ]
        if missing:
            rest = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise CheckpointError(
                f"{self._checkpoint} lacks tensor {', '.join(missing[:_NAMED])}{rest}, which a {self._architecture} has"
            )

    def _is_derived(self, name: str) -> bool:
        """What some checkpoints hold and none needs: frequencies of the rotary embedding, and a tied head."""
        return name.endswith(".rotary_emb.inv_freq") or (name == "lm_head.weight" and self._config.tie_word_embeddings)


def check_shape(tensor: Tensor, place: Place, name: str) -> None:
    """Raise CheckpointError unless the tensor is of the place's shape."""
    if tuple(tensor.shape) != place.shape:
        raise CheckpointError(f"tensor {name} has shape {list(tensor.shape)}, expected {list(place.shape)}")
