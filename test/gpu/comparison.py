"""Times an FFN in 2:4 sparsity and in FP8 beside dense bf16 and beside turbosparse:

    python test/gpu/comparison.py --out docs/measurements/h200-comparison.json

Needs an installed wheel that was built for this width. Prints the table of docs/comparison.md; exit codes are those of
`python -m turbosparse.bench`, by whose method, with whose layers, all are timed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from comparison_rivals import RIVALS, Rival
from comparison_table import table
from turbosparse.bench import plan
from turbosparse.bench.command import exit_code
from turbosparse.bench.machine import Machine, cuda_machine
from turbosparse.bench.model import Model
from turbosparse.bench.options import shape_model
from turbosparse.bench.progress import create_progress
from turbosparse.bench.record import Record, write_json
from turbosparse.bench.run import run
from turbosparse.synthetic import random_inputs

KIND = "turbosparse-comparison"
SCHEMA_VERSION = 1
# TurboSparse-Mistral-7B's, with the rank nearest to its mean.
SHAPE = "hidden=4096,intermediate=14336,rank=1280,density=0.1"
TOKENS = (1, 2, 4, 8, 16, 32, 64, 256, 2048)


def main(arguments: Sequence[str] | None = None, machine_of: Callable[[str | None], Machine] = cuda_machine) -> int:
    """Runs the command. `machine_of` makes the machine from the commit to record."""
    options = _parser().parse_args(arguments)
    return exit_code("comparison", lambda: _measure(options, machine_of(options.commit)))


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="comparison", description=__doc__.partition("\n")[0])
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="write the record here")
    made.add_argument("--shape", type=shape_model, default=SHAPE, help="default: %(default)s")
    made.add_argument("--tokens", type=int, nargs="+", default=TOKENS, metavar="COUNT")
    made.add_argument("--layers", type=int, metavar="COUNT", help="of distinct weights, as in the benchmark")
    made.add_argument("--commit", metavar="SHA", help="the commit that the wheel was built from, for the record")
    return made


def _measure(options: argparse.Namespace, machine: Machine) -> None:
    model, tokens = options.shape, options.tokens
    cases = plan.cases(
        machine,
        [model],
        operators=["ffn", "ffn_predicted"],
        tokens=tokens,
        densities=[model.density],
        predictors=[16],
        layers=options.layers,
    )
    progress = create_progress(sys.stderr)
    bench = Record(machine.description, machine.copy_bandwidth(), [])
    shape = {"hidden": model.hidden, "intermediate": model.intermediate, "rank": model.rank, "density": model.density}
    record = {
        "schemaVersion": SCHEMA_VERSION,
        "kind": KIND,
        **machine.description,
        "cusparselt": torch.backends.cusparselt.version(),
        "copyGigabytesPerSecond": round(bench.roof / 1e9),
        "shape": {**shape, "layers": cases[0].layers},
        "results": [],
    }
    # Before anything is measured, so that a file that cannot be written is known at once.
    write_json(options.out, record)
    run(machine, cases, bench, progress, lambda: None)
    record["results"] = _own(bench.results, model)
    for name in RIVALS:
        for row in _rival(machine, model, cases[0].layers, tokens, name):
            record["results"].append(row)
            progress.note(json.dumps(row))
            write_json(options.out, record)
    print(table(record))


def _own(results: Sequence[dict[str, Any]], model: Model) -> list[dict[str, Any]]:
    """What the benchmark measured: the operators, and of each number of tokens the dense layer once."""
    dense = 3 * model.hidden * model.intermediate * model.dtype.itemsize
    rows = [_row("dense", result["tokens"], dense, result["denseMicroseconds"]) for result in results]
    rows = [row for index, row in enumerate(rows) if row not in rows[:index]]
    return rows + [
        _row(result["operator"], result["tokens"], result["bytes"], result["microseconds"]) for result in results
    ]


def _rival(machine: Machine, model: Model, layers: int, tokens: Sequence[int], name: str) -> Iterator[dict[str, Any]]:
    """A result for each number of tokens. Another package's error is no reason to stop: the result says it."""
    try:
        rival = RIVALS[name](machine, model, layers)
    except RuntimeError as error:
        yield from (_row(name, count, None, None, [_reason(error)]) for count in tokens)
        return
    for count in tokens:
        times, reasons = [], []
        for variant in rival.variants(count):
            try:
                times.append(_timed(machine, model, rival, count, variant))
            except (RuntimeError, ValueError) as error:
                reasons.append(f"{variant}: {_reason(error)}")
        yield _row(name, count, rival.layer_bytes, min(times, default=None), reasons)


def _timed(machine: Machine, model: Model, rival: Rival, tokens: int, variant: Any) -> float:
    """Of one layer, which is compared with float64 before."""
    generator = torch.Generator(machine.device).manual_seed(tokens)
    x = random_inputs(tokens, model.hidden, model.dtype, generator)
    prepared = rival.prepare(x, variant)
    steps = [partial(rival.layer, prepared, index, variant) for index in range(rival.count)]
    rival.verify(x, steps[0]()[:tokens])
    return machine.microseconds(steps)


def _reason(error: Exception) -> str:
    # torch's messages go on with what it could have done instead.
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _row(
    form: str, tokens: int, weights: int | None, microseconds: float | None, reasons: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "form": form,
        "tokens": tokens,
        "bytes": weights,
        "microseconds": None if microseconds is None else round(microseconds, 2),
        "leftOut": list(reasons),
    }


if __name__ == "__main__":
    sys.exit(main())
