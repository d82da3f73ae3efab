"""The machine that measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from turbosparse import _library
from turbosparse.bench.description import describe
from turbosparse.bench.timing import Step, copy_bandwidth, microseconds
from turbosparse.crossover import OperatorShape, runs_dense
from turbosparse.errors import LibraryError
from turbosparse.manifest import manifest


@dataclass(frozen=True)
class Machine:
    """A device with its clock. Tests pass one that needs no GPU.

    device: as torch names it.
    description: the header of a record.
    l2_bytes, free_bytes: of the device's cache and of its memory that nothing occupies.
    microseconds: the time of one of the steps when they run in turn.
    copy_bandwidth: bytes a second, read plus written.
    fuse: makes one kernel of an elementwise function, as `torch.compile` does.
    runs_dense: whether an operator of a shape runs dense with so many tokens.
    """

    device: str
    description: dict[str, Any]
    l2_bytes: int
    free_bytes: int
    microseconds: Callable[[Sequence[Step]], float]
    copy_bandwidth: Callable[[], float]
    fuse: Callable[[Callable[..., torch.Tensor]], Callable[..., torch.Tensor]]
    runs_dense: Callable[[str, OperatorShape, int], bool]


def cuda_machine(commit: str | None) -> Machine:
    """The current CUDA device. Raises LibraryError when there is none, or no compiled library to measure on it."""
    if not torch.cuda.is_available():
        raise LibraryError("measuring needs a CUDA device, and torch finds none")
    if manifest() is None:
        raise LibraryError(
            "measuring needs an installed wheel, and this turbosparse is a source tree. Build a wheel with "
            "`npx turbosparse-plugin build` and install it from dist/."
        )
    index = torch.cuda.current_device()
    _library.functions(index)
    # What dense GEMMs are compared with must not accumulate in less than float32.
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    return Machine(
        device="cuda",
        description=describe(commit),
        l2_bytes=torch.cuda.get_device_properties(index).L2_cache_size,
        free_bytes=torch.cuda.mem_get_info(index)[0],
        microseconds=microseconds,
        copy_bandwidth=copy_bandwidth,
        fuse=_fuse,
        runs_dense=lambda operator, shape, tokens: runs_dense(index, operator, tokens, *shape.values()),
    )


def _fuse(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    # What is compiled already counts towards the limit from which on a function runs unfused.
    torch._dynamo.reset()
    return torch.compile(function, dynamic=True)
