"""How close what an engine says of its tokens is to the released formulas, on the weights that it has loaded.

A benchmark times what was verified: the batches decode through the same graphs and kernels as those that are timed.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from turbosparse.layers import Neurons
from turbosparse.reference.attention import AttentionWeights
from turbosparse.reference.decoder import DecoderConfig, DecoderLayer, decode
from turbosparse.reference.predictor import PredictorWeights
from turbosparse.weights.decoder_config import decoder_config
from vllm import LLM, RequestOutput, SamplingParams

_TOKENS, _CANDIDATES = 8, 20
# What neurons add to a synthetic model is no more than the errors of 16 bits, so that each layer's predictor reads the
# distribution that it was made for. While answers are compared it is so many times as much; a power of 2 is exact.
_AMPLIFIED = 8.0
# An engine that left all neurons out would be at 1.
MOST = 0.4


def measure_agreement(llm: LLM, prompts: list[dict[str, list[int]]]) -> float:
    """Root mean square error of log probabilities, of what all active neurons together change in them.

    The prompts decode greedily as one batch. The first and the last of them are compared, by the likeliest tokens of
    each step, with a float32 evaluation of the whole sequence.
    """
    sampling = SamplingParams(
        temperature=0, max_tokens=_TOKENS, ignore_eos=True, detokenize=False, logprobs=_CANDIDATES
    )
    llm.collective_rpc(_multiply_down, args=(_AMPLIFIED,))
    try:
        return _distance(llm, llm.generate(prompts, sampling, use_tqdm=False))
    finally:
        llm.collective_rpc(_multiply_down, args=(1 / _AMPLIFIED,))


def _distance(llm: LLM, outputs: list[RequestOutput]) -> float:
    errors, changes = [], []
    for output in {0: outputs[0], len(outputs) - 1: outputs[-1]}.values():
        answer = output.outputs[0]
        ids = [*output.prompt_token_ids, *answer.token_ids[:-1]]
        # All that vLLM names at a step: the likeliest, and the token it chose, which is one of them.
        columns = [sorted(step)[:_CANDIDATES] for step in answer.logprobs]
        said = [[step[token].logprob for token in row] for step, row in zip(answer.logprobs, columns)]
        right, idle = llm.collective_rpc(_log_probabilities, args=(ids, columns))[0]
        errors.append(torch.tensor(said) - torch.tensor(right))
        changes.append(torch.tensor(idle) - torch.tensor(right))
    return _size(errors) / _size(changes)


def _multiply_down(worker: Any, factor: float) -> None:
    for module in worker.get_model().modules():
        if isinstance(module, Neurons):
            module.weights.data[:, :, 2] *= factor


def _size(differences: list[Tensor]) -> float:
    return torch.stack(differences).square().mean().sqrt().item()


def _log_probabilities(worker: Any, ids: list[int], columns: list[list[int]]) -> tuple[list[list[float]], ...]:
    """Of each of the last positions' `columns`: as they should be, and as they would be without active neurons."""
    model, folder = worker.get_model(), Path(worker.model_runner.vllm_config.model_config.model)
    named = SimpleNamespace(folder=folder, config=json.loads((folder / "config.json").read_text(encoding="utf-8")))
    config = decoder_config(named, next(model.parameters()).dtype)
    idle = dataclasses.replace(config, predictor_threshold=math.inf)
    device = next(model.parameters()).device
    wanted = torch.tensor(columns, device=device)
    with torch.inference_mode():
        return tuple(
            _logits(model, ids, kind)[-len(columns) :].log_softmax(-1).gather(1, wanted).tolist()
            for kind in (config, idle)
        )


def _logits(model: nn.Module, ids: list[int], config: DecoderConfig) -> Tensor:
    """float32 `[tokens, vocab]`; weights are widened a layer at a time."""
    embedded = model.model.embed_tokens.weight[torch.tensor(ids, device=model.lm_head.weight.device)].float()
    layers = (_layer(layer, config) for layer in model.model.layers)
    head = model.lm_head.weight[: config.vocab].float()
    return decode(embedded, layers, model.model.norm.weight.float(), head, config)


def _layer(layer: nn.Module, config: DecoderConfig) -> DecoderLayer:
    moe = config.top_k is not None
    block = layer.block_sparse_moe.experts if moe else layer.mlp
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    fc2 = block.fc2 if block.fc2.dtype is torch.int8 else _Widened(block.fc2)
    return DecoderLayer(
        input_norm=layer.input_layernorm.weight.float(),
        attention=AttentionWeights(
            *layer.self_attn.qkv_proj.weight.float().split([queries, keys, keys]),
            layer.self_attn.o_proj.weight.float(),
        ),
        post_attention_norm=layer.post_attention_layernorm.weight.float(),
        router=layer.block_sparse_moe.gate.weight.float() if moe else None,
        weights=_Widened(block.weights),
        predictor=PredictorWeights(_Widened(block.fc1), fc2, block.fc2_low, block.fc2_scale),
    )


class _Widened:
    """An expert's matrices in float32, one expert at a time: those of a mixture's layer would fill the device."""

    def __init__(self, stored: Tensor) -> None:
        self._stored = stored

    def __iter__(self) -> Iterator[Tensor]:
        return (block.float() for block in self._stored)

    def __getitem__(self, experts: slice) -> Tensor:
        return self._stored[experts].float()
