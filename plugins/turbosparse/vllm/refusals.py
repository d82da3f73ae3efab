"""What vLLM offers and these models do not support: one sentence before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from vllm.config import VllmConfig
from vllm.platforms import current_platform

from turbosparse import _library
from turbosparse.errors import TurboSparseError


def refuse_unsupported(vllm_config: VllmConfig) -> None:
    """Raise TurboSparseError for the first setting that does not fit, LibraryError for a wheel without this GPU."""
    for reason in _reasons(vllm_config):
        raise TurboSparseError(reason)
    if current_platform.is_cuda():
        _library.functions(torch.cuda.current_device())


def _reasons(vllm_config: VllmConfig) -> Iterator[str]:
    model, parallel = vllm_config.model_config, vllm_config.parallel_config
    if vllm_config.lora_config is not None:
        yield (
            "TurboSparse models do not support LoRA: an adapter changes which neurons are active, and the predictor "
            "was not trained for it. Leave --enable-lora out."
        )
    if model.quantization is not None:
        yield (
            f"TurboSparse models are served in 16 bits, but quantization {model.quantization!r} is asked for by "
            "--quantization or config.json. Leave it out; the predictor alone can be kept in int8 with "
            """--hf-overrides '{"turbosparse": {"predictor_bits": 8}}'."""
        )
    if current_platform.is_cuda() and model.dtype not in (torch.bfloat16, torch.float16):
        yield f"the kernels compute in bfloat16 or float16, not in {model.dtype}: pass --dtype bfloat16."
    if parallel.enable_eplb:
        yield "TurboSparse models do not move experts between ranks: leave --enable-eplb out."
    if parallel.enable_expert_parallel:
        if parallel.data_parallel_size > 1 or getattr(parallel, "prefill_context_parallel_size", 1) > 1:
            yield (
                "expert parallelism of TurboSparse models is over tensor-parallel ranks, which see the same tokens; "
                "with data or prefill context parallelism leave --enable-expert-parallel out."
            )
        if getattr(parallel, "expert_placement_strategy", "linear") != "linear":
            yield 'experts are placed in order: leave --expert-placement-strategy out or set it to "linear".'
    # Newer versions have no such pass.
    if getattr(vllm_config.compilation_config.pass_config, "enable_sp", False):
        yield "the predictor reads whole rows of the residual stream: leave the compilation pass enable_sp out."
