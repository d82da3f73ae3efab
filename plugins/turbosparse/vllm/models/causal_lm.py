"""The language model of all families: what vLLM constructs, loads and calls."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from vllm.config import VllmConfig
from vllm.distributed.parallel_state import get_pp_group
from vllm.model_executor.layers.logits_processor import LogitsProcessor
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
from vllm.model_executor.models.utils import PPMissingLayer, maybe_prefix
from vllm.sequence import IntermediateTensors

from turbosparse.families import Family
from turbosparse.vllm import operators
from turbosparse.vllm.models.decoder import Decoder
from turbosparse.vllm.models.loading import load_weights
from turbosparse.vllm.options import read_function
from turbosparse.vllm.refusals import refuse_unsupported


class SparseForCausalLM(nn.Module):
    """Base of the classes that vLLM knows by name: a decoder and its head."""

    def __init__(self, family: Family, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        """Raises TurboSparseError for what the model's config or vLLM's settings ask for and cannot have."""
        super().__init__()
        refuse_unsupported(vllm_config)
        config: Any = vllm_config.model_config.hf_config
        self.config, self.family = config, family
        function = read_function(config, family.activations)
        self.model = Decoder(
            vllm_config=vllm_config, family=family, function=function, prefix=maybe_prefix(prefix, "model")
        )
        self.lm_head: nn.Module = PPMissingLayer()
        if get_pp_group().is_last_rank:
            self.lm_head = ParallelLMHead(config.vocab_size, config.hidden_size, prefix=maybe_prefix(prefix, "lm_head"))
            if config.tie_word_embeddings:
                self.lm_head = self.lm_head.tie_weights(self.model.embed_tokens)
            self.logits_processor = LogitsProcessor(config.vocab_size, scale=family.scales.logits)
        self.make_empty_intermediate_tensors = self.model.make_empty_intermediate_tensors
        self._checkpoint = vllm_config.model_config.model
        if operators.observer is not None and get_pp_group().is_last_rank:
            operators.observer.watch(self)

    def embed_input_ids(self, input_ids: Tensor) -> Tensor:
        return self.model.embed_input_ids(input_ids)

    def forward(
        self,
        input_ids: Tensor | None,
        positions: Tensor,
        intermediate_tensors: IntermediateTensors | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor | IntermediateTensors:
        return self.model(input_ids, positions, intermediate_tensors, inputs_embeds)

    def compute_logits(self, hidden_states: Tensor) -> Tensor | None:
        return self.logits_processor(self.lm_head, hidden_states)

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> set[str]:
        """Copy a checkpoint's tensors to their places; names of the parameters that were filled.

        May be called again with another checkpoint of the same shapes. Raises CheckpointError naming the tensor that is
        missing, not expected or of another shape.
        """
        return load_weights(self, self.family, weights, self._checkpoint)
