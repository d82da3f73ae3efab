"""What a layer computes of its weights."""

from __future__ import annotations

from dataclasses import dataclass

from turbosparse.reference.activations import ACTIVATIONS


@dataclass(frozen=True)
class Function:
    """The activation of a model's neurons, and how its predictors are kept.

    activation: `"drelu"` or `"reglu"`.
    gate_threshold: FATReLU threshold of `"reglu"`; 0 is ReLU.
    predictor_bits: 16 keeps the second matrix of predictors in the model's dtype, 8 in two int8 planes.
    """

    activation: str
    gate_threshold: float = 0.0
    predictor_bits: int = 16

    def __post_init__(self) -> None:
        """Raises ValueError naming the field that does not fit."""
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be {' or '.join(ACTIVATIONS)}, not {self.activation!r}")
        if not self.gate_threshold >= 0.0:
            raise ValueError(f"gate_threshold must be a number of at least 0, not {self.gate_threshold}")
        if self.gate_threshold != 0.0 and self.activation != "reglu":
            raise ValueError(f"gate_threshold must be 0 with activation {self.activation}, not {self.gate_threshold}")
        if self.predictor_bits not in (8, 16):
            raise ValueError(f"predictor_bits must be 8 or 16, not {self.predictor_bits!r}")
