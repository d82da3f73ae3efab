"""A profile as text."""

from __future__ import annotations

from collections.abc import Sequence

from turbosparse.profile.layer import LayerProfile
from turbosparse.profile.record import mean_density, mean_union, overlap

_HEADS = ("layer", "selected", "p5", "p95", "gate open", "active", "recall", "precision", "captured")


def table(layers: Sequence[LayerProfile]) -> str:
    """One row a layer, then the means over all layers."""
    rows = [_HEADS, *(layer_cells(layer) for layer in layers)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
    lines += ["", f"a token selects {mean_density(layers):.1%} of the neurons, on average over layers"]
    for name, unions in (
        ("one prompt", [layer.union_consecutive for layer in layers]),
        ("different prompts", [layer.union_independent for layer in layers]),
    ):
        shares = ", ".join(f"{share:.1%} ({tokens})" for tokens, share in mean_union(unions).items())
        lines.append(f"some token of {name} selects (tokens): {shares}")
    shared = overlap(layers)
    if shared is not None:
        lines.append(f"for python -m turbosparse.tune: --overlap {shared:.3f}")
    return "\n".join(lines)


def layer_cells(layer: LayerProfile) -> tuple[str, ...]:
    """The layer and its shares, from `density` to `captured`."""
    shares = (
        layer.density,
        layer.density_p5,
        layer.density_p95,
        layer.gate_open,
        layer.active,
        layer.recall,
        layer.precision,
        layer.captured,
    )
    return (str(layer.layer), *map(percent, shares))


def percent(share: float | None) -> str:
    """A share as text, `-` of none."""
    return "-" if share is None else f"{share:.1%}"
