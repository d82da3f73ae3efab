"""Lines over layers or tokens as SVG, which the page's style sheet colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from turbosparse.profile.page.markup import Markup, element
from turbosparse.profile.page.scale import Scale, shares, spread

_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 150, 30, 44
_INSET = 12
_LINE_HEIGHT = 15

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line and, if it has one, the band around it as (x, low, high)."""

    label: str
    points: Sequence[Point]
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True)
class Plot:
    """Shares over something; `x` makes that axis between two pixels."""

    id: str
    title: str
    description: str
    x: Callable[[float, float], Scale]
    y_title: str
    series: Sequence[Series]


def draw(plot: Plot) -> Markup:
    """The plot as one `svg` element."""
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    heights = [y for series in plot.series for _, y in series.points]
    heights += [high for series in plot.series for _, _, high in series.band]
    x = plot.x(_LEFT + _INSET, right - _INSET)
    y = shares(plot.y_title, max([0.01, *heights]), bottom, _TOP)
    ends = [y.position(series.points[-1][1]) for series in plot.series]
    tops = spread(ends, _LINE_HEIGHT, _TOP, bottom)
    return element(
        "svg",
        {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "aria_labelledby": f"{plot.id}-title {plot.id}-text"},
        element("title", {"id": f"{plot.id}-title"}, plot.title),
        element("desc", {"id": f"{plot.id}-text"}, plot.description),
        _axes(x, y, right, bottom),
        (_series(series, number, x, y) for number, series in enumerate(plot.series, 1)),
        (
            element("text", {"class": f"label color-{number}", "x": right + 8, "y": top + 4}, series.label)
            for number, (series, top) in enumerate(zip(plot.series, tops), 1)
        ),
    )


def _axes(x: Scale, y: Scale, right: float, bottom: float) -> list[Markup]:
    lines = []
    for value, label in x.ticks:
        at = x.position(value)
        lines.append(element("line", {"class": "grid", "x1": at, "y1": _TOP, "x2": at, "y2": bottom}))
        lines.append(element("text", {"x": at, "y": bottom + 16, "text_anchor": "middle"}, label))
    for value, label in y.ticks:
        at = y.position(value)
        lines.append(element("line", {"class": "grid", "x1": _LEFT, "y1": at, "x2": right, "y2": at}))
        lines.append(element("text", {"x": _LEFT - 7, "y": at + 4, "text_anchor": "end"}, label))
    middle = {"class": "axis-title", "x": (_LEFT + right) / 2, "y": bottom + 36, "text_anchor": "middle"}
    lines.append(element("text", middle, x.title))
    lines.append(element("text", {"class": "axis-title", "x": 4, "y": _TOP - 14}, y.title))
    return lines


def _series(series: Series, number: int, x: Scale, y: Scale) -> Markup:
    def path(points: Sequence[Point]) -> str:
        return "M" + " ".join(f"{x.position(at):.2f},{y.position(share):.2f}" for at, share in points)

    upper = [(at, high) for at, _, high in series.band]
    lower = [(at, low) for at, low, _ in reversed(series.band)]
    return element(
        "g",
        {"class": f"color-{number}"},
        element("path", {"class": "band", "d": path([*upper, *lower]) + "Z"}) if series.band else "",
        element("path", {"class": "line", "d": path(series.points)}),
        (
            element(
                "circle",
                {"class": "marker", "cx": x.position(at), "cy": y.position(share), "r": 3},
                element("title", {}, f"{series.label}, {x.title} {at:g}: {share:.1%}"),
            )
            for at, share in series.points
        ),
    )
