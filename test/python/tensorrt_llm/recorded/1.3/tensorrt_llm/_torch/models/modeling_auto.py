"""From a config to a model.

Signatures of `tensorrt_llm/_torch/models/modeling_auto.py` at commit 5d4a661cd24bdaf80ed1814980ed915cbe2eadb1.
"""

from tensorrt_llm._torch.models.modeling_utils import MODEL_CLASS_MAPPING, DecoderModelForCausalLM


class AutoModelForCausalLM:
    @staticmethod
    def from_config(config):
        architecture = config.pretrained_config.architectures[0]
        cls = MODEL_CLASS_MAPPING.get(architecture)
        if cls is None:
            raise ValueError(f"Unknown architecture for AutoModelForCausalLM: {architecture}")
        if issubclass(cls, DecoderModelForCausalLM):
            config._frozen = False
            config.skip_create_weights_in_init = True
            config._frozen = True
        return cls(config)
