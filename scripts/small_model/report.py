"""What the written checkpoint does on text that it was not trained on."""

from __future__ import annotations

import dataclasses
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

from small_model.settings import Settings

KIND = "turbosparse-small-model"
SCHEMA_VERSION = 1


def measure(folder: Path, held_out: Sequence[Sequence[int]], settings: Settings, device: str) -> dict[str, Any]:
    """The report on the checkpoint in `folder`: the reference in float32 over the beginning of each held-out text."""
    decoder = Decoder(Checkpoint(folder), dtype=torch.float32, device=device)
    sequences = [text[: settings.context] for text in held_out if len(text) > 1]
    layers = list(decoder.layers())
    layer_profiles = list(profile(decoder, sequences))
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": KIND,
        "settings": dataclasses.asdict(settings),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if decoder.device.type == "cuda" else "cpu",
        "heldOut": {"texts": len(sequences), "tokens": sum(map(len, sequences))},
        # In nats a token.
        "loss": {
            "masked": _loss(decoder, layers, sequences),
            "unmasked": _loss(decoder, [layer._replace(predictor=None) for layer in layers], sequences),
        },
        **summary_json(layer_profiles),
        "layers": [layer_json(layer) for layer in layer_profiles],
    }


def _loss(decoder: Decoder, layers: Sequence[DecoderLayer], sequences: Sequence[Sequence[int]]) -> float:
    with torch.inference_mode():
        parts = [_token_losses(decoder, layers, sequence) for sequence in sequences]
    return round(torch.cat(parts).mean().item(), 4)


def _token_losses(decoder: Decoder, layers: Sequence[DecoderLayer], sequence: Sequence[int]) -> Tensor:
    logits = decode(decoder.embed(sequence), layers, decoder.norm(), decoder.head(), decoder.config)
    following = torch.tensor(sequence[1:], device=decoder.device)
    return functional.cross_entropy(logits[:-1], following, reduction="none")
