"""TurboSparse-Mixtral."""

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsPP

from turbosparse.vllm.models.causal_lm import SparseForCausalLM
from turbosparse.vllm.models.family import Family
from turbosparse.vllm.options import Activations
from turbosparse.weights.layouts import LAYOUTS

FAMILY = Family(layout=LAYOUTS["turbosparsemixtral"], activations=Activations(("drelu",)), block="block_sparse_moe")


class TurboSparseMixtralForCausalLM(SparseForCausalLM, SupportsPP):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(FAMILY, vllm_config=vllm_config, prefix=prefix)
