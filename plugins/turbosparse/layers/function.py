"""What a layer computes of its weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from turbosparse.reference.activations import ACTIVATIONS
from turbosparse.reference.predictor import default_threshold


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


def selection_threshold(dtype: torch.dtype) -> float:
    """The logit that a kept neuron exceeds in a model that runs in `dtype`.

    Wider dtypes than 16 bits, which only the CPU computes in, resolve `sigmoid` so finely that it is 0.
    """
    return default_threshold(dtype) if dtype in (torch.bfloat16, torch.float16) else 0.0
