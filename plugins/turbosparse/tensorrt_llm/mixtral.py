"""TurboSparse-Mixtral."""

from turbosparse.families import TURBOSPARSE_MIXTRAL
from turbosparse.tensorrt_llm.causal_lm import SparseForCausalLM
from turbosparse.tensorrt_llm.interface import ModelConfig, register_auto_model


@register_auto_model("TurboSparseMixtralForCausalLM")
class TurboSparseMixtralForCausalLM(SparseForCausalLM):
    def __init__(self, model_config: ModelConfig) -> None:
        super().__init__(TURBOSPARSE_MIXTRAL, model_config)
