"""HTML and SVG that is safe to write as it is, because every plain string gets escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Union

Child = Union["Markup", str, int, float, Iterable["Child"]]


class Markup(str):
    """A string that is HTML already."""

    __slots__ = ()


def element(name: str, attributes: dict[str, str | float] | None = None, *children: Child) -> Markup:
    """An element; coordinates are rounded to hundredths of a pixel, and an underscore in a name stands for a hyphen."""
    written = "".join(
        f' {key.replace("_", "-")}="{html.escape(_plain(value))}"' for key, value in (attributes or {}).items()
    )
    return Markup(f"<{name}{written}>{''.join(map(_render, children))}</{name}>")


def _render(child: Child) -> str:
    if isinstance(child, Markup):
        return child
    if isinstance(child, (str, int, float)):
        return html.escape(_plain(child))
    return "".join(map(_render, child))


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
