"""The plots of a profile."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from turbosparse.profile.layer import LayerProfile
from turbosparse.profile.page import scale
from turbosparse.profile.page.plot import Plot, Series
from turbosparse.profile.record import mean_union


def profile_plots(layers: Sequence[LayerProfile]) -> list[Plot]:
    """What there is to draw of the layers, which are at least one."""
    predicted = any(layer.recall is not None and layer.precision is not None for layer in layers)
    return [_density(layers), _activity(layers), *([_predictor(layers)] if predicted else []), _unions(layers)]


def _density(layers: Sequence[LayerProfile]) -> Plot:
    band = [(layer.layer, layer.density_p5, layer.density_p95) for layer in layers]
    line = Series("mean", [(layer.layer, layer.density) for layer in layers], band)
    low, high = min(layer.density for layer in layers), max(layer.density for layer in layers)
    return Plot(
        "density",
        "Neurons that a token selects",
        f"Means between {low:.1%} and {high:.1%}; the band holds nine tokens of ten.",
        functools.partial(scale.layers, len(layers)),
        "share of neurons",
        [line],
    )


def _activity(layers: Sequence[LayerProfile]) -> Plot:
    return Plot(
        "activity",
        "Open gates and active neurons",
        "Before any predictor: neurons whose gate is open, those whose activation is not 0, and those selected.",
        functools.partial(scale.layers, len(layers)),
        "share of neurons",
        [
            _by_layer("gate open", layers, lambda layer: layer.gate_open),
            _by_layer("active", layers, lambda layer: layer.active),
            _by_layer("selected", layers, lambda layer: layer.density),
        ],
    )


def _predictor(layers: Sequence[LayerProfile]) -> Plot:
    series = [
        _by_layer("recall", layers, lambda layer: layer.recall),
        _by_layer("precision", layers, lambda layer: layer.precision),
        _by_layer("captured", layers, lambda layer: layer.captured),
    ]
    return Plot(
        "predictor",
        "Selected against active neurons",
        "Recall is the share of the active neurons that is selected, captured that of their magnitudes; precision is "
        "the share of the selected neurons that is active.",
        functools.partial(scale.layers, len(layers)),
        "share",
        series,
    )


def _by_layer(label: str, layers: Sequence[LayerProfile], share: Callable[[LayerProfile], float | None]) -> Series:
    values = [(layer.layer, share(layer)) for layer in layers]
    return Series(label, [(float(index), value) for index, value in values if value is not None])


def _unions(layers: Sequence[LayerProfile]) -> Plot:
    consecutive = [layer.union_consecutive for layer in layers]
    independent = [layer.union_independent for layer in layers]
    mean = mean_union(independent)
    lines = [_union("many prompts", independent), _union("one prompt", consecutive)]
    return Plot(
        "unions",
        "Neurons that some token of a call selects",
        "; ".join(f"{tokens} tokens of different prompts: {share:.1%}" for tokens, share in mean.items()),
        functools.partial(scale.tokens, sorted({*mean, *consecutive[0]})),
        "share of all experts' neurons",
        lines,
    )


def _union(label: str, unions: Sequence[dict[int, float]]) -> Series:
    mean = mean_union(unions)
    band = [(size, min(union[size] for union in unions), max(union[size] for union in unions)) for size in mean]
    return Series(label, list(mean.items()), band)
