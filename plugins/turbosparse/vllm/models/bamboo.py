"""TurboSparse-Mistral, and Bamboo, which has no predictor."""

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsPP

from turbosparse.vllm.models.causal_lm import SparseForCausalLM
from turbosparse.vllm.models.family import Family
from turbosparse.vllm.options import Activations
from turbosparse.weights.layouts import LAYOUTS

FAMILY = Family(
    layout=LAYOUTS["bamboo"],
    activations=Activations(("drelu",)),
    # The released code evaluates it before post_attention_layernorm.
    predictor_reads_residual=True,
)


class BambooForCausalLM(SparseForCausalLM, SupportsPP):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(FAMILY, vllm_config=vllm_config, prefix=prefix)
