"""The decoder of all families."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from torch import Tensor, nn
from vllm.compilation.decorators import support_torch_compile
from vllm.config import VllmConfig
from vllm.distributed.parallel_state import get_pp_group
from vllm.model_executor.layers.vocab_parallel_embedding import VocabParallelEmbedding
from vllm.model_executor.models.utils import PPMissingLayer, make_empty_intermediate_tensors_factory, make_layers
from vllm.sequence import IntermediateTensors

from turbosparse.families import Family
from turbosparse.layers import Function, RMSNorm, decoder_step
from turbosparse.vllm.models.attention import SelfAttention
from turbosparse.vllm.models.feed_forward import FeedForward, MixtureOfExperts


class DecoderLayer(nn.Module):
    """Attention and FFN. The residual stream is handed on beside what is still to be added to it."""

    def __init__(self, vllm_config: VllmConfig, family: Family, function: Function, *, prefix: str) -> None:
        super().__init__()
        config: Any = vllm_config.model_config.hf_config
        self.family = family
        self.input_layernorm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.self_attn = SelfAttention(
            config, qkv_bias=family.qkv_bias, cache_config=vllm_config.cache_config, prefix=f"{prefix}.self_attn"
        )
        self.post_attention_layernorm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        if family.is_moe:
            parallel = vllm_config.parallel_config.enable_expert_parallel
            block = MixtureOfExperts(config, function, expert_parallel=parallel)
        else:
            block = FeedForward(config, function)
        # Under the checkpoint's name for it.
        self.add_module(family.block, block)

    def forward(self, positions: Tensor, hidden_states: Tensor, residual: Tensor | None) -> tuple[Tensor, Tensor]:
        return decoder_step(
            hidden_states,
            residual,
            input_norm=self.input_layernorm,
            attention=lambda normed: self.self_attn(positions, normed),
            post_attention_norm=self._norm_before(block := getattr(self, self.family.block)),
            feed_forward=block,
            predictor_reads_residual=self.family.predictor_reads_residual,
            scale=self.family.scales.branch,
        )

    def _norm_before(self, block: nn.Module) -> Callable[[Tensor, Tensor], tuple[Tensor, ...]]:
        if not self.family.is_moe:
            return self.post_attention_layernorm
        return lambda x, residual: self.post_attention_layernorm.route(x, residual, block.gate.weight, block.top_k)


@support_torch_compile
class Decoder(nn.Module):
    """From token ids to the normed hidden states of the last layer, or those of the ranks of a pipeline between."""

    def __init__(self, *, vllm_config: VllmConfig, family: Family, function: Function, prefix: str = "") -> None:
        super().__init__()
        config: Any = vllm_config.model_config.hf_config
        self.family = family
        self.embed_tokens: nn.Module = PPMissingLayer()
        self.norm: nn.Module = PPMissingLayer()
        group = get_pp_group()
        if group.is_first_rank or (group.is_last_rank and config.tie_word_embeddings):
            self.embed_tokens = VocabParallelEmbedding(
                config.vocab_size, config.hidden_size, prefix=f"{prefix}.embed_tokens"
            )
        self.start_layer, self.end_layer, self.layers = make_layers(
            config.num_hidden_layers,
            lambda prefix: DecoderLayer(vllm_config, family, function, prefix=prefix),
            prefix=f"{prefix}.layers",
        )
        if group.is_last_rank:
            self.norm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.make_empty_intermediate_tensors = make_empty_intermediate_tensors_factory(
            ["hidden_states", "residual"], config.hidden_size
        )

    def embed_input_ids(self, input_ids: Tensor) -> Tensor:
        embedded = self.embed_tokens(input_ids)
        scale = self.family.scales.embedding
        return embedded if scale == 1.0 else embedded * scale

    # vLLM finds the dimensions that vary by these annotations, which must not be strings.
    def forward(
        self,
        input_ids: Tensor | None,
        positions: Tensor,
        intermediate_tensors: IntermediateTensors | None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor | IntermediateTensors:
        if get_pp_group().is_first_rank:
            hidden_states = self.embed_input_ids(input_ids) if inputs_embeds is None else inputs_embeds
            residual = None
        else:
            hidden_states, residual = intermediate_tensors["hidden_states"], intermediate_tensors["residual"]
        for layer in self._own_layers():
            hidden_states, residual = layer(positions, hidden_states, residual)
        if not get_pp_group().is_last_rank:
            return IntermediateTensors({"hidden_states": hidden_states, "residual": residual})
        hidden_states, _ = self.norm(hidden_states, residual)
        return hidden_states

    def _own_layers(self) -> Iterable[nn.Module]:
        return islice(self.layers, self.start_layer, self.end_layer)
