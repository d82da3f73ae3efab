"""A Hugging Face folder: config.json and one or many safetensors files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from turbosparse.errors import CheckpointError
from turbosparse.weights.safetensors import Entry, SafetensorsFile

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"


class Checkpoint:
    """Names of all tensors at once, files opened when first used."""

    def __init__(self, folder: str | Path) -> None:
        """Read the config and the index. Raises CheckpointError naming the file that is missing or damaged."""
        self.folder = Path(folder)
        self.config = _read_json(self.folder / "config.json")
        self._files: dict[str, SafetensorsFile] = {}
        if (self.folder / _INDEX).exists():
            self._where = _weight_map(self.folder / _INDEX)
        elif (self.folder / _SINGLE).exists():
            self._where = dict.fromkeys(self._file(_SINGLE).entries, _SINGLE)
        else:
            raise CheckpointError(f"{self.folder} has neither {_INDEX} nor {_SINGLE}")

    def names(self) -> list[str]:
        """Names of all tensors, sorted."""
        return sorted(self._where)

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def entry(self, name: str) -> Entry:
        """Dtype and shape of a tensor, from the header alone."""
        file = self._holder(name)
        if name not in file.entries:
            raise CheckpointError(f"{self.folder / _INDEX} says that {file.path.name} has tensor {name}; it has not")
        return file.entries[name]

    def tensor(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A view of the mapped file. Raises CheckpointError if the tensor is missing or not of this shape and dtype."""
        entry = self.entry(name)
        if entry.shape != shape or entry.dtype != dtype:
            found = f"{str(entry.dtype).removeprefix('torch.')} {list(entry.shape)}"
            expected = f"{str(dtype).removeprefix('torch.')} {list(shape)}"
            raise CheckpointError(f"{self._holder(name).path}: tensor {name} is {found}, expected {expected}")
        return self._holder(name).tensor(name)

    def release(self, name: str) -> None:
        """Let the system drop the tensor's pages from this process."""
        self._holder(name).release(name)

    def _holder(self, name: str) -> SafetensorsFile:
        if name not in self._where:
            raise CheckpointError(f"{self.folder} has no tensor {name}")
        return self._file(self._where[name])

    def _file(self, name: str) -> SafetensorsFile:
        if name not in self._files:
            self._files[name] = SafetensorsFile(self.folder / name)
        return self._files[name]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not a JSON object")
    return value


def _weight_map(path: Path) -> dict[str, str]:
    weight_map = _read_json(path).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(file, str) for file in weight_map.values()):
        raise CheckpointError(f"{path} has no weight_map of tensor names to files")
    escaping = next((file for file in weight_map.values() if Path(file).name != file), None)
    if escaping is not None:
        raise CheckpointError(f"{path} names a file outside its folder: {escaping}")
    return weight_map
