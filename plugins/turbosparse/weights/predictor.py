"""Loads one layer's predictor, each matrix as the checkpoint has it or in int8."""

from __future__ import annotations

import torch
from torch import Tensor

from turbosparse.errors import CheckpointError
from turbosparse.reference.predictor import PredictorWeights
from turbosparse.weights.checkpoint import Checkpoint
from turbosparse.weights.layouts import Layout
from turbosparse.weights.load import layer_shape
from turbosparse.weights.placement import copy_rows, destination, shard
from turbosparse.weights.quantize import quantize_rows


def load_predictor(
    checkpoint: Checkpoint,
    layout: Layout,
    layer: int,
    *,
    fc1_bits: int = 16,
    fc2_bits: int = 8,
    out: PredictorWeights | None = None,
    tensor_parallel: tuple[int, int] = (0, 1),
) -> PredictorWeights:
    """One layer's `fc1 [experts, rank, hidden]` and `fc2 [experts, intermediate / size, rank]`.

    With 16 bits a matrix is the checkpoint's own, with 8 bits `quantize_rows` of it, made a block of rows at a time
    from the mapped file. Shards hold what the whole layer would: a row's scale depends on that row alone.

    By default only fc2, three times as large as fc1, is int8. On normally distributed weights 0.1% of all neurons then
    change sides, which is 1% of the active ones; with fc1 in int8 too, half as many again.

    Args:
        fc1_bits, fc2_bits: 8 or 16.
        out: where to load, with scales for the int8 matrices and None for the others, on any device; None allocates on
            the CPU.
        tensor_parallel: (rank, size) of the shard.

    Raises:
        CheckpointError: the checkpoint has no predictor, a tensor is missing or not of the expected shape and dtype, or
            holds NaN or infinity that are to become int8.
        ValueError: a number of bits, `out` or `tensor_parallel` does not fit.
    """
    shape = layer_shape(checkpoint, layout, layer)
    if layout.fc1 is None or layout.fc2 is None or shape.rank == 0:
        raise CheckpointError(f"{checkpoint.folder} has no predictor in layer {layer}")
    neurons = shard(shape.intermediate, tensor_parallel)
    loaded = []
    for place, template, size, rows, bits in (
        ("fc1", layout.fc1, (shape.rank, shape.hidden), range(shape.rank), fc1_bits),
        ("fc2", layout.fc2, (shape.intermediate, shape.rank), neurons, fc2_bits),
    ):
        full = (shape.experts, len(rows), size[1])
        matrix, scale = _place(out, place, full, shape.dtype, bits)
        for expert in range(shape.experts):
            name = layout.name(template, layer, expert)
            source = checkpoint.tensor(name, size, shape.dtype)[rows.start : rows.stop]
            if scale is None:
                copy_rows(matrix[expert], source)
            else:
                quantize_rows(source, out=(matrix[expert], scale[expert]), name=f"{checkpoint.folder}: tensor {name}")
            checkpoint.release(name)
        loaded.append((matrix, scale))
    (fc1, fc1_scale), (fc2, fc2_scale) = loaded
    return PredictorWeights(fc1, fc2, fc1_scale, fc2_scale)


def _place(
    out: PredictorWeights | None, place: str, shape: tuple[int, ...], dtype: torch.dtype, bits: int
) -> tuple[Tensor, Tensor | None]:
    """Where a matrix and its scale go, the scale None without quantisation."""
    if bits not in (8, 16):
        raise ValueError(f"{place}_bits must be 8 or 16, not {bits}")
    given, given_scale = (None, None) if out is None else (getattr(out, place), getattr(out, f"{place}_scale"))
    if bits == 16:
        if given_scale is not None:
            raise ValueError(f"out must have no {place}_scale, because {place} is loaded with 16 bits")
        return destination(given, shape, dtype), None
    if given is not None and given_scale is None:
        raise ValueError(f"out must have {place}_scale, because {place} is loaded with 8 bits")
    return destination(given, shape, torch.int8), destination(given_scale, shape[:2], torch.float32)
