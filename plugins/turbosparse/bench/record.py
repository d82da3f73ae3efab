"""The record of a run: one JSON file, whole after every result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from turbosparse.errors import TurboSparseError
from turbosparse.files import replace_file

KIND = "turbosparse-bench"
SCHEMA_VERSION = 1
# What must not change between the results of one record.
_SAME = ("gpu", "driver", "torch", "cuda", "turbosparse", "archs", "nvcc", "sourcesSha256")
_IDENTITY = ("operator", "shape", "tokens", "density")


class RecordError(TurboSparseError):
    """A record cannot be read or written, or was made elsewhere than where it is to be continued."""


class Record:
    """A header, the roof in bytes a second, and results in the order in which they were measured."""

    def __init__(self, description: dict[str, Any], roof: float, results: list[dict[str, Any]]) -> None:
        self.description, self.roof, self.results = description, roof, results

    def as_json(self) -> dict[str, Any]:
        return {
            "schemaVersion": SCHEMA_VERSION,
            "kind": KIND,
            **self.description,
            "copyGigabytesPerSecond": round(self.roof / 1e9),
            "results": self.results,
        }

    def find(self, identity: dict[str, Any]) -> dict[str, Any] | None:
        """The result of this operator, shape, tokens and density."""
        return next((result for result in self.results if all(result[key] == identity[key] for key in _IDENTITY)), None)

    def add(self, result: dict[str, Any]) -> None:
        self.results.append(result)


def resume(path: Path, description: dict[str, Any]) -> Record:
    """The record in a file. Raises RecordError unless it was made with what is described."""
    value = _load(path)
    for key in _SAME:
        if value.get(key) != description[key]:
            raise RecordError(
                f"{path} cannot be continued: it was measured with {key} {value.get(key)!r}, and here it is "
                f"{description[key]!r}. Begin another record with --out."
            )
    # The commit is not measured, so that of the record stands.
    return Record(description | {"commit": value["commit"]}, value["copyGigabytesPerSecond"] * 1e9, value["results"])


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecordError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict) or (value.get("kind"), value.get("schemaVersion")) != (KIND, SCHEMA_VERSION):
        raise RecordError(f"{path} is not a {KIND} record of schema version {SCHEMA_VERSION}")
    return value


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replaces the file in one step. Raises RecordError when it cannot be written; what was there then stays."""
    try:
        replace_file(path, json.dumps(value, indent=2) + "\n")
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}") from error
