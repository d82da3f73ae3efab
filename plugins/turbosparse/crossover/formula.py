"""The crossover of GPUs and shapes that were not measured, from bandwidth and peak."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from turbosparse.crossover.shape import OperatorShape
from turbosparse.synthetic.masks import OVERLAP, expected_union

# Bytes a second of the sparse kernels relative to dense GEMMs, and what they take longer to start and to sum up. Both
# are worse than the kernels are, so that what the formula calls sparse is not slower than dense.
_RELATIVE_BANDWIDTH = 0.6
_OVERHEAD_SECONDS = 4e-6
_BYTES = 2

# Dense bfloat16 tensor-core operations a clock of one multiprocessor, with float32 accumulation, from NVIDIA's
# architecture papers; of a GPU that is not here the least, which makes dense GEMMs look no faster than they are.
_FLOPS_PER_CLOCK = {(8, 0): 2048, (8, 6): 512, (8, 9): 512, (9, 0): 4096, (10, 0): 8192, (12, 0): 512}
# Where the driver does not say, the fastest there is: then overheads weigh most, and dense wins earliest.
_FASTEST = {"bandwidth": 8e12, "peak": math.inf}


@dataclass(frozen=True)
class Roofline:
    """Bytes a second of device memory and floating-point operations a second of dense GEMMs."""

    bandwidth: float
    peak: float


def device_roofline(device_index: int) -> Roofline:
    """What the driver says of a CUDA device: data is moved on both edges of the memory clock."""
    device = torch.cuda.get_device_properties(device_index)
    # Virtual GPUs say 0, and torch before 2.9 nothing.
    memory_clock, clock = (1e3 * getattr(device, name, 0) for name in ("memory_clock_rate", "clock_rate"))
    bandwidth = 2 * memory_clock * getattr(device, "memory_bus_width", 0) / 8
    operations = _FLOPS_PER_CLOCK.get((device.major, device.minor), min(_FLOPS_PER_CLOCK.values()))
    peak = device.multi_processor_count * clock * operations
    return Roofline(bandwidth or _FASTEST["bandwidth"], peak or _FASTEST["peak"])


def dense_from_tokens(roofline: Roofline, operator: str, shape: OperatorShape, density: float, most: int) -> int:
    """The fewest tokens, up to `most`, at which dense GEMMs are expected to be as fast; `most + 1` if they never are.

    Dense takes `max(bytes / bandwidth, operations / peak)` over the experts that the tokens visit. Sparse takes the
    bytes of the union of active neurons, and with gate first of all visited gates, at a share of the bandwidth, plus an
    overhead. What both evaluate, the predictor, is left out.
    """
    neuron = shape.hidden * _BYTES
    for tokens in range(1, most + 1):
        visited = shape.experts * (1 - (1 - shape.top_k / shape.experts) ** tokens)
        neurons = visited * shape.intermediate
        dense = max(
            3 * neurons * neuron / roofline.bandwidth,
            6.0 * tokens * shape.top_k * shape.intermediate * shape.hidden / roofline.peak,
        )
        active = neurons * expected_union(density, OVERLAP, tokens * shape.top_k / visited)
        read = neurons + 2 * active if operator.endswith("gate_first") else 3 * active
        if _OVERHEAD_SECONDS + read * neuron / (_RELATIVE_BANDWIDTH * roofline.bandwidth) >= dense:
            return tokens
    return most + 1
