"""SparseQwen2: the llama layout with biases of queries, keys and values."""

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsPP

from turbosparse.vllm.models.causal_lm import SparseForCausalLM
from turbosparse.vllm.models.family import Family
from turbosparse.vllm.options import Activations
from turbosparse.weights.layouts import LAYOUTS

# SparseQwen2 is dReLU, other ReLU fine-tunes are ReGLU, and their configs read alike.
FAMILY = Family(layout=LAYOUTS["qwen2"], activations=Activations(("drelu", "reglu"), has_default=False), qkv_bias=True)


class TurboSparseQwen2ForCausalLM(SparseForCausalLM, SupportsPP):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(FAMILY, vllm_config=vllm_config, prefix=prefix)
