"""The command line of `python -m turbosparse.tensorrt`."""

from __future__ import annotations

import argparse
from pathlib import Path

from turbosparse.reference.activations import ACTIVATIONS

MOST_TOKENS = 2048


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    made = argparse.ArgumentParser(
        prog="python -m turbosparse.tensorrt",
        description="Write checkpoints as ONNX for TensorRT with turbosparse's plugin. Exit code: 2 for bad input.",
    )
    export = made.add_subparsers(dest="command", required=True, metavar="COMMAND").add_parser(
        "export",
        help="write ONNX graphs of a checkpoint, with its weights beside them",
        description="Write ONNX graphs of a checkpoint, with its weights beside them and a script that builds engines "
        "of them. Needs the package onnx.",
    )
    export.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="Hugging Face folder with safetensors")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to create")
    export.add_argument(
        "--graph",
        choices=("layers", "model"),
        default="layers",
        help="a graph for each layer's FFN or mixture, or one of the whole model, which computes a whole sequence "
        "without a cache; default: %(default)s",
    )
    export.add_argument(
        "--layers", type=_layers, metavar="NUMBERS", help="of a graph for each layer: which, for example 0,31"
    )
    export.add_argument(
        "--max-tokens",
        type=_tokens,
        default=MOST_TOKENS,
        metavar="N",
        help="of one call; default: %(default)s, or what config.json allows",
    )
    export.add_argument(
        "--reference",
        action="store_true",
        help="write NAME.reference.onnx too, which computes the same in float32 without the plugin",
    )
    export.add_argument(
        "--activation", choices=ACTIVATIONS, help="of the model, where neither its type nor its config says it"
    )
    export.add_argument("--gate-threshold", type=float, metavar="X", help="of FATReLU; default: the config's, or 0")
    return made


def _tokens(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _layers(text: str) -> list[int]:
    parts = text.split(",")
    wrong = next((part for part in parts if not part.isascii() or not part.isdigit()), None)
    if wrong is not None:
        raise argparse.ArgumentTypeError(f"{wrong!r} is not the number of a layer")
    return sorted({int(part) for part in parts})
