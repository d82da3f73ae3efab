"""The times that a crossover is chosen from, and the choice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from turbosparse.bench import plan, reads
from turbosparse.bench.layer import Layer
from turbosparse.bench.machine import Machine
from turbosparse.bench.model import Model
from turbosparse.bench.operators import OPERATORS, Operator
from turbosparse.bench.verify import WrongResultError, compare, expected
from turbosparse.bench.workload import Workload
from turbosparse.crossover import MOST_SPARSE_TOKENS, Entry, Measured, override
from turbosparse.synthetic.masks import OVERLAP

# Each kernel serves a range of tokens up to a power of two: its ends, and some between.
TOKENS = (1, 2, 3, 4, 6, 8, 9, 12, 16, 17, 24, 32, 33, 48, 64)
# Layers differ from the model's mean, and texts in how much their tokens share: where dense may be near and the latter
# is not known, measure a second time at so many times the expected density, so that neither loses much.
DENSER, DENSER_FROM = 2, 16
# Fewer than a measurement that is published has: what matters is the ratio of two times.
_LAYERS = 8


def operator_of(model: Model) -> Operator:
    """The operator that the model's layers call and that chooses between sparse and dense."""
    if model.experts > 1:
        return OPERATORS["moe" if model.predictor else "moe_gate_first"]
    return OPERATORS["ffn" if model.predictor else "ffn_gate_first"]


def tune(
    machine: Machine,
    model: Model,
    note: Callable[[str], None],
    tokens: Sequence[int] = TOKENS,
    overlap: float | None = None,
) -> Entry:
    """The crossover of one model, with its predictor as `load_predictor` loads it. `note` is told of measurements.

    `overlap` is how much tokens of different texts share, as `turbosparse.synthetic` has it; None measures what the
    bench supposes and, since it is not known, twice the density too.

    Raises WrongResultError when either path computes something else than float64 does.
    """
    if model.predictor:
        model = dataclasses.replace(model, predictor_bits=plan.PREDICTOR_BITS[0])
    operator = operator_of(model)
    layers = plan.layer_count(machine, model, operator.least_bytes_read(model, model.density), default=_LAYERS)
    workload = Workload(model, machine.device, layers, OVERLAP if overlap is None else overlap)
    calls = [(count, model.density) for count in tokens]
    if overlap is None:
        calls += [(count, min(DENSER * model.density, 1.0)) for count in tokens if count >= DENSER_FROM]
    measured = []
    for count, density in calls:
        one = _measure(machine, operator, workload.layers(count, density))
        note(
            f"{model.name} {operator.name}, {count} token{'' if count == 1 else 's'}, {one.union_density:.1%} active: "
            f"sparse {one.sparse_microseconds:.2f} us, dense {one.dense_microseconds:.2f} us"
        )
        measured.append(one)
    return Entry(operator.name, operator.shape(model), model.density, dense_from_tokens(measured), tuple(measured))


def _measure(machine: Machine, operator: Operator, layers: list[Layer]) -> Measured:
    right = expected(layers[0])
    times = []
    for path, dense_from in (("sparse", MOST_SPARSE_TOKENS + 1), ("dense", 1)):
        with override(dense_from):
            steps = [operator.step(layer) for layer in layers]
            try:
                compare(steps[0](), *right)
            except WrongResultError as error:
                where = f"{layers[0].model.name} {operator.name}, {len(layers[0].x)} tokens, {path}"
                raise WrongResultError(f"{where}: {error}") from error
            times.append(round(machine.microseconds(steps), 2))
    active = sum(float(reads.union(layer).float().mean()) for layer in layers) / len(layers)
    return Measured(len(layers[0].x), round(active, 4), *times)


def dense_from_tokens(measured: Sequence[Measured]) -> int:
    """The number of tokens to run dense from, of those measured and one more than any: that of the least worst loss.

    The loss of a measured call is the time on the path that it would take, relative to the faster path. One number
    cannot always avoid every loss, since times do not grow evenly from one kernel to the next.
    """

    def losses(dense_from: int) -> Iterator[float]:
        for one in measured:
            taken = one.dense_microseconds if one.tokens >= dense_from else one.sparse_microseconds
            yield taken / min(one.dense_microseconds, one.sparse_microseconds)

    candidates = [*(one.tokens for one in measured), MOST_SPARSE_TOKENS + 1]
    # Of equals the largest: where nothing speaks for dense, stay with what was built for these calls.
    return min(candidates, key=lambda tokens: (max(losses(tokens)), -tokens))
