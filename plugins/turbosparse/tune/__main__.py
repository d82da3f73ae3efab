"""`python -m turbosparse.tune [--out FILE | --install] [--models NAME …] [--overlap X]`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from turbosparse.bench.command import exit_code
from turbosparse.bench.machine import Machine, cuda_machine
from turbosparse.bench.model import built_models, select_models
from turbosparse.bench.record import write_json
from turbosparse.crossover.table import TABLES, table_json
from turbosparse.tune.measure import tune


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m turbosparse.tune",
        description="Measure from how many tokens on dense GEMMs are faster than the sparse kernels, for the models "
        "that the wheel was built for. Exit codes as of python -m turbosparse.bench.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, metavar="FILE", help="write the table here instead of printing it")
    where.add_argument(
        "--install", action="store_true", help="put it among the tables of this installation, for operators to follow"
    )
    parser.add_argument(
        "--models", nargs="+", metavar="NAME", help="of those that the wheel was built for; default: all"
    )
    parser.add_argument(
        "--overlap",
        type=_overlap,
        metavar="X",
        help="how much tokens of different texts share, 0 to 1, as python -m turbosparse profile says; default: not "
        "known",
    )
    return parser


def _overlap(text: str) -> float:
    found = float(text)
    if not 0 <= found <= 1:
        raise argparse.ArgumentTypeError(f"must be 0 to 1, not {text}")
    return found


def main(arguments: Sequence[str] | None = None, machine_of: Callable[[], Machine] = lambda: cuda_machine(None)) -> int:
    """Runs the command."""
    options = _parser().parse_args(arguments)
    return exit_code("python -m turbosparse.tune", lambda: _tune(options, machine_of()))


def _tune(options: argparse.Namespace, machine: Machine) -> None:
    models = select_models(built_models(), options.models)
    table = table_json(machine.description, [tune(machine, model, _note, overlap=options.overlap) for model in models])
    path = TABLES / f"{_slug(table['gpu'])}.json" if options.install else options.out
    if path is None:
        print(json.dumps(table, indent=2))
        return
    write_json(path, table)
    _note(f"wrote {path}")


def _slug(gpu: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-")


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
