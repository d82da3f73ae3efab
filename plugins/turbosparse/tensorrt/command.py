"""What `python -m turbosparse.tensorrt` does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from turbosparse.commands import USAGE, Failure, exit_code
from turbosparse.errors import TurboSparseError
from turbosparse.tensorrt.options import parser
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder

_FAILURES = (Failure((TurboSparseError, ValueError), USAGE),)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    options = parser().parse_args(arguments)
    return exit_code(f"python -m turbosparse.tensorrt {options.command}", lambda: _export(options), _FAILURES)


def _export(options: argparse.Namespace) -> None:
    try:
        from turbosparse.tensorrt.export import Export
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise TurboSparseError("writing graphs needs the package onnx, which is not installed: install it") from error
    if options.graph == "model" and options.layers is not None:
        raise ValueError("--layers is for a graph of each layer: leave it out, or give --graph layers")
    choices = {"activation": options.activation, "gate_threshold": options.gate_threshold}
    decoder = Decoder(Checkpoint(options.checkpoint), dtype=None, **choices)
    export = Export(decoder, options.out, options.max_tokens, options.reference, _note)
    if options.graph == "model":
        export.model()
    else:
        export.layers(options.layers)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
