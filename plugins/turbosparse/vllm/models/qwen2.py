"""SparseQwen2: the llama layout with biases of queries, keys and values."""

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsPP

from turbosparse.families import QWEN2
from turbosparse.vllm.models.causal_lm import SparseForCausalLM


class TurboSparseQwen2ForCausalLM(SparseForCausalLM, SupportsPP):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(QWEN2, vllm_config=vllm_config, prefix=prefix)
