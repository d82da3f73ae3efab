"""TurboSparse-Mistral, and Bamboo, which has no predictor."""

from turbosparse.families import BAMBOO
from turbosparse.tensorrt_llm.causal_lm import SparseForCausalLM
from turbosparse.tensorrt_llm.interface import ModelConfig, register_auto_model


@register_auto_model("BambooForCausalLM")
class BambooForCausalLM(SparseForCausalLM):
    def __init__(self, model_config: ModelConfig) -> None:
        super().__init__(BAMBOO, model_config)
