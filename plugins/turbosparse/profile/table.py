"""A profile as text."""

from __future__ import annotations

from collections.abc import Sequence

from turbosparse.profile.layer import LayerProfile
from turbosparse.profile.record import mean_density, mean_union

_HEADS = ("layer", "selected", "p5", "p95", "gate open", "active", "recall", "precision", "captured")


def table(layers: Sequence[LayerProfile]) -> str:
    """One row a layer, then the means over all layers."""
    rows = [_HEADS, *(_row(layer) for layer in layers)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
    lines += ["", f"a token selects {mean_density(layers):.1%} of the neurons, on average over layers"]
    for name, unions in (
        ("one prompt", [layer.union_consecutive for layer in layers]),
        ("different prompts", [layer.union_independent for layer in layers]),
    ):
        shares = ", ".join(f"{share:.1%} ({tokens})" for tokens, share in mean_union(unions).items())
        lines.append(f"some token of {name} selects (tokens): {shares}")
    return "\n".join(lines)


def _row(layer: LayerProfile) -> tuple[str, ...]:
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
    return (str(layer.layer), *("-" if share is None else f"{share:.1%}" for share in shares))
