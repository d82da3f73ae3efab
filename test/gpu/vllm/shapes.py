"""The choice of a full-size model on the command line."""

from __future__ import annotations

import argparse
import dataclasses

from turbosparse.synthetic import PRESETS, ModelShape
from turbosparse.vllm.synthetic.configs import FAMILIES


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """`--model` and `--layers`."""
    models = sorted(name for name, shape in PRESETS.items() if shape.family in FAMILIES)
    parser.add_argument("--model", choices=models, required=True)
    parser.add_argument("--layers", type=int, help="only this many layers")


def chosen_shape(parser: argparse.ArgumentParser, options: argparse.Namespace) -> ModelShape:
    """Of the options that `parser` has parsed, which it ends when the model has not so many layers."""
    shape = PRESETS[options.model]
    if options.layers is None:
        return shape
    if not 0 < options.layers <= shape.layers:
        parser.error(f"--layers must be 1 to {shape.layers}, not {options.layers}")
    return dataclasses.replace(shape, layers=options.layers, ranks=shape.ranks[: options.layers])
