"""Base classes, registration, construction without memory, and the walk that loads weights.

Signatures of `tensorrt_llm/_torch/models/modeling_utils.py` at commit 930bd1a7cc5173721fd6bb3a34b5b3074eeb0c39.
"""

import inspect
from concurrent import futures

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
    initializers = frozenset(
        {
            ops.aten.normal_.default,
            ops.aten.uniform_.default,
            ops.aten.log.default,
            ops.aten.fill_.Scalar,
            ops.aten.fill_.Tensor,
            ops.aten.zero_.default,
        }
    )


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
            gather_output=config.lm_head_gather_output,
            reduce_output=False,
            use_custom_cublas_mm=False,
            quant_config=None,
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

    def load_weights(
        self,
        weights,
        weight_mapper=None,
        skip_modules=[],  # noqa: B006
        params_map=None,
        allow_partial_loading=False,
    ):
        assert isinstance(self.model_config, ModelConfig)
        assert params_map is None
        weight_mapper.add_skip_modules(skip_modules)
        _walk(self, weights, weight_mapper, allow_partial_loading)


MODEL_CLASS_MAPPING = {}


def register_auto_model(name):
    def decorator(cls):
        MODEL_CLASS_MAPPING[name] = cls
        return cls

    return decorator


def _walk(model, weights, mapper, allow_partial_loading):
    def load(name, module):
        if len(module._parameters) == 0 or mapper.should_skip_module(name):
            return
        owner, _, last = name.rpartition(".")
        if mapper.does_require_special_handling(last):
            parts = mapper.apply_callbacks(module, last, owner.split("."), weights)
            module.load_weights(weights=parts, allow_partial_loading=allow_partial_loading)
            return
        own = mapper.filter_weights(name, weights)
        # A module without any is passed over in silence.
        if not own:
            return
        if hasattr(module, "load_weights"):
            takes = "allow_partial_loading" in inspect.getfullargspec(module.load_weights).args
            assert takes or not allow_partial_loading
            module.load_weights(weights=[own], **({"allow_partial_loading": False} if takes else {}))
            return
        for key, parameter in module.named_parameters(recurse=False):
            parameter.data.copy_(own[key][:])

    # Modules are loaded by several threads at once.
    with futures.ThreadPoolExecutor() as executor:
        pending = [executor.submit(load, *item) for item in model.named_modules(remove_duplicate=False)]
        for future in futures.as_completed(pending):
            future.result()
