"""Attention.

Signatures of `tensorrt_llm/_torch/attention/attention.py` at commit 047098b74c51f488abcfcd72f7d4a988a56442f6.
"""

from plain.attention import attended, rotated, sizes
from plain.linear import TensorParallelMode, WeightMode, WeightsLoadingConfig
from torch import nn

from tensorrt_llm._torch.modules.linear import Linear


class Attention(nn.Module):
    def __init__(
        self,
        *,
        hidden_size,
        num_attention_heads,
        num_key_value_heads,
        max_position_embeddings,
        bias,
        pos_embd_params=None,
        rope_fusion=None,
        layer_idx=None,
        dtype=None,
        dense_bias=None,
        config=None,
        q_scaling=1.0,
        attention_chunk_size=None,
        disable_deep_gemm=False,
        attn_output_gate=None,
        use_custom_cublas_mm=False,
        reduce_output=True,
        mapping_with_cp=None,
        head_dim=None,
    ):
        super().__init__()
        assert q_scaling == 1.0
        assert attention_chunk_size is None
        self.head_dim, self.num_heads, self.num_key_value_heads = sizes(
            config, hidden_size, num_attention_heads, num_key_value_heads
        )
        self.layer_idx, self.pos_embd_params = layer_idx, pos_embd_params
        ranks = config.mapping.tp_size
        self.qkv_proj = Linear(
            hidden_size,
            ranks * (self.num_heads + 2 * self.num_key_value_heads) * self.head_dim,
            bias=bias,
            dtype=dtype,
            mapping=config.mapping,
            tensor_parallel_mode=TensorParallelMode.COLUMN,
            weights_loading_config=WeightsLoadingConfig(weight_mode=WeightMode.FUSED_QKV_LINEAR),
            quant_config=config.quant_config,
            skip_create_weights_in_init=config.skip_create_weights_in_init,
            allreduce_strategy=config.allreduce_strategy,
        )
        self.o_proj = Linear(
            ranks * self.num_heads * self.head_dim,
            hidden_size,
            bias=bias if dense_bias is None else dense_bias,
            dtype=dtype,
            mapping=config.mapping,
            tensor_parallel_mode=TensorParallelMode.ROW,
            quant_config=config.quant_config,
            skip_create_weights_in_init=config.skip_create_weights_in_init,
            allreduce_strategy=config.allreduce_strategy,
        )

    def forward(
        self,
        position_ids,
        hidden_states,
        attn_metadata,
        attention_mask="causal",
        mrope_config=None,
        all_reduce_params=None,
        lora_params=None,
        attention_window_size=None,
        attention_mask_data=None,
        attention_sinks=None,
        relative_attention_bias=None,
        relative_attention_max_distance=0,
        **kwargs,
    ):
        heads = [self.num_heads, self.num_key_value_heads, self.num_key_value_heads]
        qkv = self.qkv_proj(hidden_states).unflatten(-1, (-1, self.head_dim))
        query, key, value = qkv.split(heads, dim=1)
        theta, positions = self.pos_embd_params.rope.theta, position_ids.flatten()
        query, key = rotated(query, positions, theta), rotated(key, positions, theta)
        mixed = attended(query, key, value, attn_metadata.lengths, attention_window_size)
        return self.o_proj(mixed, all_reduce_params=all_reduce_params, lora_params=lora_params)
