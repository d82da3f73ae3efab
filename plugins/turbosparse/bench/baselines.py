"""The best dense layers there are, for operators to be compared with.

What can be known beforehand, the sorting of tokens by expert, is left out of their time. Their weights are laid out as
suits them: gate and up merged `[experts, 2 * intermediate, hidden]`, down `[experts, hidden, intermediate]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse import reference, synthetic
from turbosparse.bench.fused_moe import fused_moe_step, verify_fused_moe
from turbosparse.bench.machine import Machine
from turbosparse.bench.model import Model
from turbosparse.bench.routing import random_routing
from turbosparse.bench.timing import Step
from turbosparse.bench.verify import WrongResultError
from turbosparse.ops.dense.grouping import group, has_grouped_gemm

Fused = Callable[[Tensor], Tensor]
Note = Callable[[str], None]


@dataclass(frozen=True)
class DenseLayer:
    """One layer on given tokens; `ids` and `scores` are None for a single expert."""

    x: Tensor
    gate_up: Tensor
    down: Tensor
    ids: Tensor | None
    scores: Tensor | None


class Baseline:
    """Dense layers of a model with distinct weights."""

    def __init__(self, machine: Machine, model: Model, count: int, note: Note) -> None:
        self._machine, self._model, self._note = machine, model, note
        generator = torch.Generator(machine.device).manual_seed(0)
        experts, rows = count * model.experts, model.intermediate
        gate_up = _random_matrices(experts, 2 * rows, model.hidden, model.dtype, generator)
        down = _random_matrices(experts, model.hidden, rows, model.dtype, generator)
        self._gate_up = gate_up.view(count, model.experts, *gate_up.shape[1:])
        self._down = down.view(count, model.experts, *down.shape[1:])
        activation, gate_threshold = model.function
        self._fused = machine.fuse(
            lambda gate_up: reference.combine(*gate_up.chunk(2, dim=-1), activation, gate_threshold)
        )

    def microseconds(self, tokens: int) -> float:
        """The fastest form's time for one layer, each form compared with float64 before."""
        generator = torch.Generator(self._machine.device).manual_seed(tokens)
        x = synthetic.random_inputs(tokens, self._model.hidden, self._model.dtype, generator)
        layers = [
            DenseLayer(x, gate_up, down, *random_routing(self._model, self._machine.device, tokens, seed=index))
            for index, (gate_up, down) in enumerate(zip(self._gate_up, self._down))
        ]
        return min(self._times(layers))

    def _times(self, layers: list[DenseLayer]) -> Iterator[float]:
        for name, form in self._forms(layers[0]):
            steps = [form(layer, self._fused) for layer in layers]
            _verify(name, steps[0](), layers[0], self._model)
            yield self._machine.microseconds(steps)
        if layers[0].ids is not None and self._machine.device == "cuda":
            yield from self._fused_moe_time(layers)

    def _forms(self, layer: DenseLayer) -> Iterator[tuple[str, Callable[[DenseLayer, Fused], Step]]]:
        if layer.ids is None:
            yield "dense GEMMs", _gemms
            return
        yield "a loop over experts", _expert_loop
        if has_grouped_gemm(layer.x, self._model.intermediate):
            yield "grouped GEMM", _grouped_gemm

    def _fused_moe_time(self, layers: list[DenseLayer]) -> Iterator[float]:
        """vLLM's, where it is installed; another package's error is no reason to stop."""
        arguments = [(layer.x, layer.gate_up, layer.down, layer.ids, layer.scores) for layer in layers]
        try:
            verify_fused_moe(*arguments[0])
            steps = [fused_moe_step(*those) for those in arguments]
            yield self._machine.microseconds(steps)
        except ImportError:
            return
        except Exception as error:
            self._note(f"vLLM's fused_moe is left out of the comparison: {type(error).__name__}: {error}")


def _random_matrices(count: int, rows: int, columns: int, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """Normal, so that products with values of unit variance have unit variance."""
    matrices = torch.empty((count, rows, columns), dtype=dtype, device=generator.device)
    return matrices.normal_(std=columns**-0.5, generator=generator)


def _gemms(layer: DenseLayer, fused: Fused) -> Step:
    return lambda: functional.linear(fused(functional.linear(layer.x, layer.gate_up[0])), layer.down[0])


def _grouped_gemm(layer: DenseLayer, fused: Fused) -> Step:
    groups = group(layer.ids, len(layer.down), None)

    def step() -> Tensor:
        rows = groups.linear(fused(groups.linear(layer.x[groups.token], layer.gate_up)), layer.down)
        return (rows[groups.position].float() * layer.scores.unsqueeze(-1)).sum(1).to(layer.x.dtype)

    return step


def _expert_loop(layer: DenseLayer, fused: Fused) -> Step:
    groups = group(layer.ids, len(layer.down), None)
    # The rows of a group's slots: position is the inverse of this order.
    scores = layer.scores.flatten()[groups.position.flatten().argsort()].unsqueeze(1)
    ends = groups.ends.tolist()
    parts = [
        (expert, groups.token[start:end], scores[start:end])
        for expert, (start, end) in enumerate(zip([0, *ends], ends))
        if start < end
    ]

    def step() -> Tensor:
        out = torch.zeros(layer.x.shape, dtype=torch.float32, device=layer.x.device)
        for expert, tokens, factor in parts:
            act = fused(functional.linear(layer.x[tokens], layer.gate_up[expert]))
            out.index_add_(0, tokens, functional.linear(act, layer.down[expert]) * factor)
        return out.to(layer.x.dtype)

    return step


def _verify(name: str, result: Tensor, layer: DenseLayer, model: Model) -> None:
    """Raises WrongResultError when a dense form computes something else than float64 does."""
    gate, up = layer.gate_up.chunk(2, dim=1)
    weights = torch.stack((gate, up, layer.down.transpose(1, 2)), 2)
    if layer.ids is None:
        exact = reference.float64.ffn(layer.x, weights, None, *model.function)
        bound = reference.ffn_error_bound(layer.x, weights, None, *model.function)
    else:
        exact = reference.float64.moe(layer.x, weights, layer.ids, layer.scores, None, *model.function)
        routed = reference.routed_mask(layer.ids, model.experts).unsqueeze(-1)
        scale = reference.routing_scale(layer.ids, layer.scores, model.experts)
        mask = routed.expand(-1, -1, model.intermediate)
        bound = reference.ffn_error_bound(layer.x, weights, mask, *model.function, scale=scale)
    worst = float(((result.double() - exact).abs() / bound).max())
    if not worst <= 1:
        raise WrongResultError(f"{name}: an element errs by {worst:.3f} of what rounding can explain")
