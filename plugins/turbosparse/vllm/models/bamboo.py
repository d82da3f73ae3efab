"""TurboSparse-Mistral, and Bamboo, which has no predictor."""

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsPP

from turbosparse.families import BAMBOO
from turbosparse.vllm.models.causal_lm import SparseForCausalLM


class BambooForCausalLM(SparseForCausalLM, SupportsPP):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(BAMBOO, vllm_config=vllm_config, prefix=prefix)
