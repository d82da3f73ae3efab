"""Writes the trained model as a checkpoint that servers load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from turbosparse.synthetic import ModelShape
from turbosparse.synthetic.config import config_json
from turbosparse.synthetic.writer import TensorPlan, write_checkpoint

from small_model.model import SmallModel
from small_model.settings import Settings
from small_model.tokenizer import END, Tokenizer

TRAINING = "training.json"
_DTYPE = torch.bfloat16


def export(folder: Path, model: SmallModel, tokenizer: Tokenizer, settings: Settings, training: dict[str, Any]) -> None:
    """Makes `folder` with the weights in bfloat16, the config, the tokenizer and what is known of the training."""
    state = model.state_dict()
    plans = [TensorPlan(name, tuple(state[name].shape), _DTYPE, _made(state[name])) for name in sorted(state)]
    write_checkpoint(folder, _config(settings, tokenizer), plans, shard_bytes=1_000_000_000)
    special = {"eos_token": END, "pad_token": END, "model_max_length": settings.context}
    files = {
        "tokenizer.json": tokenizer.as_json(),
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", **special},
        "generation_config.json": {"eos_token_id": tokenizer.end, "pad_token_id": tokenizer.end},
        TRAINING: training,
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _made(tensor: Tensor) -> Any:
    return lambda: tensor.detach().to(_DTYPE)


def _config(settings: Settings, tokenizer: Tokenizer) -> dict[str, Any]:
    shape = ModelShape(
        "bamboo",
        settings.hidden,
        settings.intermediate,
        settings.layers,
        heads=settings.heads,
        kv_heads=settings.kv_heads,
        vocab=settings.vocab,
        ranks=settings.ranks,
        head_dim=settings.head_dim,
        rope_theta=settings.rope_theta,
    )
    # Texts follow each other's end in training, so that is where one begins, too.
    return config_json(shape) | {
        "max_position_embeddings": settings.context,
        "bos_token_id": tokenizer.end,
        "eos_token_id": tokenizer.end,
    }
