"""Where values stand on an axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """An axis: its title, its ticks as (value, label), and what turns a value into pixels."""

    title: str
    ticks: Sequence[tuple[float, str]]
    position: Callable[[float], float]


def shares(title: str, highest: float, low: float, high: float) -> Scale:
    """From 0 to at least `highest`, with at most six ticks of round percentages."""
    step = next((step for step in (0.01, 0.02, 0.05, 0.1) if highest <= 5 * step), 0.2)
    count = max(1, math.ceil(highest / step - 1e-9))
    ticks = [(index * step, f"{index * step:.0%}") for index in range(count + 1)]
    return Scale(title, ticks, lambda value: low + (high - low) * value / (count * step))


def layers(count: int, low: float, high: float) -> Scale:
    """Layers 0 to `count - 1`, with at most nine ticks."""
    step = math.ceil(count / 9)
    ticks = [(float(layer), str(layer)) for layer in range(0, count, step)]
    return Scale("layer", ticks, lambda value: low + (high - low) * value / max(count - 1, 1))


def tokens(sizes: Sequence[int], low: float, high: float) -> Scale:
    """Powers of two, equally far apart."""
    span = max(math.log2(sizes[-1]), 1.0)
    ticks = [(float(size), str(size)) for size in sizes]
    return Scale("tokens of a call", ticks, lambda value: low + (high - low) * math.log2(value) / span)


def spread(wishes: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near the wishes, in their order and at least `gap` apart, between `low` and `high` if they fit."""
    order = sorted(range(len(wishes)), key=wishes.__getitem__)
    places = [0.0] * len(wishes)
    least = low
    for index in order:
        places[index] = max(wishes[index], least)
        least = places[index] + gap
    most = high
    for index in reversed(order):
        places[index] = min(places[index], most)
        most = places[index] - gap
    return places
