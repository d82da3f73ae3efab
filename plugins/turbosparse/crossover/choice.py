"""The choice between the sparse kernels and dense GEMMs."""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Iterator

import torch

from turbosparse.crossover import formula, table
from turbosparse.crossover.shape import OperatorShape
from turbosparse.manifest import manifest
from turbosparse.reference.active_set import WORD

MOST_SPARSE_TOKENS = WORD
# Of shapes that are not in the manifest: the denser of the released models.
_DEFAULT_DENSITY = 0.15

_overridden: contextvars.ContextVar[int | None] = contextvars.ContextVar("dense_from_tokens", default=None)


@contextlib.contextmanager
def override(tokens: int) -> Iterator[None]:
    """Within the context calls of at least `tokens` tokens run dense, whatever was measured: for tests and tuning.

    1 runs every call dense, 65 none that the sparse kernels can serve.
    """
    if tokens < 1:
        raise ValueError(f"tokens must be at least 1, not {tokens}")
    token = _overridden.set(tokens)
    try:
        yield
    finally:
        _overridden.reset(token)


def runs_dense(device_index: int, operator: str, tokens: int, *sizes: int | str | None) -> bool:
    """Whether a call of so many tokens runs dense; `sizes` are the fields of `OperatorShape`.

    `operator` is `"ffn"`, `"ffn_gate_first"`, `"moe"` or `"moe_gate_first"`.
    """
    if not 0 < tokens <= MOST_SPARSE_TOKENS:
        return True
    chosen = _overridden.get()
    return tokens >= (_cached(device_index, operator, *sizes) if chosen is None else chosen)


@functools.cache
def _cached(device_index: int, operator: str, *sizes: int | str | None) -> int:
    return dense_from_tokens(device_index, operator, OperatorShape(*sizes))


def dense_from_tokens(device_index: int, operator: str, shape: OperatorShape, density: float | None = None) -> int:
    """The fewest tokens of a call that runs dense on a CUDA device; 65 when the sparse kernels always win.

    `density` is the share of its neurons that a token activates; None is that of the manifest's model of this shape.
    """
    expected = expected_density(shape) if density is None else density
    gpu = torch.cuda.get_device_name(device_index)
    entry = table.find(table.shipped(), gpu, operator, shape, expected)
    if entry is not None:
        return entry.dense_from_tokens
    roofline = formula.device_roofline(device_index)
    return formula.dense_from_tokens(roofline, operator, shape, expected, MOST_SPARSE_TOKENS)


def expected_density(shape: OperatorShape) -> float:
    """The density that the wheel was built for with this shape, the largest if models differ in nothing else."""
    densities = [
        model["density"]
        for model in (manifest() or {}).get("models", [])
        if (model["hidden"], model["experts"], model["dtype"], model["activation"])
        == (shape.hidden, shape.experts, shape.dtype, shape.activation)
        and shape.intermediate in {model["intermediate"] // shards for shards in model["tensorParallel"]}
    ]
    return max(densities, default=_DEFAULT_DENSITY)
