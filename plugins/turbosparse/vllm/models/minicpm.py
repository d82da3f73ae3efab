"""MiniCPM-S: the llama layout with a scaled embedding, scaled branches and scaled logits."""

import dataclasses
import math
from typing import Any

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsPP

from turbosparse.families import MINICPM, Scales
from turbosparse.vllm.models.causal_lm import SparseForCausalLM


def scales(config: Any) -> Scales:
    """As MiniCPM's modeling code has them (arXiv 2404.06395, appendix A)."""
    return Scales(
        embedding=config.scale_emb,
        branch=config.scale_depth / math.sqrt(config.num_hidden_layers),
        logits=config.dim_model_base / config.hidden_size,
    )


class TurboSparseMiniCPMForCausalLM(SparseForCausalLM, SupportsPP):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        family = dataclasses.replace(MINICPM, scales=scales(vllm_config.model_config.hf_config))
        super().__init__(family, vllm_config=vllm_config, prefix=prefix)
