"""What TensorRT-LLM offers and these models do not support: one sentence before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from turbosparse import _library
from turbosparse.errors import TurboSparseError
from turbosparse.tensorrt_llm.interface import ModelConfig


def refuse_unsupported(model_config: ModelConfig) -> None:
    """Raise TurboSparseError for the first setting that does not fit, LibraryError for a wheel without this GPU."""
    for reason in _reasons(model_config):
        raise TurboSparseError(reason)
    if torch.cuda.is_available():
        _library.functions(torch.cuda.current_device())


def _reasons(model_config: ModelConfig) -> Iterator[str]:
    mapping, dtype = model_config.mapping, model_config.pretrained_config.torch_dtype
    if model_config.lora_config is not None:
        yield (
            "TurboSparse models do not support LoRA: an adapter changes which neurons are active, and the predictor "
            "was not trained for it. Leave lora_config out."
        )
    quantization = getattr(model_config.quant_config, "quant_algo", None)
    if quantization is not None or model_config.quant_config_dict is not None:
        yield (
            f"TurboSparse models are served in 16 bits, but the checkpoint or quant_config asks for {quantization}. "
            'Leave it out; the predictor alone can be kept in int8 with "turbosparse": {"predictor_bits": 8} in '
            "config.json."
        )
    if torch.cuda.is_available() and dtype not in (torch.bfloat16, torch.float16):
        yield f"the kernels compute in bfloat16 or float16, not in {dtype}: set dtype to bfloat16."
    if mapping.enable_attention_dp:
        yield "TurboSparse models split attention over tensor-parallel ranks: leave enable_attention_dp out."
    if mapping.pp_size > 1 or mapping.cp_size > 1:
        yield (
            "TurboSparse models are split over tensor-parallel and expert-parallel ranks alone: leave "
            "pipeline_parallel_size and context_parallel_size at 1."
        )
    if mapping.moe_cluster_size > 1:
        yield "TurboSparse models do not split experts over clusters: leave moe_cluster_parallel_size out."
    if model_config.moe_load_balancer is not None:
        yield "TurboSparse models do not move experts between ranks: leave the load balancer of moe_config out."
    if model_config.spec_config is not None:
        yield "speculative decoding of TurboSparse models is not supported here: leave speculative_config out."
