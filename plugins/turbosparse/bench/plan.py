"""What to measure: every combination that makes sense, and with how many layers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from turbosparse.bench.machine import Machine
from turbosparse.bench.model import Model
from turbosparse.bench.operators import OPERATORS, Operator
from turbosparse.errors import TurboSparseError
from turbosparse.reference.active_set import WORD

DEFAULT_LAYERS = 16
TOKENS = (1, 2, 4, 8, 16, 32, 64, 128, 512, 2048)
QUICK_TOKENS = (1, 8, 64)
# Of a mask that is given: kernels are to be good around the expected density too.
SWEEP = (0.05, 0.1, 0.15, 0.2)
# Bits that are read of a weight of fc2, as `load_predictor` can load it; its default comes first.
PREDICTOR_BITS = (16, 8)
# How often L2 must go into what the layers read, for none of it to be there when it is read again.
_L2_TIMES = 2
# Of the free memory, what weights may take; the rest is for activations and for comparing with float64.
_MEMORY_SHARE = 0.7


class PlanError(TurboSparseError):
    """What is asked for cannot be measured."""


@dataclass(frozen=True)
class Case:
    """One measurement."""

    operator: Operator
    model: Model
    layers: int
    tokens: int
    density: float

    @property
    def identity(self) -> dict[str, Any]:
        """What tells its result from others in a record."""
        shape = {**self.operator.shape(self.model).as_json(), "layers": self.layers}
        return {"operator": self.operator.name, "shape": shape, "tokens": self.tokens, "density": self.density}

    def __str__(self) -> str:
        plural = "" if self.tokens == 1 else "s"
        bits = f" ({self.model.predictor_bits} bits)" if self.operator.selection == "predictor" else ""
        return f"{self.model.name} {self.operator.name}{bits}, {self.tokens} token{plural}, density {self.density:g}"


def cases(
    machine: Machine,
    models: Sequence[Model],
    *,
    operators: Sequence[str] | None = None,
    tokens: Sequence[int] = TOKENS,
    densities: Sequence[float] | None = None,
    predictors: Sequence[int] = PREDICTOR_BITS,
    layers: int | None = None,
    sweep: bool = True,
) -> list[Case]:
    """In the order in which they are to be measured: model by model, then tokens, then densities.

    `operators` None takes all that a model has, `densities` None its expected one, and for a mask that is given those
    of `SWEEP` too. Raises PlanError when the layers that it takes do not fit.
    """
    planned = []
    for model, first in _with_predictors(models, predictors):
        chosen = [
            operator
            for operator in map(OPERATORS.__getitem__, operators or OPERATORS)
            if operator.belongs_to(model) and (first or operator.selection == "predictor")
        ]
        combinations = [
            (operator, count, density)
            for count in tokens
            for operator in chosen
            for density in _densities(operator, model, count, densities, sweep)
        ]
        # So that those that share planted layers follow each other.
        combinations.sort(key=lambda one: (one[1], one[2]))
        if combinations:
            least = min(operator.least_bytes_read(model, density) for operator, _, density in combinations)
            count = layer_count(machine, model, least, layers)
            planned += [Case(operator, model, count, tokens, density) for operator, tokens, density in combinations]
    if not planned:
        raise PlanError(f"none of the models has any of the operators {', '.join(operators or OPERATORS)}")
    return planned


def _with_predictors(models: Sequence[Model], predictors: Sequence[int]) -> Iterable[tuple[Model, bool]]:
    """Each model with each form of its predictor, and whether it is the first of the model."""
    for model in models:
        for index, bits in enumerate(predictors if model.predictor else predictors[:1]):
            yield (dataclasses.replace(model, predictor_bits=bits) if model.predictor else model), index == 0


def _densities(
    operator: Operator, model: Model, tokens: int, asked: Sequence[float] | None, sweep: bool
) -> Iterable[float]:
    if asked is not None:
        return asked
    # Longer calls run dense, which does not depend on the density.
    given = sweep and operator.selection == "given" and tokens <= WORD
    return sorted({*SWEEP, model.density}) if given else [model.density]


def layer_bytes(model: Model) -> float:
    """Weights of one layer and its predictor."""
    neurons = 3 * model.experts * model.intermediate * model.hidden * model.dtype.itemsize
    # Two planes of fc2 take as much as 16 bits do.
    return neurons + model.experts * (model.rank or 0) * (model.hidden + model.intermediate) * model.dtype.itemsize


def layer_count(
    machine: Machine, model: Model, least_bytes: float, asked: int | None = None, default: int = DEFAULT_LAYERS
) -> int:
    """As many as asked for; else the default, or more for L2 to hold none of them, or fewer to fit.

    `least_bytes` is what one token reads of a layer. Raises PlanError when too few are asked for or fit.
    """
    needed = max(math.ceil(_L2_TIMES * machine.l2_bytes / max(least_bytes, 1)), 2)
    fit = int(_MEMORY_SHARE * machine.free_bytes / layer_bytes(model))
    if asked is not None and asked < needed:
        raise PlanError(
            f"{asked} layers of {model.name} are too few: one token reads {least_bytes / 1e6:.1f} MB of a layer, which "
            f"L2 of {machine.l2_bytes / 1e6:.0f} MB would keep. Measure at least {needed} layers, or higher densities."
        )
    count = min(max(default, needed), fit) if asked is None else asked
    if count > fit or count < needed:
        raise PlanError(
            f"{max(count, needed)} layers of {model.name} take {max(count, needed) * layer_bytes(model) / 1e9:.1f} GB, "
            f"and of {machine.free_bytes / 1e9:.1f} GB free memory {_MEMORY_SHARE:.0%} may be taken: free some, or "
            "measure fewer layers or higher densities."
        )
    return count
