"""The measured crossovers: `turbosparse/tables/*.json`, one file a GPU."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turbosparse.crossover.shape import OperatorShape
from turbosparse.errors import TurboSparseError

TABLES = Path(__file__).parents[1] / "tables"
KIND = "turbosparse-crossover"
SCHEMA_VERSION = 1
# Densities that share an entry: models of 9 and 11 % cross over alike, those of 5 and 15 % do not.
_DENSITY_STEP = 0.05


class TableError(TurboSparseError):
    """A crossover table is not what `python -m turbosparse.tune` writes."""


@dataclass(frozen=True)
class Measured:
    """Times of one call, in us, whose tokens together activate `union_density` of the neurons."""

    tokens: int
    union_density: float
    sparse_microseconds: float
    dense_microseconds: float


@dataclass(frozen=True)
class Entry:
    """Calls of an operator of at least `dense_from_tokens` tokens run dense. `density` is that of one token."""

    operator: str
    shape: OperatorShape
    density: float
    dense_from_tokens: int
    measured: tuple[Measured, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "operator": self.operator,
            "shape": self.shape.as_json(),
            "density": self.density,
            "denseFromTokens": self.dense_from_tokens,
            "measured": [
                {
                    "tokens": one.tokens,
                    "unionDensity": one.union_density,
                    "sparseMicroseconds": one.sparse_microseconds,
                    "denseMicroseconds": one.dense_microseconds,
                }
                for one in self.measured
            ],
        }


@dataclass(frozen=True)
class Table:
    """What was measured on one GPU."""

    gpu: str
    entries: tuple[Entry, ...]


def table_json(description: dict[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    """A table as a file holds it; `description` as `bench.description.describe` returns it."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": KIND,
        **{key: description[key] for key in ("gpu", "driver", "torch", "sourcesSha256")},
        "entries": [entry.as_json() for entry in entries],
    }


def parse(text: str, source: str) -> Table:
    """The table of a JSON text. Raises TableError, naming `source`, when it is none of this version."""
    try:
        value = json.loads(text)
        if (value["kind"], value["schemaVersion"]) != (KIND, SCHEMA_VERSION):
            raise TableError(
                f"{source} is a {value['kind']} of schema version {value['schemaVersion']}, not a {KIND} of version "
                f"{SCHEMA_VERSION}. Write it anew with `python -m turbosparse.tune`."
            )
        return Table(value["gpu"], tuple(_entry(entry) for entry in value["entries"]))
    except (ValueError, KeyError, TypeError) as error:
        reason = f"has no {error}" if isinstance(error, KeyError) else f"cannot be read: {error}"
        raise TableError(f"{source} {reason}. Write it anew with `python -m turbosparse.tune`.") from error


def _entry(value: dict[str, Any]) -> Entry:
    measured = tuple(
        Measured(one["tokens"], one["unionDensity"], one["sparseMicroseconds"], one["denseMicroseconds"])
        for one in value["measured"]
    )
    shape = OperatorShape.from_json(value["shape"])
    return Entry(value["operator"], shape, value["density"], value["denseFromTokens"], measured)


@functools.cache
def shipped() -> tuple[Table, ...]:
    """The tables in the package, in the order of their names."""
    paths = sorted(TABLES.glob("*.json"))
    return tuple(parse(path.read_text(encoding="utf-8"), f"turbosparse/tables/{path.name}") for path in paths)


def find(tables: Iterable[Table], gpu: str, operator: str, shape: OperatorShape, density: float) -> Entry | None:
    """The entry of this GPU, operator, shape and class of density.

    Both paths evaluate the predictor alike, so it matters little: of several entries that of the same bits, if there is
    one, and of the nearest rank.
    """
    entries = [
        entry
        for table in tables
        if table.gpu == gpu
        for entry in table.entries
        if entry.operator == operator
        and _without_predictor(entry.shape) == _without_predictor(shape)
        and density_class(entry.density) == density_class(density)
    ]

    def distance(entry: Entry) -> tuple[bool, int]:
        same_bits = entry.shape.predictor_bits == shape.predictor_bits
        return not same_bits, abs((entry.shape.rank or 0) - (shape.rank or 0))

    return min(entries, key=distance, default=None)


def density_class(density: float) -> int:
    """The multiple of 5 % nearest to a density, at least one."""
    return max(round(density / _DENSITY_STEP), 1)


def _without_predictor(shape: OperatorShape) -> OperatorShape:
    return dataclasses.replace(shape, rank=None, predictor_bits=None)
