"""The record of a run of `speed.py`, and what it prints."""

from __future__ import annotations

from typing import Any

from turbosparse.synthetic import ModelShape

KIND, SCHEMA_VERSION = "turbosparse-serving", 1


def serving_record(
    description: dict[str, Any], model: str, shape: ModelShape, unions: str, sides: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The JSON of one or both of `sides`, `dense` and `sparse`, as `engine.py` writes them.

    `density` and `overlap`, fitted to the growth `unions`, are those planted.
    """
    record = {
        "schemaVersion": SCHEMA_VERSION,
        "kind": KIND,
        **description,
        "model": model,
        "layers": shape.layers,
        "density": shape.density,
        "overlap": shape.overlap,
        "unions": unions,
        **sides,
    }
    if "sparse" in sides:
        shares = sides["sparse"]["densityPerLayer"]
        record["measuredDensity"] = round(sum(shares) / len(shares), 4)
    if len(sides) == 2:
        dense, sparse = _times(sides["dense"]), _times(sides["sparse"])
        record["speedup"] = {call: round(dense[call] / sparse[call], 3) for call in dense}
        record["memoryRatio"] = _memory_ratio(sides["dense"], sides["sparse"])
    return record


def _times(side: dict[str, Any]) -> dict[str, float]:
    """Milliseconds by what was measured: a number of streams, or `prefill`."""
    prefill = side["prefillMilliseconds"]
    return side["millisecondsPerStep"] | ({} if prefill is None else {"prefill": prefill})


def _memory_ratio(dense: dict[str, Any], sparse: dict[str, Any]) -> float | None:
    """Bytes after loading, of those of the dense model with the predictors added."""
    if None in (dense["loadedBytes"], sparse["loadedBytes"]):
        return None
    return round(sparse["loadedBytes"] / (dense["loadedBytes"] + sparse["predictorBytes"]), 4)


def table(record: dict[str, Any]) -> str:
    """What was measured, a row for each number of streams."""
    sides = {name: _times(record[name]) for name in ("dense", "sparse") if name in record}
    columns = [*(f"{name} ms" for name in sides), *(["speed-up"] if "speedup" in record else [])]
    lines = [f"{record['model']}, {record['layers']} layers, {record['gpu'] or 'CPU'}", _row("streams", columns)]
    for call in next(iter(sides.values())):
        values = [f"{times[call]:.2f}" for times in sides.values()]
        lines.append(_row(call, values + ([f"{record['speedup'][call]:.2f}"] if "speedup" in record else [])))
    for name in sides:
        side = record[name]
        loaded = side["loadedBytes"] or side["parameterBytes"]
        lines.append(f"{name}: {loaded / 2**30:.2f} GiB loaded, started in {side['startSeconds']} s")
    if "sparse" in sides:
        shares, unions = record["sparse"]["densityPerLayer"], record["sparse"]["unionByTokens"]
        lines.append(f"density {record['measuredDensity']}, layers {min(shares)} to {max(shares)}")
        lines.append("union   " + ", ".join(f"{share:.3f} ({tokens})" for tokens, share in unions.items()))
    return "\n".join(lines)


def _row(name: str, values: list[str]) -> str:
    return f"{name:>8}" + "".join(f"{value:>11}" for value in values)
