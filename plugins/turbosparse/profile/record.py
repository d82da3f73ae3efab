"""A profile as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from turbosparse.profile.layer import LayerProfile
from turbosparse.synthetic import fit_overlap

KIND = "turbosparse-profile"
SCHEMA_VERSION = 1
_DIGITS = 5


def layer_json(layer: LayerProfile) -> dict[str, Any]:
    """One entry of `layers`."""
    return {
        "layer": layer.layer,
        "neurons": layer.neurons,
        "experts": layer.experts,
        "density": {
            "mean": _rounded(layer.density),
            "p5": _rounded(layer.density_p5),
            "p95": _rounded(layer.density_p95),
        },
        "gateOpen": _rounded(layer.gate_open),
        "active": _rounded(layer.active),
        "recall": _rounded(layer.recall),
        "precision": _rounded(layer.precision),
        "captured": _rounded(layer.captured),
        "unionDensity": {
            "consecutive": _by_tokens(layer.union_consecutive),
            "independent": _by_tokens(layer.union_independent),
        },
    }


def mean_density(layers: Sequence[LayerProfile]) -> float:
    """Share of neurons that a token selects, over all layers."""
    return sum(layer.density for layer in layers) / len(layers)


def mean_union(unions: Sequence[dict[int, float]]) -> dict[int, float]:
    """Unions by number of tokens, over all layers."""
    return {size: sum(union[size] for union in unions) / len(unions) for size in unions[0]}


def overlap(layers: Sequence[LayerProfile]) -> float | None:
    """That of `turbosparse.synthetic` whose unions are nearest to those of tokens of different prompts.

    None where no token selects a neuron.
    """
    growth = mean_union([layer.union_independent for layer in layers])
    if growth[1] == 0:
        return None
    # Of one token the union is the density, in a mixture times the share of the experts that it visits.
    return fit_overlap(growth, visits=1.0 if layers[0].experts == 1 else min(growth[1] / mean_density(layers), 1.0))


def summary_json(layers: Sequence[LayerProfile]) -> dict[str, Any]:
    """The same over all layers."""
    return {
        "density": _rounded(mean_density(layers)),
        "overlap": _rounded(overlap(layers)),
        "unionDensity": {
            "consecutive": _by_tokens(mean_union([layer.union_consecutive for layer in layers])),
            "independent": _by_tokens(mean_union([layer.union_independent for layer in layers])),
        },
    }


def _by_tokens(shares: dict[int, float]) -> dict[str, float | None]:
    return {str(tokens): _rounded(share) for tokens, share in shares.items()}


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, _DIGITS)
