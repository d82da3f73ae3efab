"""Other ways to read fewer bytes of an FFN's weights: half of the values, or half of their bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional
from turbosparse import reference
from turbosparse.bench.machine import Machine
from turbosparse.bench.model import Model
from turbosparse.bench.verify import WrongResultError

_FP8 = torch.float8_e4m3fn
_LARGEST_FP8 = torch.finfo(_FP8).max
# Of the norm: 3 bits of mantissa round each activation by up to a 16th.
_LARGEST_FP8_ERROR = 0.05


class Rival(Protocol):
    """`count` layers of distinct weights, `layer_bytes` each; gate and up are merged `[2 * intermediate, hidden]`."""

    count: int
    layer_bytes: int

    def variants(self, tokens: int) -> Iterator[Any]:
        """Ways to compute a layer of so many tokens, of which the fastest counts."""

    def prepare(self, x: Tensor, variant: Any) -> Tensor:
        """What `layer` takes, made of the input `[tokens, hidden]`: what the norm before an FFN can do in passing."""

    def layer(self, prepared: Tensor, index: int, variant: Any) -> Tensor:
        """The FFN of one layer `[rows, hidden]`, of which the first rows are the tokens'."""

    def verify(self, x: Tensor, result: Tensor) -> None:
        """Raise WrongResultError unless this is the output of the first layer's weights for `x`."""


class CuSparseLt:
    """cuSPARSELt, through torch."""

    def compress(self, matrix: Tensor) -> Tensor:
        """A matrix `[rows, columns]` with two zeros in every four neighbours of a row."""
        return torch._cslt_compress(matrix)

    def multiply(self, packed: Tensor, x: Tensor, **options: int) -> Tensor:
        """`x @ matrix.T`; `[tokens, rows]` of x `[tokens, columns]`."""
        return torch._cslt_sparse_mm(packed, x.t(), transpose_result=True, **options)

    def search(self, packed: Tensor, x: Tensor) -> dict[str, int]:
        """The options with which `multiply` is fastest for these arguments."""
        alg_id, split_k, split_k_mode, _ = torch._C._cusparselt.mm_search(packed, x.t(), None, None, None, True)
        return {"alg_id": alg_id, "split_k": split_k, "split_k_mode": split_k_mode}


class SemiStructured:
    """2:4: of four neighbours in a row of a matrix the two largest stay, which takes 9 of 16 parts of the bytes."""

    # Least rows, and their multiple, that cuSPARSELt takes.
    _ROWS = 8

    def __init__(self, machine: Machine, model: Model, count: int, library: CuSparseLt | None = None) -> None:
        self.count, self._model, self._library = count, model, library or CuSparseLt()
        self._fused = machine.fuse(lambda rows: reference.combine(*rows.chunk(2, dim=-1), *model.function))
        self._first = [keep_two_of_four(matrix) for matrix in _matrices(machine, model, 0)]
        self._packed = [[self._library.compress(matrix) for matrix in self._first]]
        for index in range(1, count):
            pruned = map(keep_two_of_four, _matrices(machine, model, index))
            self._packed.append([self._library.compress(matrix) for matrix in pruned])
        self.layer_bytes = sum(matrix.nbytes for matrix in self._packed[0])
        self._options: dict[tuple[int, int], dict[str, int]] = {}

    def variants(self, tokens: int) -> Iterator[str]:
        yield from ("default", "search")

    def prepare(self, x: Tensor, variant: str) -> Tensor:
        return _padded(x, -(-len(x) // self._ROWS) * self._ROWS)

    def layer(self, prepared: Tensor, index: int, variant: str) -> Tensor:
        return self._multiply(self._fused(self._multiply(prepared, index, 0, variant)), index, 1, variant)

    def _multiply(self, rows: Tensor, index: int, part: int, variant: str) -> Tensor:
        packed = self._packed[index][part]
        if variant == "default":
            return self._library.multiply(packed, rows)
        # Searched for in the call that is verified, so never in one that is timed.
        key = (len(rows), part)
        if key not in self._options:
            self._options[key] = self._library.search(packed, rows)
        return self._library.multiply(packed, rows, **self._options[key])

    def verify(self, x: Tensor, result: Tensor) -> None:
        weights = _neurons(*self._first)
        exact = reference.float64.ffn(x, weights, None, *self._model.function)
        bound = reference.ffn_error_bound(x, weights, None, *self._model.function)
        worst = float(((result.double() - exact).abs() / bound).max())
        if not worst <= 1:
            raise WrongResultError(f"an element errs by {worst:.3f} of what rounding can explain")


class Fp8:
    """FP8 with one scale a matrix, and one for the inputs and one for the activations that are known beforehand."""

    # vLLM pads calls of few rows to more than 16, of which cuBLAS has a faster kernel.
    _PADDED = 32

    def __init__(self, machine: Machine, model: Model, count: int) -> None:
        self.count, self._model = count, model
        self._layers = [[_quantized(matrix) for matrix in _matrices(machine, model, index)] for index in range(count)]
        self.layer_bytes = sum(matrix.nbytes for matrix, _ in self._layers[0])
        # Up to 6 deviations of inputs, and products of two such values that hardly occur.
        self._input_scale, act_scale = (
            torch.tensor(most / _LARGEST_FP8, dtype=torch.float32, device=machine.device) for most in (6.0, 24.0)
        )
        self._act_scale = act_scale

        def activations(rows: Tensor) -> Tensor:
            return _rounded(reference.combine(*rows.float().chunk(2, dim=-1), *model.function) / act_scale)

        self._fused = machine.fuse(activations)

    def variants(self, tokens: int) -> Iterator[int]:
        """Numbers of rows."""
        yield tokens
        if tokens < self._PADDED:
            yield self._PADDED

    def prepare(self, x: Tensor, variant: int) -> Tensor:
        # Padded before: torch pads no FP8.
        return _rounded(_padded(x, variant).float() / self._input_scale)

    def layer(self, prepared: Tensor, index: int, variant: int) -> Tensor:
        (gate_up, gate_up_scale), (down, down_scale) = self._layers[index]
        act = self._fused(self._multiply(prepared, self._input_scale, gate_up, gate_up_scale))
        return self._multiply(act, self._act_scale, down, down_scale)

    def _multiply(self, rows: Tensor, row_scale: Tensor, matrix: Tensor, scale: Tensor) -> Tensor:
        options = {"scale_a": row_scale, "scale_b": scale, "out_dtype": self._model.dtype, "use_fast_accum": True}
        return torch._scaled_mm(rows, matrix.t(), **options)

    def verify(self, x: Tensor, result: Tensor) -> None:
        weights = _neurons(*(matrix.double() * scale for matrix, scale in self._layers[0]))
        seen = self.prepare(x, len(x)).double() * self._input_scale
        exact = reference.float64.ffn(seen, weights, None, *self._model.function)
        error = float((result.double() - exact).norm() / exact.norm())
        if not error <= _LARGEST_FP8_ERROR:
            raise WrongResultError(f"the result differs by {error:.3f} of its norm from what its weights say")


RIVALS: dict[str, Callable[[Machine, Model, int], Rival]] = {"fp8": Fp8, "semi_structured": SemiStructured}


def keep_two_of_four(matrix: Tensor) -> Tensor:
    """The matrix with zeros in the place of the two smallest magnitudes of every four neighbours in a row."""
    groups = matrix.view(-1, 4)
    largest = groups.abs().topk(2, dim=1, sorted=False).indices
    return torch.zeros_like(groups).scatter_(1, largest, groups.gather(1, largest)).view_as(matrix)


def _matrices(machine: Machine, model: Model, index: int) -> Iterator[Tensor]:
    """Gate and up, and down, of a layer: normal, so that products with values of unit variance have unit variance."""
    generator = torch.Generator(machine.device).manual_seed(index)
    for rows, columns in ((2 * model.intermediate, model.hidden), (model.hidden, model.intermediate)):
        matrix = torch.empty((rows, columns), dtype=model.dtype, device=machine.device)
        yield matrix.normal_(std=columns**-0.5, generator=generator)


def _neurons(gate_up: Tensor, down: Tensor) -> Tensor:
    """`[1, intermediate, 3, hidden]`."""
    gate, up = gate_up.chunk(2)
    return torch.stack((gate, up, down.t()), 1).unsqueeze(0)


def _padded(rows: Tensor, count: int) -> Tensor:
    return functional.pad(rows, (0, 0, 0, count - len(rows)))


def _rounded(values: Tensor) -> Tensor:
    return values.clamp(-_LARGEST_FP8, _LARGEST_FP8).to(_FP8)


def _quantized(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix in FP8 and its scale."""
    scale = matrix.abs().max().float() / _LARGEST_FP8
    return _rounded(matrix.float() / scale), scale
