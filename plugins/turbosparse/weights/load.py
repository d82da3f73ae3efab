"""Loads one layer's FFN into tensors the caller may have placed anywhere.

Every byte is copied once, from the mapped file to its place, so the peak is the destination itself plus one bounded
block. A tensor-parallel shard `rank` of `size` holds neurons `[rank * n, (rank + 1) * n)` with
`n = intermediate / size`: gate, up and fc2 rows and down columns are split, fc1 is replicated, and the shards' outputs
add up to the layer's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from turbosparse.errors import CheckpointError
from turbosparse.weights.checkpoint import Checkpoint
from turbosparse.weights.layouts import Layout
from turbosparse.weights.placement import copy_rows, copy_transposed, destination, shard


@dataclass(frozen=True)
class LayerShape:
    """Sizes of one layer's FFN, all neurons of all shards. `rank` is 0 without a predictor."""

    experts: int
    intermediate: int
    hidden: int
    rank: int
    dtype: torch.dtype


def layer_shape(checkpoint: Checkpoint, layout: Layout, layer: int) -> LayerShape:
    """Sizes by the tensors' headers. Raises CheckpointError naming the tensor or the key of config.json."""
    gate_name = layout.name(layout.gate, layer, 0)
    gate = checkpoint.entry(gate_name)
    if len(gate.shape) != 2:
        raise CheckpointError(f"{checkpoint.folder}: tensor {gate_name} has shape {list(gate.shape)}, expected 2 sizes")
    rank = 0
    if layout.fc1 is not None:
        fc1_name = layout.name(layout.fc1, layer, 0)
        # Bamboo without a predictor has the same model_type: only the tensors tell.
        rank = checkpoint.entry(fc1_name).shape[0] if fc1_name in checkpoint else 0
    intermediate, hidden = gate.shape
    return LayerShape(_experts(checkpoint, layout), intermediate, hidden, rank, gate.dtype)


def load_ffn(
    checkpoint: Checkpoint,
    layout: Layout,
    layer: int,
    *,
    out: Tensor | None = None,
    tensor_parallel: tuple[int, int] = (0, 1),
) -> Tensor:
    """One layer's weights, neuron-major: `[experts, intermediate / size, 3, hidden]` in the checkpoint's dtype.

    Args:
        out: where to load, of exactly that shape and dtype, on any device; None allocates on the CPU.
        tensor_parallel: (rank, size) of the shard.

    Raises:
        CheckpointError: a tensor is missing or not of the expected shape and dtype.
        ValueError: `out` or `tensor_parallel` does not fit the checkpoint.
    """
    shape = layer_shape(checkpoint, layout, layer)
    neurons = shard(shape.intermediate, tensor_parallel)
    out = destination(out, (shape.experts, len(neurons), 3, shape.hidden), shape.dtype)
    rows, columns = (shape.intermediate, shape.hidden), (shape.hidden, shape.intermediate)
    for expert in range(shape.experts):
        sources = ((layout.gate, rows), (layout.up, rows), (layout.down, columns))
        for part, (template, expected) in enumerate(sources):
            name = layout.name(template, layer, expert)
            tensor = checkpoint.tensor(name, expected, shape.dtype)
            if part < 2:
                copy_rows(out[expert, :, part], tensor[neurons.start : neurons.stop])
            else:
                copy_transposed(out[expert, :, part], tensor[:, neurons.start : neurons.stop])
            checkpoint.release(name)
    return out


def _experts(checkpoint: Checkpoint, layout: Layout) -> int:
    if layout.experts_key is None:
        return 1
    count = checkpoint.config.get(layout.experts_key)
    if isinstance(count, int) and count > 0:
        return count
    raise CheckpointError(
        f"{checkpoint.folder / 'config.json'} must say the number of experts as {layout.experts_key}, found {count!r}"
    )
