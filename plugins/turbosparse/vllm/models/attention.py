"""Grouped-query attention with rotary embedding."""

from typing import Any

from torch import Tensor, nn
from vllm.config import CacheConfig
from vllm.distributed.parallel_state import get_tensor_model_parallel_world_size
from vllm.model_executor.layers.attention import Attention
from vllm.model_executor.layers.linear import QKVParallelLinear, RowParallelLinear
from vllm.model_executor.layers.rotary_embedding import get_rope

from turbosparse.families import head_dim, sliding_window

# Types of rope_parameters whose vLLM layers rotate whatever heads they are given.
_ROTATE_ANY_HEADS = ("default", "linear", "ntk", "dynamic", "llama3", "yarn")


class SelfAttention(nn.Module):
    """`[tokens, hidden]` to `[tokens, hidden]`, heads split over tensor-parallel ranks and summed."""

    def __init__(self, config: Any, *, qkv_bias: bool, cache_config: CacheConfig | None, prefix: str) -> None:
        super().__init__()
        width = head_dim(config)
        ranks = get_tensor_model_parallel_world_size()
        heads = config.num_attention_heads // ranks
        # With fewer key and value heads than ranks, QKVParallelLinear gives several ranks the same one.
        kv_heads = max(1, config.num_key_value_heads // ranks)
        self.sizes = [heads * width, kv_heads * width]
        self.qkv_proj = QKVParallelLinear(
            hidden_size=config.hidden_size,
            head_size=width,
            total_num_heads=config.num_attention_heads,
            total_num_kv_heads=config.num_key_value_heads,
            bias=qkv_bias,
            prefix=f"{prefix}.qkv_proj",
        )
        self.o_proj = RowParallelLinear(
            input_size=config.num_attention_heads * width,
            output_size=config.hidden_size,
            bias=False,
            prefix=f"{prefix}.o_proj",
        )
        self.rotary_emb = get_rope(
            head_size=width, max_position=config.max_position_embeddings, rope_parameters=config.rope_parameters
        )
        self.rotates_together = config.rope_parameters.get("rope_type", "default") in _ROTATE_ANY_HEADS
        self.attn = Attention(
            num_heads=heads,
            head_size=width,
            scale=width**-0.5,
            num_kv_heads=kv_heads,
            cache_config=cache_config,
            per_layer_sliding_window=sliding_window(config),
            prefix=f"{prefix}.attn",
        )

    def forward(self, positions: Tensor, hidden_states: Tensor) -> Tensor:
        qkv, _ = self.qkv_proj(hidden_states)
        query_key, value = qkv.split([sum(self.sizes), self.sizes[1]], dim=-1)
        query, key = self.rotate(positions, query_key)
        output, _ = self.o_proj(self.attn(query, key, value))
        return output

    def rotate(self, positions: Tensor, query_key: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys, which lie side by side in `[tokens, query + key]`, with their positions in them."""
        if not self.rotates_together:
            return self.rotary_emb(positions, *query_key.split(self.sizes, dim=-1))
        # As one tensor: of two, torch.compile makes two kernels.
        rotated, _ = self.rotary_emb(positions, query_key, None)
        return rotated.split(self.sizes, dim=-1)
