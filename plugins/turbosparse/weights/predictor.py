"""Loads one layer's predictor, fc2 as the checkpoint has it or in two int8 planes."""

from __future__ import annotations

import torch

from turbosparse.errors import CheckpointError
from turbosparse.reference.predictor import PredictorWeights
from turbosparse.weights.checkpoint import Checkpoint
from turbosparse.weights.layouts import Layout
from turbosparse.weights.load import LayerShape, layer_shape
from turbosparse.weights.placement import copy_rows, destination, shard
from turbosparse.weights.quantize import quantize_rows


def load_predictor(
    checkpoint: Checkpoint,
    layout: Layout,
    layer: int,
    *,
    fc2_bits: int = 16,
    out: PredictorWeights | None = None,
    tensor_parallel: tuple[int, int] = (0, 1),
) -> PredictorWeights:
    """One layer's `fc1 [experts, rank, hidden]` and `fc2 [experts, intermediate / size, rank]`.

    With 16 bits, the default, fc2 is the checkpoint's own. With 8 bits it is `quantize_rows` of it, made a block of
    rows at a time from the mapped file: as many bytes, of which kernels read half and some rows of the other half. On
    normally distributed weights of rank 1280 no more than 1 neuron in 100,000 then changes sides, and 7 where 30% of
    the logits crowd around the threshold; the high plane alone would change 100 and 1800. fc1 is always the
    checkpoint's own: its errors would reach every logit, and reading more of one row could not settle any.

    16 bits are exact and on an H200 as fast or faster (docs/measurements): an FFN's predictor takes 16.4 us against
    16.7 us for 1 token, which is latency and not bytes, and 36.5 against 51.4 us for 64. Planes won up to 4% in a
    mixture of 1 to 8 tokens, where more bytes are saved, with logits far from the threshold.

    Shards hold what the whole layer would: a row's planes depend on that row alone.

    Args:
        fc2_bits: 8 or 16: how many of a weight kernels read unless they need the low plane.
        out: where to load, with a low plane and scale for 8 bits and None for 16, on any device; None allocates on the
            CPU.
        tensor_parallel: (rank, size) of the shard.

    Raises:
        CheckpointError: the checkpoint has no predictor, a tensor is missing or not of the expected shape and dtype, or
            holds NaN or infinity that are to become int8.
        ValueError: the number of bits, `out` or `tensor_parallel` does not fit.
    """
    shape = layer_shape(checkpoint, layout, layer)
    if layout.fc1 is None or layout.fc2 is None or shape.rank == 0:
        raise CheckpointError(f"{checkpoint.folder} has no predictor in layer {layer}")
    neurons = shard(shape.intermediate, tensor_parallel)
    loaded = _place(out, shape, len(neurons), fc2_bits)
    for expert in range(shape.experts):
        name = layout.name(layout.fc1, layer, expert)
        copy_rows(loaded.fc1[expert], checkpoint.tensor(name, (shape.rank, shape.hidden), shape.dtype))
        checkpoint.release(name)

        name = layout.name(layout.fc2, layer, expert)
        source = checkpoint.tensor(name, (shape.intermediate, shape.rank), shape.dtype)
        source = source[neurons.start : neurons.stop]
        if loaded.fc2_low is None or loaded.fc2_scale is None:
            copy_rows(loaded.fc2[expert], source)
        else:
            planes = (loaded.fc2[expert], loaded.fc2_low[expert], loaded.fc2_scale[expert])
            quantize_rows(source, out=planes, name=f"{checkpoint.folder}: tensor {name}")
        checkpoint.release(name)
    return loaded


def _place(out: PredictorWeights | None, shape: LayerShape, neurons: int, fc2_bits: int) -> PredictorWeights:
    """Where the predictor goes: `out`, checked, or new tensors on the CPU."""
    if fc2_bits not in (8, 16):
        raise ValueError(f"fc2_bits must be 8 or 16, not {fc2_bits}")
    fc1, fc2, fc2_low, fc2_scale = out or (None, None, None, None)
    for name, tensor in (("fc2_low", fc2_low), ("fc2_scale", fc2_scale)):
        if out is not None and (tensor is None) != (fc2_bits == 16):
            article = "no " if fc2_bits == 16 else ""
            raise ValueError(f"out must have {article}{name}, because fc2 is loaded with {fc2_bits} bits")
    matrix = (shape.experts, neurons, shape.rank)
    fc1 = destination(fc1, (shape.experts, shape.rank, shape.hidden), shape.dtype)
    if fc2_bits == 16:
        return PredictorWeights(fc1, destination(fc2, matrix, shape.dtype))
    planes = (destination(fc2, matrix, torch.int8), destination(fc2_low, matrix, torch.int8))
    return PredictorWeights(fc1, *planes, destination(fc2_scale, matrix[:2], torch.float32))
