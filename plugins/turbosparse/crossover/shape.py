"""The shape of an operator's call, tokens apart: what a measurement is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OperatorShape:
    """Sizes of one layer, in elements.

    `rank` and `predictor_bits`, 8 or 16 a weight, are None where the operator evaluates no predictor. `dtype` is
    `"bf16"` or `"fp16"`, `activation` `"drelu"` or `"reglu"`; `top_k` is 1 for one expert.
    """

    hidden: int
    intermediate: int
    experts: int
    top_k: int
    rank: int | None
    predictor_bits: int | None
    dtype: str
    activation: str

    def as_json(self) -> dict[str, Any]:
        """With the keys of records and tables."""
        return {key: getattr(self, field) for key, field in _KEYS.items()}

    def values(self) -> tuple[int | str | None, ...]:
        """The fields in their order."""
        return tuple(getattr(self, field) for field in _KEYS.values())

    @staticmethod
    def from_json(value: dict[str, Any]) -> OperatorShape:
        """The inverse of `as_json`. Raises KeyError on a missing key; other keys are left alone."""
        return OperatorShape(**{field: value[key] for key, field in _KEYS.items()})


_KEYS = {
    "hidden": "hidden",
    "intermediate": "intermediate",
    "experts": "experts",
    "topK": "top_k",
    "rank": "rank",
    "predictorBits": "predictor_bits",
    "dtype": "dtype",
    "activation": "activation",
}
