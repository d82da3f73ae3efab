"""Which rows a shard holds, and where they go."""

from __future__ import annotations

import torch
from torch import Tensor

# Rows handled at once, so that transposing, converting and copies to a GPU need little memory on either side.
BLOCK = 1024


def shard(intermediate: int, tensor_parallel: tuple[int, int]) -> range:
    """The neurons of shard (rank, size). Raises ValueError when there is no such shard or shards are not equal."""
    rank, size = tensor_parallel
    if not 0 <= rank < size:
        raise ValueError(f"tensor_parallel must be (rank, size) with 0 <= rank < size, not {tensor_parallel}")
    if intermediate % size:
        raise ValueError(f"tensor_parallel: {intermediate} neurons do not split into {size} equal shards")
    each = intermediate // size
    return range(rank * each, (rank + 1) * each)


def destination(out: Tensor | None, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """`out`, checked, or a new tensor on the CPU. Raises ValueError when `out` has another shape or dtype."""
    if out is None:
        return torch.empty(shape, dtype=dtype)
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out must be {dtype} {list(shape)}, not {out.dtype} {list(out.shape)}")
    return out


def copy_rows(target: Tensor, source: Tensor) -> None:
    """`target.copy_(source)`, a block of rows at a time."""
    for start in range(0, len(source), BLOCK):
        rows = slice(start, start + BLOCK)
        target[rows].copy_(source[rows])


def copy_transposed(target: Tensor, source: Tensor) -> None:
    """`target.copy_(source.T)`, a block of rows of `source` at a time, turned on the device of `target`."""
    for start in range(0, len(source), BLOCK):
        rows = slice(start, start + BLOCK)
        target[:, rows].copy_(source[rows].to(target.device).T)
