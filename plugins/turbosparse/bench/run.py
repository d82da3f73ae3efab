"""Measures the cases of a plan, one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from turbosparse.bench import reads
from turbosparse.bench.baselines import Baseline
from turbosparse.bench.layer import Layer
from turbosparse.bench.machine import Machine
from turbosparse.bench.model import Model
from turbosparse.bench.plan import Case, layer_bytes
from turbosparse.bench.progress import Progress
from turbosparse.bench.record import Record
from turbosparse.bench.verify import WrongResultError
from turbosparse.bench.workload import Workload

# Of the free memory, what the weights of the dense layers may take.
_BASELINE_SHARE = 0.4


def run(machine: Machine, cases: Sequence[Case], record: Record, progress: Progress, save: Callable[[], None]) -> None:
    """Adds the result of each case that the record lacks, and saves after each.

    Raises WrongResultError at the first result that is wrong.
    """
    pending = [case for case in cases if record.find(case.identity) is None]
    progress.start(len(pending))
    for _, of_model in itertools.groupby(pending, key=lambda case: (case.model, case.layers)):
        _run_model(machine, list(of_model), record, progress, save)


def _run_model(
    machine: Machine, cases: Sequence[Case], record: Record, progress: Progress, save: Callable[[], None]
) -> None:
    """Of cases of one model and number of layers; its weights are gone on return."""
    model = cases[0].model
    dense = _dense_times(machine, model, cases, record, progress)
    workload = Workload(model, machine.device, cases[0].layers)
    for (tokens, density), same in itertools.groupby(cases, key=lambda case: (case.tokens, case.density)):
        layers = workload.layers(tokens, density)
        for case in same:
            result = _measure(machine, case, layers, dense.get(tokens), record.roof)
            record.add(result)
            save()
            progress.finished(case, result)


def _dense_times(
    machine: Machine, model: Model, cases: Sequence[Case], record: Record, progress: Progress
) -> dict[int, float]:
    """Of the dense layer by number of tokens. Its weights are gone on return, before those of the operators come."""
    known = {
        result["tokens"]: result["denseMicroseconds"]
        for result in record.results
        if result["denseMicroseconds"] is not None and any(_same_layer(result["shape"], case) for case in cases)
    }
    missing = sorted({case.tokens for case in cases if case.operator.computes} - known.keys())
    if missing:
        fit = int(_BASELINE_SHARE * machine.free_bytes / layer_bytes(model))
        count = max(min(cases[0].layers, fit), 2)
        baseline = Baseline(machine, model, count, progress.note)
        for tokens in missing:
            progress.note(f"{model.name}, dense layers for comparison, {tokens} token{'' if tokens == 1 else 's'}")
            known[tokens] = baseline.microseconds(tokens)
    return known


def _same_layer(shape: dict[str, Any], case: Case) -> bool:
    """Whether a result is of the layer that the case is of, whatever predictor goes with it."""
    mine = case.identity["shape"]
    return all(shape[key] == mine[key] for key in mine if key not in ("rank", "predictorBits"))


def _measure(machine: Machine, case: Case, layers: Sequence[Layer], dense: float | None, roof: float) -> dict[str, Any]:
    operator = case.operator
    for layer in (layers[0], layers[-1]):
        try:
            operator.verify(layer)
        except WrongResultError as error:
            raise WrongResultError(f"{case}: {error}") from error
    elapsed = machine.microseconds([operator.step(layer) for layer in layers])
    read = sum(operator.bytes_read(layer) for layer in layers) / len(layers)
    active = sum(float(reads.union(layer).float().mean()) for layer in layers) / len(layers)
    rate = read / (elapsed * 1e-6)
    dense = dense if operator.computes else None
    return {
        **case.identity,
        "unionDensity": round(active, 4),
        "path": "dense" if operator.runs_dense(machine, case.model, case.tokens) else "sparse",
        "bytes": round(read),
        "microseconds": round(elapsed, 2),
        "denseMicroseconds": None if dense is None else round(dense, 2),
        "speedup": None if dense is None else round(dense / elapsed, 2),
        "gigabytesPerSecond": round(rate / 1e9),
        "roofShare": round(rate / roof, 3),
        "verified": True,
    }
