"""Writes a model folder without weights."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    if folder.exists():
        raise FileExistsError(f"{folder} exists: give a folder that does not")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        _write(partial, files)
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial)
        raise


def _write(folder: Path, files: Mapping[str, Any]) -> None:
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
