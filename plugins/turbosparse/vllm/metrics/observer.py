"""Counts what the layers' operators compute."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from vllm.forward_context import get_forward_context, is_forward_context_available
from vllm.logger import init_logger

from turbosparse.crossover import OperatorShape
from turbosparse.layers import Neurons
from turbosparse.vllm.metrics.call import LayerCall
from turbosparse.vllm.metrics.counters import count, counters
from turbosparse.vllm.metrics.path import describe_paths, path_of
from turbosparse.vllm.metrics.steps import StepLog
from turbosparse.vllm.padding import padded_rows

_CALLS = {"mlp": LayerCall.mlp, "moe": LayerCall.moe}

# Below vLLM's own logger, whose handlers and level the user has chosen.
logger = init_logger("vllm.turbosparse.metrics")


def observer_at_debug_level() -> Observer | None:
    """An observer if anyone would read what it logs."""
    return Observer(logger.debug) if logger.isEnabledFor(logging.DEBUG) else None


class Observer:
    """Of all layers of a process."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._counted: Tensor | None = None
        self._steps: StepLog | None = None
        self._described: set[tuple[str, OperatorShape]] = set()

    def watch(self, model: nn.Module) -> None:
        """Count the calls of `model`, whose `compute_logits` vLLM calls once a step or more, outside of its graphs."""
        self._counted = counters()
        layers = sum(isinstance(module, Neurons) for module in model.modules())
        self._steps = StepLog(self._counted, layers, self._log)
        compute_logits = model.compute_logits

        def observed(*arguments: Any, **options: Any) -> Tensor | None:
            logits = compute_logits(*arguments, **options)
            # A model that drafts for another has its logits in graphs too.
            if not _is_capturing(self._counted.device):
                self._steps.step()
            return logits

        model.compute_logits = observed

    def observed(self, name: str, operator: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """`operator`, the implementation of `mlp` or `moe`, which is then counted too."""

        def observed(x: Tensor, *arguments: Any) -> Tensor:
            self._call(_CALLS[name](padded_rows(x.shape[0]), x, *arguments))
            return operator(x, *arguments)

        return observed

    def _call(self, call: LayerCall) -> None:
        operator, shape, device = call.operator, call.shape, call.x.device
        if (operator, shape) not in self._described:
            self._described.add((operator, shape))
            self._log(f"turbosparse: {describe_paths(device, operator, shape)}")
        # Of a model that is not watched: pipeline stages before the last have no step in which to read the counters.
        if self._counted is None or self._steps is None:
            return
        if _is_capturing(device) or _is_dummy():
            self._steps.restart()
        count(self._counted, path_of(device, operator, shape, call.tokens), call)


def _is_capturing(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def _is_dummy() -> bool:
    """Whether vLLM computes a batch of no request, to measure memory or to compile."""
    return is_forward_context_available() and get_forward_context().attn_metadata is None
