"""Grouped-query attention with rotary embedding."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from turbosparse.families import Family, sliding_window
from turbosparse.tensorrt_llm.interface import (
    Attention,
    ModelConfig,
    PositionalEmbeddingParams,
    PositionEmbeddingType,
    RopeParams,
)


class SelfAttention(Attention):
    """`[tokens, hidden]` to `[tokens, hidden]`, heads split over tensor-parallel ranks and summed."""

    def __init__(self, model_config: ModelConfig, family: Family, layer_idx: int) -> None:
        config = model_config.pretrained_config
        super().__init__(
            hidden_size=config.hidden_size,
            num_attention_heads=config.num_attention_heads,
            num_key_value_heads=config.num_key_value_heads,
            max_position_embeddings=config.max_position_embeddings,
            bias=family.qkv_bias,
            dense_bias=False,
            pos_embd_params=PositionalEmbeddingParams(
                type=PositionEmbeddingType.rope_gpt_neox, rope=RopeParams.from_config(config)
            ),
            layer_idx=layer_idx,
            dtype=config.torch_dtype,
            config=model_config,
        )
        self.attention_window_size = sliding_window(config)

    def forward(self, position_ids: Tensor | None, hidden_states: Tensor, attn_metadata: Any) -> Tensor:
        return super().forward(
            position_ids=position_ids,
            hidden_states=hidden_states,
            attn_metadata=attn_metadata,
            attention_window_size=self.attention_window_size,
        )
