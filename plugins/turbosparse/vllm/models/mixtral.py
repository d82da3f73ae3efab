"""TurboSparse-Mixtral."""

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsPP

from turbosparse.families import TURBOSPARSE_MIXTRAL
from turbosparse.vllm.models.causal_lm import SparseForCausalLM


class TurboSparseMixtralForCausalLM(SparseForCausalLM, SupportsPP):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(TURBOSPARSE_MIXTRAL, vllm_config=vllm_config, prefix=prefix)
