"""The form in which an engine keeps a plugin, written a second time: a change of it must be seen."""

from __future__ import annotations

import dataclasses

from harness.driver import FIELD_BYTES, Field


def checksum(fields: list[Field]) -> bytes:
    """The sum, modulo 2^64, of each field's 64-bit FNV-1a over its name, a zero, its type and its data."""
    total = 0
    for field in fields:
        if field.name == "checksum":
            continue
        state = 0xCBF29CE484222325
        for byte in field.name.encode() + b"\0" + field.type.to_bytes(4, "little") + field.data:
            state = (state ^ byte) * 0x100000001B3 % 2**64
        total += state
    return (total % 2**64).to_bytes(FIELD_BYTES[10], "little")


def with_multiprocessors(fields: list[Field], count: int) -> list[Field]:
    """The fields of an engine that was built on a device of so many multiprocessors."""
    changed = [
        dataclasses.replace(one, data=count.to_bytes(4, "little")) if one.name == "multiprocessors" else one
        for one in fields
    ]
    total = checksum(changed)
    return [dataclasses.replace(one, data=total) if one.name == "checksum" else one for one in changed]
