"""Which neurons a served model really activates: run inside vLLM's worker, on the model that it has loaded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from turbosparse import ops, reference
from turbosparse.layers import Neurons, SparseMoE, local_expert_ids
from turbosparse.reference.predictor import selection_threshold
from vllm.forward_context import set_forward_context
from vllm.model_executor.layers.attention import Attention

UNION_TOKENS = (1, 2, 4, 8, 16, 32, 64)


def measure_density(worker: Any, seed: int = 0) -> dict[str, Any]:
    """`densityPerLayer` and `unionByTokens`, the mean over layers, of 64 requests of one random token each.

    For `LLM.collective_rpc`. The model's own layers run one by one outside of its graphs, with the operators that serve
    it. A token that is alone attends to itself, so what attention returns is its value: no cache is needed. The density
    of a mixture is among the neurons of the experts that a token is routed to; its unions are among all of them.
    """
    model, config = worker.get_model(), worker.model_runner.vllm_config
    masks: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_pre_hook(
            lambda module, arguments, name=name: masks.update({name: _mask(module, *arguments)})
        )
        for name, module in model.named_modules()
        if isinstance(module, Neurons)
    ]
    hooks += [m.register_forward_hook(_own_value) for m in model.modules() if isinstance(m, Attention)]
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(model.config.vocab_size, (max(UNION_TOKENS),), generator=generator).to(device)
    try:
        with torch.inference_mode(), set_forward_context(None, config, num_tokens=len(tokens), skip_compiled=True):
            model(tokens, torch.zeros_like(tokens))
    finally:
        for hook in hooks:
            hook.remove()
    routed = [mask.sum() / _chances(model.get_submodule(name), mask) for name, mask in masks.items()]
    return {
        "densityPerLayer": [round(float(share), 4) for share in routed],
        "unionByTokens": {
            count: round(sum(float(mask[:count].any(0).float().mean()) for mask in masks.values()) / len(masks), 4)
            for count in UNION_TOKENS
        },
    }


def _mask(module: Neurons, x: Tensor, other: Tensor, *_: Tensor) -> Tensor:
    """bool `[tokens, experts, neurons]`. `other` is what a dense layer's predictor reads, or a mixture's routing."""
    if module.fc1 is None:
        raise ValueError("density is measured of models with predictors, and this one has none")
    inputs, ids = other, None
    if isinstance(module, SparseMoE):
        inputs, ids = x, local_expert_ids(other, module.local_experts, module.experts)
    predictor = (module.fc1, module.fc2, selection_threshold(x.dtype), ids, None, module.fc2_low, module.fc2_scale)
    _, bits = ops.predict(inputs, *predictor)
    return reference.unpack_mask(bits, len(x))


def _chances(module: nn.Module, mask: Tensor) -> int:
    """How many neurons the tokens could have activated in the experts that they activated any in."""
    return int(mask.any(-1).sum()) * mask.shape[-1]


def _own_value(module: Attention, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
    value = arguments[2].view(len(output), module.num_kv_heads, -1)
    return value.repeat_interleave(module.num_heads // module.num_kv_heads, 1).reshape_as(output)
