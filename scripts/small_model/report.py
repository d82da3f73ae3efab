"""`python -m small_model.report DIR`: what a trained checkpoint does on text that it was not trained on."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from turbosparse.profile.record import layer_json, summary_json
from turbosparse.profile.run import profile
from turbosparse.reference.decoder import DecoderLayer, decode
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder

from small_model.export import TRAINING
from small_model.settings import SETTINGS
from small_model.text import read_text
from small_model.tokenizer import Tokenizer

KIND = "turbosparse-small-model"
SCHEMA_VERSION = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m small_model.report", description="Measure a trained checkpoint.")
    parser.add_argument("folder", type=Path, help="that small_model.train wrote")
    parser.add_argument("--out", type=Path, metavar="FILE", help="instead of printing the report")
    parser.add_argument("--device", default="cpu", help="default: %(default)s")
    options = parser.parse_args(arguments)
    _, held_out = read_text(SETTINGS["small"].text_bytes)
    text = json.dumps(measure(options.folder, held_out, options.device), indent=2) + "\n"
    if options.out is None:
        print(text, end="")
    else:
        options.out.write_text(text, encoding="utf-8")
    return 0


def measure(folder: Path, texts: Sequence[str], device: str) -> dict[str, Any]:
    """The report: the reference in float32 over the beginning of each text, as much as the model can attend to."""
    decoder = Decoder(Checkpoint(folder), dtype=torch.float32, device=device)
    tokenizer = Tokenizer.from_json(_read(folder / "tokenizer.json"))
    context = decoder.checkpoint.config["max_position_embeddings"]
    sequences = [tokens[:context] for tokens in map(tokenizer.encode, texts) if len(tokens) > 1]
    layers = list(decoder.layers())
    layer_profiles = list(profile(decoder, sequences))
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": KIND,
        "training": _read(folder / TRAINING),
        **machine(decoder.device),
        "heldOut": {"texts": len(sequences), "tokens": sum(map(len, sequences))},
        # In nats a token.
        "loss": {
            "masked": _loss(decoder, layers, sequences),
            "unmasked": _loss(decoder, [layer._replace(predictor=None) for layer in layers], sequences),
        },
        **summary_json(layer_profiles),
        "layers": [layer_json(layer) for layer in layer_profiles],
    }


def machine(device: torch.device) -> dict[str, str]:
    """What training or measuring ran with."""
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _loss(decoder: Decoder, layers: Sequence[DecoderLayer], sequences: Sequence[Sequence[int]]) -> float:
    with torch.inference_mode():
        parts = [_token_losses(decoder, layers, sequence) for sequence in sequences]
    return round(torch.cat(parts).mean().item(), 4)


def _token_losses(decoder: Decoder, layers: Sequence[DecoderLayer], sequence: Sequence[int]) -> Tensor:
    logits = decode(decoder.embed(sequence), layers, decoder.norm(), decoder.head(), decoder.config)
    following = torch.tensor(sequence[1:], device=decoder.device)
    return functional.cross_entropy(logits[:-1], following, reduction="none")


if __name__ == "__main__":
    sys.exit(main())
