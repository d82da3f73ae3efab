"""ReluLLaMA and ProSparse: the llama layout without a predictor."""

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsPP

from turbosparse.families import LLAMA
from turbosparse.vllm.models.causal_lm import SparseForCausalLM


class TurboSparseLlamaForCausalLM(SparseForCausalLM, SupportsPP):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(LLAMA, vllm_config=vllm_config, prefix=prefix)
