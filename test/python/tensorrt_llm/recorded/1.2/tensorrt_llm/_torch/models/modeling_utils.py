"""Base classes, registration, construction without memory, and the walk that loads weights.

Signatures of `tensorrt_llm/_torch/models/modeling_utils.py` at commit cb4c622cf5bb97009451f7f44609498a48a2b11d.
"""

from plain.logits import PlainLogitsProcessor
from plain.meta import MetaInitException, PlainMetaInitMode
from torch import nn, ops

from tensorrt_llm._torch.model_config import ModelConfig
from tensorrt_llm._torch.modules.embedding import LMHead
from tensorrt_llm._torch.modules.linear import TensorParallelMode

__all__ = [
    "MODEL_CLASS_MAPPING",
    "DecoderModel",
    "DecoderModelForCausalLM",
    "MetaInitException",
    "MetaInitMode",
    "register_auto_model",
]


class MetaInitMode(PlainMetaInitMode):
    initializers = frozenset({ops.aten.normal_.default, ops.aten.uniform_.default})


class DecoderModel(nn.Module):
    def __init__(self, model_config):
        super().__init__()
        self.dtype, self.model_config = model_config.pretrained_config.torch_dtype, model_config


class PostInitCaller(type):
    def __call__(cls, *args, **kwargs):
        model = type.__call__(cls, *args, **kwargs)
        model.__post_init__()
        return model


class DecoderModelForCausalLM(nn.Module, metaclass=PostInitCaller):
    def __init__(self, model, *, config, hidden_size, vocab_size):
        super().__init__()
        self.model_config, self.model = config, model
        self.lm_head = LMHead(
            vocab_size,
            hidden_size,
            dtype=config.pretrained_config.torch_dtype,
            mapping=config.mapping,
            tensor_parallel_mode=TensorParallelMode.COLUMN,
            gather_output=True,
            use_custom_cublas_mm=False,
        )
        if config.pretrained_config.tie_word_embeddings:
            assert self.lm_head.tp_mode == self.model.embed_tokens.tp_mode
            self.lm_head.weight = self.model.embed_tokens.weight
        self.logits_processor = PlainLogitsProcessor()

    def __post_init__(self):
        for module in self.modules():
            if callable(getattr(module, "create_weights", None)):
                module.create_weights()

    @property
    def config(self):
        return self.model_config.pretrained_config

    def forward(
        self,
        attn_metadata,
        input_ids=None,
        position_ids=None,
        inputs_embeds=None,
        return_context_logits=False,
        spec_metadata=None,
        lora_params=None,
        **kwargs,
    ):
        output = self.model(
            input_ids=input_ids,
            attn_metadata=attn_metadata,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            spec_metadata=spec_metadata,
            lora_params=lora_params,
        )
        return self.logits_processor.forward(output, self.lm_head, attn_metadata, return_context_logits)

    def load_weights(self, weights, weight_mapper=None, skip_modules=[]):  # noqa: B006
        assert isinstance(self.model_config, ModelConfig)
        weight_mapper.add_skip_modules(skip_modules)
        _walk(self, weights, weight_mapper)


MODEL_CLASS_MAPPING = {}


def register_auto_model(name):
    def decorator(cls):
        MODEL_CLASS_MAPPING[name] = cls
        return cls

    return decorator


def _walk(model, weights, mapper):
    for name, module in model.named_modules():
        if len(module._parameters) == 0 or mapper.should_skip_module(name):
            continue
        owner, _, last = name.rpartition(".")
        if mapper.does_require_special_handling(last):
            module.load_weights(weights=mapper.apply_callbacks(module, last, owner.split("."), weights))
            continue
        own = mapper.filter_weights(name, weights)
        if hasattr(module, "load_weights"):
            module.load_weights(weights=[own])
            continue
        for key, parameter in module._parameters.items():
            if parameter is not None:
                parameter.data.copy_(own[key][:])
