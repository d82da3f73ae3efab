"""The page: what was measured, plots, and every number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turbosparse.profile.layer import LayerProfile
from turbosparse.profile.page.markup import Child, Markup, element
from turbosparse.profile.page.plot import draw
from turbosparse.profile.page.plots import profile_plots
from turbosparse.profile.table import layer_cells, percent

# No script, and nothing fetched: the browser holds the page to it, whatever a model's name may contain.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_NOTE = (
    "Selected are the neurons that kernels read: those that the predictor keeps, or without one those whose gate is "
    "open. Shares are of the experts that a token is routed to; unions are of all experts' neurons, their bands from "
    "the lowest layer to the highest."
)


def profile_page(facts: dict[str, Any], layers: Sequence[LayerProfile], config: str) -> str:
    """One HTML document that needs nothing else: `facts` in a table, plots and numbers, and the lines for `build`."""
    title = f"turbosparse profile: {facts['model']}"
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    head = element(
        "head",
        {},
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", {}, title),
        Markup(f"<style>\n{style}</style>"),
    )
    figures = [
        element("figure", {}, element("figcaption", {}, plot.title), draw(plot)) for plot in profile_plots(layers)
    ]
    body = element(
        "body",
        {},
        element("h1", {}, "turbosparse profile"),
        _table("What was run", list(facts), [[_text(value) for value in facts.values()]]),
        element("p", {"class": "note"}, _NOTE),
        element("div", {"class": "plots"}, figures),
        _layers_table(layers),
        _union_table(layers),
        element("h2", {}, "turbosparse.yaml"),
        element("pre", {}, config),
    )
    return f"<!doctype html>\n{element('html', {'lang': 'en'}, head, body)}\n"


def _layers_table(layers: Sequence[LayerProfile]) -> Markup:
    heads = [
        "layer",
        "selected",
        "5% of tokens below",
        "5% above",
        "gate open",
        "active",
        "recall",
        "precision",
        "captured",
    ]
    return _table("Layers", heads, [layer_cells(layer) for layer in layers])


def _union_table(layers: Sequence[LayerProfile]) -> Markup:
    sizes = list(layers[0].union_independent)
    heads = ["layer", *(f"{size} {'token' if size == 1 else 'tokens'}" for size in sizes)]
    rows = [
        [str(layer.layer), *(_both(layer.union_independent[size], layer.union_consecutive.get(size)) for size in sizes)]
        for layer in layers
    ]
    return _table("Unions: tokens of different prompts / of one prompt", heads, rows)


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Child]]) -> Markup:
    def row(cells: Sequence[Child]) -> Markup:
        return element("tr", {}, element("th", {"scope": "row"}, cells[0]), (element("td", {}, c) for c in cells[1:]))

    head = element("thead", {}, element("tr", {}, (element("th", {"scope": "col"}, text) for text in heads)))
    table = element("table", {}, element("caption", {}, caption), head, element("tbody", {}, map(row, rows)))
    return element("div", {"class": "table", "role": "region", "aria_label": caption, "tabindex": 0}, table)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _both(independent: float, consecutive: float | None) -> str:
    return f"{percent(independent)} / {percent(consecutive)}"
