"""What a model is built by.

Signatures of `tensorrt_llm/_torch/model_config.py` at commit 1a0dc5f70054f66d892df6a964996fc5ead6f81e.
"""

from dataclasses import dataclass, field
from typing import Any

from transformers import AutoConfig

from tensorrt_llm.functional import AllReduceStrategy
from tensorrt_llm.mapping import Mapping


@dataclass
class QuantConfig:
    """Of `tensorrt_llm/models/modeling_utils.py`, as far as it is read."""

    quant_algo: str | None = None
    kv_cache_quant_algo: str | None = None


@dataclass(kw_only=True)
class ModelConfig:
    pretrained_config: Any = None
    mapping: Mapping = field(default_factory=Mapping)
    quant_config: QuantConfig = field(default_factory=QuantConfig)
    quant_config_dict: dict | None = None
    skip_create_weights_in_init: bool = False
    spec_config: Any = None
    lora_config: Any = None
    sparse_attention_config: Any = None
    is_generation: bool = True
    max_num_tokens: int = 8192
    max_seq_len: int | None = None
    moe_load_balancer: Any = None
    attn_backend: str = "TRTLLM"
    moe_backend: str = "CUTLASS"
    allreduce_strategy: AllReduceStrategy = AllReduceStrategy.AUTO
    extra_attrs: dict = field(default_factory=dict, repr=False, init=False)
    _frozen: bool = field(default=False, init=False, repr=False)

    def __setattr__(self, key, value):
        if self._frozen and key not in ("_frozen", "extra_attrs", "pretrained_config", "quant_config"):
            raise AttributeError(f"Cannot modify ModelConfig.'{key}' - instance is frozen")
        super().__setattr__(key, value)

    @classmethod
    def from_pretrained(cls, checkpoint_dir, trust_remote_code=False, **kwargs):
        config = AutoConfig.from_pretrained(checkpoint_dir, trust_remote_code=trust_remote_code)
        # Of the transformers that this version pins; newer ones keep it elsewhere.
        if getattr(config, "rope_theta", None) is None:
            config.rope_theta = config.rope_parameters["rope_theta"]
        found = cls(pretrained_config=config, **kwargs)
        found._frozen = True
        return found
