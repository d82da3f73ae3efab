"""Writes sharded safetensors one tensor at a time."""

from __future__ import annotations

import ctypes
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from turbosparse.files import new_folder

_DTYPE_NAMES = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32"}


@dataclass(frozen=True)
class TensorPlan:
    """A tensor to be: its header is known before `make` computes it."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    make: Callable[[], Tensor]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def write_checkpoint(
    folder: Path, config: dict[str, Any], plans: Sequence[TensorPlan], shard_bytes: int, *, data: bool = True
) -> None:
    """Write config.json, shards of at most `shard_bytes` (or one tensor) and their index.

    The folder appears whole or not at all: it is written beside itself and renamed. Without `data` the files have true
    headers and lengths and no content, which takes no disk space and is all a build reads.

    Raises FileExistsError when `folder` exists.
    """
    with new_folder(folder) as partial:
        shards = _split(plans, shard_bytes)
        weight_map = {}
        for number, shard in enumerate(shards, 1):
            file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
            weight_map.update(dict.fromkeys((plan.name for plan in shard), file))
            _write_shard(partial / file, shard, data)
        index = {"metadata": {"total_size": sum(plan.nbytes for plan in plans)}, "weight_map": weight_map}
        for name, value in (("model.safetensors.index.json", index), ("config.json", config)):
            (partial / name).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _split(plans: Sequence[TensorPlan], shard_bytes: int) -> list[list[TensorPlan]]:
    shards: list[list[TensorPlan]] = []
    room = 0
    for plan in plans:
        if not shards or plan.nbytes > room:
            shards.append([])
            room = shard_bytes
        shards[-1].append(plan)
        room -= plan.nbytes
    return shards


def _write_shard(path: Path, plans: Sequence[TensorPlan], data: bool) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for plan in plans:
        begin, end = end, end + plan.nbytes
        header[plan.name] = {
            "dtype": _DTYPE_NAMES[plan.dtype],
            "shape": list(plan.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        if data:
            for plan in plans:
                _write_tensor(file, plan)
        else:
            os.truncate(file.fileno(), 8 + len(text) + end)


def _write_tensor(file: IO[bytes], plan: TensorPlan) -> None:
    tensor = plan.make()
    if tensor.shape != plan.shape or tensor.dtype != plan.dtype:
        raise ValueError(f"{plan.name} was made as {tensor.dtype} {list(tensor.shape)}, planned as {plan}")
    tensor = tensor.cpu().contiguous()
    file.write((ctypes.c_char * plan.nbytes).from_address(tensor.data_ptr()))
