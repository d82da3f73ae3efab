"""The results as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_COLUMNS = ("operator", "tokens", "density", "union", "path", "us", "dense us", "speed-up", "GB/s", "of the roof")


def table(record: dict[str, Any]) -> str:
    """One row a result, under a heading for each shape. Text is on the left of its column, numbers on the right."""
    lines = [
        f"{record['gpu']}, roof {record['copyGigabytesPerSecond']} GB/s, torch {record['torch']}, "
        f"turbosparse {record['turbosparse']}"
    ]
    shapes: dict[str, list[tuple[str, ...]]] = {}
    for result in record["results"]:
        shapes.setdefault(_heading(result["shape"]), []).append(_row(result))
    for heading, rows in shapes.items():
        lines += ["", heading, *_aligned([_COLUMNS, *rows])]
    return "\n".join(lines)


def _heading(shape: dict[str, Any]) -> str:
    experts = "" if shape["experts"] == 1 else f", {shape['experts']} experts, top {shape['topK']}"
    size = f"{shape['hidden']} x {shape['intermediate']}{experts}"
    return f"{size}, {shape['activation']}, {shape['dtype']}, {shape['layers']} layers"


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    dense, speedup = result["denseMicroseconds"], result["speedup"]
    return (
        result["operator"],
        str(result["tokens"]),
        f"{result['density']:.1%}",
        f"{result['unionDensity']:.1%}",
        result["path"],
        f"{result['microseconds']:.2f}",
        "-" if dense is None else f"{dense:.2f}",
        "-" if speedup is None else f"{speedup:.2f}",
        str(result["gigabytesPerSecond"]),
        f"{result['roofShare']:.0%}",
    )


def _aligned(rows: list[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    text = {_COLUMNS.index("operator"), _COLUMNS.index("path")}
    for row in rows:
        cells = [
            cell.ljust(width) if column in text else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        yield "  ".join(cells).rstrip()
