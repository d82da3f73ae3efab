"""Which kernels a call takes: host arithmetic on its shape, as the operators themselves decide it."""

from __future__ import annotations

import functools
from typing import Any

import torch

from turbosparse import _library, crossover
from turbosparse.crossover import OperatorShape, table
from turbosparse.crossover.choice import expected_density
from turbosparse.manifest import archs, manifest

# By the kernel that reads most of the neurons' weights.
PATHS = ("ffn_stream", "union_down", "dense GEMMs")
_STREAM, _UNION, _DENSE = range(3)


@functools.cache
def path_of(device: torch.device, operator: str, shape: OperatorShape, tokens: int) -> int:
    """The index in `PATHS` of a call of `tokens` rows."""
    if device.type != "cuda":
        return _DENSE
    if crossover.runs_dense(device.index, operator, tokens, *shape.values()):
        return _DENSE
    return _STREAM if tokens <= longest_stream(device.index, operator, shape) else _UNION


def longest_stream(device_index: int, operator: str, shape: OperatorShape) -> int:
    """The most tokens that an `ffn_stream` kernel of this installation takes; 0 where none fits the shape."""
    arch = _library.arch_for(torch.cuda.get_device_capability(device_index), archs())
    return stream_tokens((manifest() or {}).get("kernels", []), arch, operator, shape)


def stream_tokens(kernels: list[dict[str, Any]], arch: str | None, operator: str, shape: OperatorShape) -> int:
    """The same of a manifest's `kernels`."""
    wanted = {
        "arch": arch,
        "dtype": shape.dtype,
        "hidden": shape.hidden,
        "activation": shape.activation,
        "experts": shape.experts,
        # With the gates evaluated before, up and down are left.
        "rows": 2 if operator.endswith("gate_first") else 3,
    }
    fitting = [
        kernel["parameters"]["tokens"]
        for kernel in kernels
        if kernel["family"] == "ffn_stream" and wanted.items() <= kernel["parameters"].items()
    ]
    return max(fitting, default=0)


def describe_paths(device: torch.device, operator: str, shape: OperatorShape) -> str:
    """One sentence: which path from how many tokens on, and where the crossover is from."""
    if device.type != "cuda":
        return f"{_layer(operator, shape)}: {PATHS[_DENSE]} at any number of tokens, on the {device.type}"
    first_dense = crossover.dense_from_tokens(device.index, operator, shape)
    ranges = token_ranges(operator, shape, longest_stream(device.index, operator, shape), first_dense)
    gpu, density = torch.cuda.get_device_name(device.index), expected_density(shape)
    measured = table.find(table.shipped(), gpu, operator, shape, density) is not None
    return f"{ranges} ({'measured' if measured else 'estimated'} for {gpu} at a density of {density:.0%})"


def token_ranges(operator: str, shape: OperatorShape, longest_stream: int, first_dense: int) -> str:
    """Which path computes how many tokens."""
    streams = min(longest_stream, first_dense - 1)
    ranges = [(PATHS[_STREAM], 1, streams), (PATHS[_UNION], streams + 1, first_dense - 1)]
    sparse = [f"{name} at {first} to {last} tokens" for name, first, last in ranges if first <= last]
    return f"{_layer(operator, shape)}: {', '.join([*sparse, f'{PATHS[_DENSE]} from {first_dense} on'])}"


def _layer(operator: str, shape: OperatorShape) -> str:
    experts = "" if shape.experts == 1 else f"{shape.experts} experts of "
    return f"{operator} of {experts}{shape.hidden} x {shape.intermediate}"
