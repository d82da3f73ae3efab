"""config.json of the synthetic checkpoints, with the keys that the real ones have."""

from __future__ import annotations

from typing import Any

from turbosparse.synthetic.shapes import ModelShape

_ARCHITECTURES = {
    "bamboo": "BambooForCausalLM",
    "turbosparsemixtral": "TurboSparseMixtralForCausalLM",
    "llama": "LlamaForCausalLM",
    "minicpm": "MiniCPMForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "smallthinker": "SmallThinkerForCausalLM",
    "sparsellama": "SparseLlamaForCausalLM",
}


def config_json(shape: ModelShape) -> dict[str, Any]:
    """The config a server and the generator read."""
    config: dict[str, Any] = {
        "architectures": [_ARCHITECTURES[shape.family]],
        "model_type": shape.family,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "vocab_size": shape.vocab,
        "rms_norm_eps": 1e-5,
        "rope_theta": shape.rope_theta,
        "sliding_window": shape.sliding_window,
        "max_position_embeddings": 32768,
        "initializer_range": 0.02,
        "tie_word_embeddings": False,
        "torch_dtype": shape.dtype,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    if shape.family == "smallthinker":
        return config | {
            "moe_ffn_hidden_size": shape.intermediate,
            "moe_num_primary_experts": shape.experts,
            "moe_num_active_primary_experts": shape.top_k,
            "moe_layer_layout": [1] * shape.layers,
        }
    config |= {"intermediate_size": shape.intermediate, "hidden_act": "relu"}
    if shape.family == "turbosparsemixtral":
        config |= {"num_local_experts": shape.experts, "num_experts_per_tok": shape.top_k}
    if shape.gate_threshold != 0:
        config |= {"hidden_act": "fatrelu", "hidden_act_param": shape.gate_threshold}
    return config
