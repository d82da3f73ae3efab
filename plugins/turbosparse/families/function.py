"""What the user says of a model: the dictionary `turbosparse` of config.json, or of what a server lays over it."""

from __future__ import annotations

import json
import math
from typing import Any

from turbosparse.errors import TurboSparseError
from turbosparse.families.family import Activations
from turbosparse.layers import Function

_KEYS = ("activation", "gate_threshold", "predictor_bits")
# Of the load format that makes weights instead of reading them.
_SYNTHETIC_KEYS = ("density", "overlap", "predictor_ranks")


def read_function(config: Any, activations: Activations, *, overrides: str | None = None) -> Function:
    """What the FFNs of a model with this config compute.

    Published FATReLU models write `"hidden_act": "fatrelu"` with the threshold in `hidden_act_param`.

    Args:
        config: any object with the keys of config.json as attributes.
        overrides: the server's option that changes keys of config.json, None where it has none: for sentences.

    Raises:
        TurboSparseError: the config's `hidden_act` leaves no neuron inactive, or a key of `turbosparse` is unknown,
            missing or does not fit.
    """
    say = _Wording(overrides)
    options = _options(config, say)
    hidden_act = getattr(config, "hidden_act", None)
    if hidden_act not in ("relu", "fatrelu"):
        raise TurboSparseError(
            f'config.json: "hidden_act" is {hidden_act!r}, expected "relu" or "fatrelu": only models of the ReLU '
            "family have inactive neurons to skip. Serve this one without the override of its architecture."
        )
    activation = options.get("activation", activations.known[0] if activations.has_default else None)
    if activation not in activations.known:
        known = " or ".join(activations.known)
        raise TurboSparseError(
            f"{say.where('activation')} must be {known}, found {activation!r}: config.json cannot tell them apart. "
            f"{say.example('activation', activations.known[0])}"
        )
    threshold = options.get("gate_threshold")
    if threshold is None:
        threshold = getattr(config, "hidden_act_param", None) if hidden_act == "fatrelu" else 0.0
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold < math.inf:
        raise TurboSparseError(
            f"{say.where('gate_threshold')} must be a number of at least 0, found {threshold!r}. "
            f"{say.example('gate_threshold', 0.01)}"
        )
    try:
        return Function(activation, float(threshold), options.get("predictor_bits", 16))
    except ValueError as error:
        raise TurboSparseError(f"turbosparse: {error}") from error


def _options(config: Any, say: _Wording) -> dict[str, Any]:
    options = getattr(config, "turbosparse", None) or {}
    if not isinstance(options, dict):
        raise TurboSparseError(f'config.json: "turbosparse" must be a dictionary, found {options!r}')
    unknown = sorted(set(options) - {*_KEYS, *_SYNTHETIC_KEYS})
    if unknown:
        raise TurboSparseError(f"{say.where(unknown[0])} is not known; known keys are {', '.join(_KEYS)}")
    return options


class _Wording:
    def __init__(self, overrides: str | None) -> None:
        self.overrides = overrides

    def where(self, key: str) -> str:
        place = "config.json" if self.overrides is None else f"config.json or {self.overrides}"
        return f'the key "{key}" of "turbosparse" in {place}'

    def example(self, key: str, value: Any) -> str:
        text = json.dumps({"turbosparse": {key: value}})
        return f"For example: {text[1:-1]}" if self.overrides is None else f"For example: {self.overrides} '{text}'"
