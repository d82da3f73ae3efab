"""What `python -m turbosparse profile` does."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from turbosparse import __version__
from turbosparse.commands import NO_MACHINE, USAGE, Failure, exit_code
from turbosparse.errors import TurboSparseError
from turbosparse.files import replace_file
from turbosparse.profile.build_config import build_config
from turbosparse.profile.layer import LayerProfile
from turbosparse.profile.options import parser
from turbosparse.profile.page import profile_page
from turbosparse.profile.prompts import read_prompts, read_token_ids, tokenize
from turbosparse.profile.record import KIND, SCHEMA_VERSION, layer_json, mean_density, summary_json
from turbosparse.profile.run import profile
from turbosparse.profile.table import table
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder

_FAILURES = (
    Failure(
        (torch.OutOfMemoryError,),
        NO_MACHINE,
        lambda error: f"{str(error).partition('. ')[0]}: give --device cpu, or a smaller --max-tokens",
    ),
    Failure((TurboSparseError, ValueError), USAGE),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    options = parser().parse_args(arguments)
    return exit_code("python -m turbosparse profile", lambda: _run(options), _FAILURES)


def _run(options: argparse.Namespace) -> None:
    for path in (options.out, options.html):
        _check_writable(path)
    if options.max_tokens < 1:
        raise ValueError(f"--max-tokens must be at least 1, not {options.max_tokens}")
    decoder = _decoder(options)
    sequences = _sequences(options)
    facts = {
        "model": str(options.model),
        "prompts": len(sequences),
        "tokens": sum(map(len, sequences)),
        "device": torch.cuda.get_device_name(decoder.device) if decoder.device.type == "cuda" else "cpu",
        "dtype": str(decoder.dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "turbosparse": __version__,
    }
    layers: list[LayerProfile] = []
    for layer in profile(decoder, sequences):
        layers.append(layer)
        _note(f"layer {len(layers)} of {decoder.config.layers}: {layer.density:.1%} selected")
    config = build_config(str(options.model), mean_density(layers))
    print(f"{table(layers)}\n\nfor turbosparse.yaml:\n\n{config}", end="")
    if options.out is not None:
        _write(options.out, json.dumps(_record(facts, layers), indent=2) + "\n")
    if options.html is not None:
        _write(options.html, profile_page(facts, layers, config))


def _check_writable(path: Path | None) -> None:
    # Known at once, and not after a run of many minutes.
    if path is not None and not (path.parent.is_dir() and os.access(path.parent, os.W_OK) and not path.is_dir()):
        raise ValueError(f"{path} cannot be written: its folder must exist and let files be made")


def _decoder(options: argparse.Namespace) -> Decoder:
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"--device {device} cannot be used: {reason}") from error
    choices = {"activation": options.activation, "gate_threshold": options.gate_threshold}
    # 16 bits are slower than 32 on most CPUs.
    dtype = torch.float32 if torch.device(device).type == "cpu" else None
    return Decoder(Checkpoint(options.model), dtype=dtype, device=device, **choices)


def _sequences(options: argparse.Namespace) -> list[list[int]]:
    if options.token_ids is not None:
        sequences = read_token_ids(options.token_ids)
    else:
        sequences = tokenize(options.model, read_prompts(options.prompts))
    return [sequence[: options.max_tokens] for sequence in sequences]


def _record(facts: dict[str, Any], layers: Sequence[LayerProfile]) -> dict[str, Any]:
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": KIND,
        **facts,
        **summary_json(layers),
        "layers": [layer_json(layer) for layer in layers],
    }


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text)
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from error
    _note(f"wrote {path}")


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
