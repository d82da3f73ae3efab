"""What a measurement needs to know of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from turbosparse.crossover import OperatorShape
from turbosparse.manifest import manifest

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Model:
    """One layer's shape and function, as in a wheel's manifest.

    `ranks` is empty without a predictor; `predictor_bits` are those that are read of a weight of fc2, 8 or 16.
    """

    name: str
    hidden: int
    intermediate: int
    experts: int
    top_k: int
    activation: str
    gate_threshold: float
    ranks: tuple[int, ...]
    dtype: torch.dtype
    density: float
    predictor_bits: int = 16

    @property
    def predictor(self) -> bool:
        return len(self.ranks) > 0

    @property
    def function(self) -> tuple[str, float]:
        return self.activation, self.gate_threshold

    @property
    def rank(self) -> int | None:
        """The rank measured with: of those that layers have, the one nearest to their mean."""
        if not self.ranks:
            return None
        mean = sum(self.ranks) / len(self.ranks)
        return min(self.ranks, key=lambda rank: abs(rank - mean))

    def shape(self, *, predicts: bool) -> OperatorShape:
        """Of an operator that evaluates the predictor, or of one that does not."""
        return OperatorShape(
            hidden=self.hidden,
            intermediate=self.intermediate,
            experts=self.experts,
            top_k=self.top_k,
            rank=self.rank if predicts else None,
            predictor_bits=self.predictor_bits if predicts else None,
            dtype=next(name for name, dtype in DTYPES.items() if dtype == self.dtype),
            activation=self.activation,
        )


def from_manifest(spec: dict[str, Any], shards: int = 1) -> Model:
    """The model, or one of its equal tensor-parallel shards, which has a share of the neurons: `NAME/2`."""
    return Model(
        name=spec["name"] if shards == 1 else f"{spec['name']}/{shards}",
        hidden=spec["hidden"],
        intermediate=spec["intermediate"] // shards,
        experts=spec["experts"],
        top_k=spec["topK"],
        activation=spec["activation"],
        gate_threshold=spec["gateThreshold"],
        ranks=tuple(spec["predictorRanks"]) if spec["selection"] == "predictor" else (),
        dtype=DTYPES[spec["dtype"]],
        density=spec["density"],
    )


def built_models() -> list[Model]:
    """Those that the wheel was built for, and their shards."""
    specs = (manifest() or {}).get("models", [])
    return [from_manifest(spec, shards) for spec in specs for shards in spec["tensorParallel"]]


def select_models(built: list[Model], names: list[str] | None) -> list[Model]:
    """Those of these names. Raises ValueError naming one that was not built."""
    if names is None:
        return built
    known = {model.name: model for model in built}
    for name in names:
        if name not in known:
            raise ValueError(f"the wheel was not built for {name!r}, only for {', '.join(known) or 'no model'}")
    return [known[name] for name in dict.fromkeys(names)]
