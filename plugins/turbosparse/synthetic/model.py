"""Whole checkpoints in the released layout, of any size, never held in memory."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Generator, Tensor

from turbosparse.synthetic.config import config_json
from turbosparse.synthetic.population import ANCHOR, BRANCH, population_fc1, population_fc2, population_gate
from turbosparse.synthetic.shapes import ModelShape
from turbosparse.synthetic.writer import TensorPlan, write_checkpoint
from turbosparse.weights.layouts import LAYOUTS


def write_model(
    folder: str | Path,
    shape: ModelShape,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    shard_bytes: int = 5_000_000_000,
    data: bool = True,
    branch: float = BRANCH,
) -> None:
    """Write a checkpoint whose layers activate a share `shape.density` of their neurons (of each expert).

    With ranks the predictors do, otherwise the gates. A tensor depends on the seed, its name and the kind of device
    alone, not on the other tensors. `shard_bytes` and `data` as `writer.write_checkpoint`. `branch` is the scale of
    attention and FFN outputs: with one near 1 they decide what the model says, and densities are no longer as planned.
    """
    plans = list(_Plans(shape, seed, torch.device(device), branch).all())
    write_checkpoint(Path(folder), config_json(shape), plans, shard_bytes, data=data)


class _Plans:
    def __init__(self, shape: ModelShape, seed: int, device: torch.device, branch: float) -> None:
        self.shape, self.seed, self.device, self.branch = shape, seed, device, branch
        self.dtype = getattr(torch, shape.dtype)

    def all(self) -> Iterator[TensorPlan]:
        shape = self.shape
        yield self._plan("model.embed_tokens.weight", (shape.vocab, shape.hidden), self._embedding)
        for layer in range(shape.layers):
            yield from self._attention(layer)
            yield from self._feed_forward(layer)
        yield self._ones("model.norm.weight")
        yield self._matrix("lm_head.weight", shape.vocab, shape.hidden)

    def _attention(self, layer: int) -> Iterator[TensorPlan]:
        shape, prefix = self.shape, f"model.layers.{layer}."
        yield self._ones(prefix + "input_layernorm.weight")
        yield self._ones(prefix + "post_attention_layernorm.weight")
        queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        for name, rows in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
            yield self._matrix(f"{prefix}self_attn.{name}.weight", rows, shape.hidden)
            if shape.family == "qwen2":
                yield self._plan(f"{prefix}self_attn.{name}.bias", (rows,), lambda g, rows=rows: torch.zeros(rows))
        yield self._branch(f"{prefix}self_attn.o_proj.weight", queries)

    def _feed_forward(self, layer: int) -> Iterator[TensorPlan]:
        shape, layout = self.shape, LAYOUTS[self.shape.family]
        routers = {"turbosparsemixtral": "gate", "smallthinker": "primary_router"}
        if shape.family in routers:
            router = f"model.layers.{layer}.block_sparse_moe.{routers[shape.family]}.weight"
            yield self._matrix(router, shape.experts, shape.hidden)
        for expert in range(shape.experts):
            size = (shape.hidden, shape.intermediate)
            gate = layout.name(layout.gate, layer, expert)
            if shape.ranks:
                yield self._matrix(gate, shape.intermediate, shape.hidden)
            else:
                make = functools.partial(population_gate, *size, shape.density, shape.overlap, self.dtype)
                yield self._plan(gate, size[::-1], make)
            yield self._matrix(layout.name(layout.up, layer, expert), shape.intermediate, shape.hidden)
            yield self._branch(layout.name(layout.down, layer, expert), shape.intermediate)
            if shape.ranks and layout.fc1 is not None and layout.fc2 is not None:
                yield from self._predictor(
                    layout.name(layout.fc1, layer, expert), layout.name(layout.fc2, layer, expert), shape.ranks[layer]
                )

    def _predictor(self, fc1: str, fc2: str, rank: int) -> Iterator[TensorPlan]:
        shape = self.shape
        make_fc1 = functools.partial(population_fc1, shape.hidden, rank, self.dtype)
        make_fc2 = functools.partial(population_fc2, shape.intermediate, rank, shape.density, shape.overlap, self.dtype)
        yield self._plan(fc1, (rank, shape.hidden), make_fc1)
        yield self._plan(fc2, (shape.intermediate, rank), make_fc2)

    def _matrix(self, name: str, rows: int, columns: int) -> TensorPlan:
        return self._plan(
            name, (rows, columns), lambda generator: self._normal(rows, columns, columns**-0.5, generator)
        )

    def _branch(self, name: str, columns: int) -> TensorPlan:
        def make(generator: Generator) -> Tensor:
            values = self._normal(self.shape.hidden, columns, self.branch * columns**-0.5, generator)
            values[0] = 0
            return values

        return self._plan(name, (self.shape.hidden, columns), make)

    def _ones(self, name: str) -> TensorPlan:
        return self._plan(name, (self.shape.hidden,), lambda _: torch.ones(self.shape.hidden))

    def _embedding(self, generator: Generator) -> Tensor:
        values = self._normal(self.shape.vocab, self.shape.hidden, 1.0, generator)
        values[:, 0] = ANCHOR
        return values

    def _normal(self, rows: int, columns: int, deviation: float, generator: Generator) -> Tensor:
        values = torch.empty((rows, columns), dtype=self.dtype, device=self.device)
        return values.normal_(0, deviation, generator=generator)

    def _plan(self, name: str, size: tuple[int, ...], make: Callable[[Generator], Tensor]) -> TensorPlan:
        return TensorPlan(name, size, self.dtype, lambda: make(self._seeded(name)).to(self.dtype))

    def _seeded(self, name: str) -> Generator:
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        return Generator(self.device).manual_seed(int.from_bytes(digest[:7], "little"))
