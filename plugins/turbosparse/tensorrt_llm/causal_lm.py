"""The language model of both families: what TensorRT-LLM constructs, loads and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from turbosparse.errors import CheckpointError
from turbosparse.families import Family, Inventory, Place, check_shape, read_function
from turbosparse.tensorrt_llm.decoder import SparseDecoder
from turbosparse.tensorrt_llm.interface import DecoderModelForCausalLM, ModelConfig
from turbosparse.tensorrt_llm.refusals import refuse_unsupported


class SparseForCausalLM(DecoderModelForCausalLM):
    """Base of the classes that TensorRT-LLM knows by name: a decoder and its head."""

    def __init__(self, family: Family, model_config: ModelConfig) -> None:
        """Raises TurboSparseError for what the model's config or the server's settings ask for and cannot have."""
        refuse_unsupported(model_config)
        config = model_config.pretrained_config
        function = read_function(config, family.activations)
        super().__init__(
            SparseDecoder(model_config, family, function),
            config=model_config,
            hidden_size=config.hidden_size,
            vocab_size=config.vocab_size,
        )
        self.family = family

    def load_weights(
        self, weights: Mapping[str, Tensor], weight_mapper: Any = None, skip_modules: Sequence[str] = ()
    ) -> None:
        """Have each module copy its tensors, once it is known that they are what the model has.

        Raises CheckpointError naming the tensor that is missing, not expected or of another shape.
        """
        checkpoint = self.config.name_or_path or "the checkpoint"
        inventory = Inventory(self.config, self.family, checkpoint=checkpoint, architecture=type(self).__name__)
        places = {name: inventory.place(name) for name in weights}
        # The walk passes over modules that nothing is there for, and over tensors that no module is for.
        inventory.refuse_missing()
        try:
            for name, place in places.items():
                if isinstance(place, Place):
                    check_shape(weights[name][:], place, name)
            super().load_weights(weights, weight_mapper=weight_mapper, skip_modules=list(skip_modules))
        except CheckpointError as error:
            raise CheckpointError(f"{checkpoint}: {error}") from error
