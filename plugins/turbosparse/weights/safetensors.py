"""Reads a safetensors file through mmap: no dependency, no copy, nothing read before it is used.

Format: 8 bytes little-endian header length, a JSON header of that length that maps names to dtype, shape and
data_offsets relative to the end of the header, then the data (https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import json
import math
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from turbosparse.errors import CheckpointError

DTYPES = {
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}

_MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies: bytes `[begin, end)` of the file."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


class SafetensorsFile:
    """An open file. Tensors share its mapping, which lives as long as any of them."""

    def __init__(self, path: str | Path) -> None:
        """Map the file and check its header. Raises CheckpointError naming the file and the tensor at fault."""
        self.path = Path(path)
        try:
            with self.path.open("rb") as file:
                # Copy on write, because torch has no read-only tensors: a stray write must not reach the checkpoint.
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.path} cannot be read: {error}") from error
        self.entries = _entries(self.path, self._map)

    def tensor(self, name: str) -> Tensor:
        """The tensor, as a view of the mapped file."""
        try:
            entry = self.entries[name]
        except KeyError:
            raise CheckpointError(f"{self.path} has no tensor {name}") from None
        if entry.begin == entry.end:
            return torch.empty(entry.shape, dtype=entry.dtype)
        count = math.prod(entry.shape)
        return torch.frombuffer(self._map, dtype=entry.dtype, count=count, offset=entry.begin).view(entry.shape)

    def release(self, name: str) -> None:
        """Let the system drop the tensor's pages from this process; they are read again if needed."""
        entry = self.entries[name]
        first = -(-entry.begin // mmap.PAGESIZE) * mmap.PAGESIZE
        if first < entry.end:
            self._map.madvise(mmap.MADV_DONTNEED, first, entry.end - first)


def _entries(path: Path, data: mmap.mmap) -> dict[str, Entry]:
    size = len(data)
    length = int.from_bytes(data[:8], "little")
    if size < 8 or length > min(size - 8, _MAX_HEADER):
        raise CheckpointError(f"{path} is truncated or no safetensors file: {size} bytes, header of {length} bytes")
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError as error:
        raise CheckpointError(f"{path} has a header that is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{path} has a header that is not a JSON object")
    header.pop("__metadata__", None)
    return {name: _entry(path, name, value, 8 + length, size) for name, value in header.items()}


def _entry(path: Path, name: str, value: Any, data_start: int, size: int) -> Entry:
    try:
        dtype_name, shape, (begin, end) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
        whole = all(isinstance(number, int) and number >= 0 for number in (*shape, begin, end))
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise CheckpointError(f"{path}: tensor {name} needs dtype, shape and data_offsets in the header")
    if dtype_name not in DTYPES:
        raise CheckpointError(f"{path}: tensor {name} has dtype {dtype_name}, expected one of {', '.join(DTYPES)}")
    dtype = DTYPES[dtype_name]
    expected = math.prod(shape) * dtype.itemsize
    if end - begin != expected:
        raise CheckpointError(
            f"{path}: tensor {name} spans {end - begin} bytes, but {dtype_name} {list(shape)} takes {expected}"
        )
    if data_start + end > size:
        raise CheckpointError(f"{path}: tensor {name} ends at byte {data_start + end}, but the file has {size}")
    return Entry(dtype, shape, data_start + begin, data_start + end)
