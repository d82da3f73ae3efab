"""`python -m turbosparse.bench`: see `options.py` or `--help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from turbosparse.bench.machine import Machine, cuda_machine
from turbosparse.bench.model import Model, from_manifest
from turbosparse.bench.options import parser, select_models
from turbosparse.bench.plan import QUICK_TOKENS, TOKENS, PlanError, cases
from turbosparse.bench.progress import create_progress
from turbosparse.bench.record import Record, RecordError, resume, write_json
from turbosparse.bench.run import run
from turbosparse.bench.table import table
from turbosparse.bench.verify import WrongResultError
from turbosparse.manifest import manifest

WRONG_RESULT, USAGE, NO_MACHINE, INTERRUPTED = 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None, machine_of: Callable[[str | None], Machine] = cuda_machine) -> int:
    """Runs the command. `machine_of` makes the machine from the commit to record."""
    options = parser().parse_args(arguments)
    file = options.out or options.resume
    try:
        _measure(options, machine_of(options.commit), file)
    except WrongResultError as error:
        return _fail(WRONG_RESULT, f"wrong result: {error}")
    except (PlanError, RecordError, ValueError) as error:
        return _fail(USAGE, str(error))
    except RuntimeError as error:
        # No library or GPU, no kernel for a shape, no memory: each message says which.
        return _fail(NO_MACHINE, str(error))
    except KeyboardInterrupt:
        hint = "" if file is None else f"; --resume {file} goes on"
        return _fail(INTERRUPTED, f"interrupted{hint}")
    return 0


def _measure(options: argparse.Namespace, machine: Machine, file: Path | None) -> None:
    models = [options.shape] if options.shape else select_models(_built_models(), options.models)
    planned = cases(
        machine,
        models,
        operators=options.operators,
        tokens=options.tokens or (QUICK_TOKENS if options.quick else TOKENS),
        densities=options.densities,
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


def _built_models() -> list[Model]:
    return [from_manifest(spec) for spec in (manifest() or {}).get("models", [])]


def _fail(code: int, sentence: str) -> int:
    print(f"python -m turbosparse.bench: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
