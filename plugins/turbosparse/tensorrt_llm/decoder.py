"""The decoder of both families."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from turbosparse.families import Family
from turbosparse.layers import Function, decoder_step
from turbosparse.tensorrt_llm.attention import SelfAttention
from turbosparse.tensorrt_llm.feed_forward import FeedForward, MixtureOfExperts
from turbosparse.tensorrt_llm.interface import (
    DecoderLayer,
    DecoderModel,
    Embedding,
    ModelConfig,
    RMSNorm,
    TensorParallelMode,
)


class SparseDecoderLayer(DecoderLayer):
    """Attention and FFN. The residual stream is handed on beside what is still to be added to it."""

    def __init__(self, model_config: ModelConfig, family: Family, function: Function, layer_idx: int) -> None:
        super().__init__()
        self.family = family
        self.input_layernorm = _norm(model_config)
        self.self_attn = SelfAttention(model_config, family, layer_idx)
        self.post_attention_layernorm = _norm(model_config)
        block = MixtureOfExperts if family.is_moe else FeedForward
        # Under the checkpoint's name for it.
        self.add_module(family.block, block(model_config, family, function, layer_idx))

    def forward(
        self,
        position_ids: Tensor | None,
        hidden_states: Tensor,
        attn_metadata: Any,
        residual: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
        return decoder_step(
            hidden_states,
            residual,
            input_norm=self.input_layernorm,
            attention=lambda normed: self.self_attn(position_ids, normed, attn_metadata),
            post_attention_norm=self.post_attention_layernorm,
            feed_forward=getattr(self, self.family.block),
            predictor_reads_residual=self.family.predictor_reads_residual,
        )


class SparseDecoder(DecoderModel):
    """From token ids to the normed hidden states of the last layer."""

    def __init__(self, model_config: ModelConfig, family: Family, function: Function) -> None:
        super().__init__(model_config)
        config = model_config.pretrained_config
        self.embed_tokens = Embedding(
            config.vocab_size,
            config.hidden_size,
            dtype=config.torch_dtype,
            mapping=model_config.mapping,
            tensor_parallel_mode=TensorParallelMode.COLUMN,
            gather_output=True,
        )
        self.layers = nn.ModuleList(
            SparseDecoderLayer(model_config, family, function, layer_idx)
            for layer_idx in range(config.num_hidden_layers)
        )
        self.norm = _norm(model_config)

    def forward(
        self,
        attn_metadata: Any,
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Raises ValueError unless there are either ids or embeddings."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("a batch has either input_ids or inputs_embeds")
        hidden_states = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        residual = None
        for layer in self.layers:
            hidden_states, residual = layer(
                position_ids=position_ids,
                hidden_states=hidden_states,
                attn_metadata=attn_metadata,
                residual=residual,
            )
        hidden_states, _ = self.norm(hidden_states, residual)
        return hidden_states


def _norm(model_config: ModelConfig) -> RMSNorm:
    config = model_config.pretrained_config
    return RMSNorm(hidden_size=config.hidden_size, eps=config.rms_norm_eps, dtype=config.torch_dtype)
