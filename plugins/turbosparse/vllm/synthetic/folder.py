"""Writes a model folder without weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from turbosparse.files import new_folder
from turbosparse.vllm.synthetic.configs import generation_config
from turbosparse.vllm.synthetic.tokenizer import tokenizer_files


def write_folder(folder: Path, config: dict[str, Any]) -> None:
    """Write what a server needs to know of a model besides its weights: its config, and a tokenizer.

    The folder appears whole or not at all. Raises FileExistsError when it exists, ValueError when the config's
    vocabulary is too small.
    """
    files = {
        "config.json": config,
        "generation_config.json": generation_config(config),
        **tokenizer_files(config["vocab_size"]),
    }
    with new_folder(folder) as partial:
        for name, value in files.items():
            (partial / name).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
