"""`python -m small_model.train --out DIR`: trains, measures and writes the model."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from small_model.export import export
from small_model.fit import fit
from small_model.model import SmallModel
from small_model.report import machine, measure
from small_model.settings import SETTINGS, Settings
from small_model.text import read_text
from small_model.tokenizer import learn


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        prog="python -m small_model.train",
        description="Train a small model in TurboSparse-Mistral's layout on Python sources, and report its sparsity.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="checkpoint folder to create")
    parser.add_argument("--size", choices=SETTINGS, default="small", help="default: %(default)s")
    parser.add_argument("--steps", type=int, help="instead of the size's own number")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    settings = SETTINGS[options.size]
    if options.steps is not None:
        if options.steps < 1:
            parser.error(f"--steps must be at least 1, not {options.steps}")
        settings = dataclasses.replace(settings, steps=options.steps)
    if options.out.exists():
        parser.error(f"{options.out} exists: give a folder that does not")
    try:
        torch.empty(0, device=options.device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        parser.error(f"--device {options.device} cannot be used: {reason}")
    _train(options.out, settings, options.device, options.seed)
    return 0


def _train(out: Path, settings: Settings, device: str, seed: int) -> None:
    began = time.monotonic()

    def note(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)

    trained, held_out = read_text(settings.text_bytes)
    tokenizer = learn(trained[::8], settings.vocab)
    tokens = torch.tensor([token for text in trained for token in (*tokenizer.encode(text), tokenizer.end)])
    note(f"{len(trained)} texts, {len(tokens)} tokens to train on; {len(held_out)} texts held out")

    torch.manual_seed(seed)
    model = SmallModel(settings).to(device)
    note(f"{sum(parameter.numel() for parameter in model.parameters())} parameters, {settings.steps} steps on {device}")
    fit(model, tokens.to(device), settings, seed, note)

    training = {
        "settings": dataclasses.asdict(settings),
        "seed": seed,
        "texts": len(trained),
        "tokens": len(tokens),
        **machine(torch.device(device)),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    # The folder appears whole or not at all.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as partial:
        folder = Path(partial) / out.name
        export(folder, model, tokenizer, settings, training)
        report = measure(folder, held_out, device)
        text = json.dumps(report, indent=2) + "\n"
        (folder / "report.json").write_text(text, encoding="utf-8")
        folder.rename(out)
    note(f"wrote {out}: loss {report['loss']}, density {report['density']}")


if __name__ == "__main__":
    sys.exit(main())
