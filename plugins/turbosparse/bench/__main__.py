"""`python -m turbosparse.bench`: see `options.py` or `--help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from turbosparse.bench.command import exit_code
from turbosparse.bench.machine import Machine, cuda_machine
from turbosparse.bench.model import built_models, select_models
from turbosparse.bench.options import parser
from turbosparse.bench.plan import PREDICTOR_BITS, QUICK_TOKENS, TOKENS, cases
from turbosparse.bench.progress import create_progress
from turbosparse.bench.record import Record, resume, write_json
from turbosparse.bench.run import run
from turbosparse.bench.table import table


def main(arguments: Sequence[str] | None = None, machine_of: Callable[[str | None], Machine] = cuda_machine) -> int:
    """Runs the command. `machine_of` makes the machine from the commit to record."""
    options = parser().parse_args(arguments)
    file = options.out or options.resume
    interrupted = "interrupted" if file is None else f"interrupted; --resume {file} goes on"
    return exit_code(
        "python -m turbosparse.bench", lambda: _measure(options, machine_of(options.commit), file), interrupted
    )


def _measure(options: argparse.Namespace, machine: Machine, file: Path | None) -> None:
    planned = cases(
        machine,
        [options.shape] if options.shape else select_models(built_models(), options.models),
        operators=options.operators,
        tokens=options.tokens or (QUICK_TOKENS if options.quick else TOKENS),
        densities=options.densities,
        predictors=options.predictor_bits or PREDICTOR_BITS,
        layers=options.layers,
        sweep=not options.quick,
    )
    if options.resume:
        record = resume(options.resume, machine.description)
    else:
        record = Record(machine.description, machine.copy_bandwidth(), [])

    def save() -> None:
        if file is not None:
            write_json(file, record.as_json())

    # Before anything is measured, so that a file that cannot be written is known at once.
    save()
    run(machine, planned, record, create_progress(sys.stderr), save)
    print(json.dumps(record.as_json(), indent=2) if options.json else table(record.as_json()))


if __name__ == "__main__":
    sys.exit(main())
