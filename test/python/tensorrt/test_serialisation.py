"""What an engine keeps of a plugin, and what the library does with it."""

import dataclasses

import pytest
from harness.driver import Field
from harness.registry import RUNTIME, number, text
from harness.serialised import checksum, with_multiprocessors
from test_fields import BF16_FIELD, MOE, weights

NAMES = ["TurboSparseFFN", "TurboSparseMoE"]
GIVEN = [text("activation", "reglu"), number("gate_threshold", 0.03), number("threshold", 0.5)]


def by_name(fields: list[Field]) -> dict[str, Field]:
    return {field.name: field for field in fields}


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_comes_back_as_it_was(registry, name):
    fields = registry.create(name, GIVEN).serialize()
    again = registry.create(name, fields, RUNTIME)
    assert again.name == name
    assert again.serialize() == fields
    assert again.clone().serialize() == fields


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_fields_does_not_matter(registry, name):
    fields = registry.create(name, GIVEN).serialize()
    assert registry.create(name, fields[::-1], RUNTIME).serialize() == fields


def test_weights_are_kept(registry):
    pattern = [
        dataclasses.replace(one, data=bytes(range(256)) * (len(one.data) // 256)) for one in weights(64, 8, 64, 8)[:3]
    ]
    given = [*pattern, number("hidden", 64, "int32"), number("experts", 8, "int32")]
    fields = registry.create(MOE, given).serialize()
    kept = by_name(fields)
    for field in given:
        assert kept[field.name] == field
    assert registry.create(MOE, fields, RUNTIME).serialize() == fields


def test_version_and_checksum_are_there(registry):
    kept = by_name(registry.create("TurboSparseFFN").serialize())
    assert kept["format_version"].data == (1).to_bytes(4, "little")
    assert kept["checksum"].data != bytes(8)
    assert set(kept) == {"activation", "gate_threshold", "multiprocessors", "format_version", "checksum"}


def test_checksum_is_that_of_the_described_form(registry):
    fields = registry.create("TurboSparseFFN", [*GIVEN, *weights(64, 10, 64)]).serialize()
    assert by_name(fields)["checksum"].data == checksum(fields)
    changed = with_multiprocessors(fields, 114)
    again = registry.create("TurboSparseFFN", changed, RUNTIME)
    assert again.serialize() == changed != fields


@pytest.mark.parametrize(
    "name", ["gate_threshold", "threshold", "multiprocessors", "format_version", "checksum", "weights"]
)
def test_any_changed_bit_is_seen(registry, logged, name):
    last = logged("finder_of_11", 1)
    fields = registry.create("TurboSparseFFN", [*GIVEN, *weights(64, 10, 64)]).serialize()
    assert registry.create("TurboSparseFFN", fields, RUNTIME) is not None
    for bit in (0, 7):
        changed = [
            dataclasses.replace(field, data=bytes([field.data[0] ^ 1 << bit]) + field.data[1:])
            if field.name == name
            else field
            for field in fields
        ]
        assert registry.create("TurboSparseFFN", changed, RUNTIME) is None
        assert last().endswith(": build the engine again.")


@pytest.mark.parametrize("name", ["gate_threshold", "multiprocessors", "format_version", "checksum", "fc1"])
def test_a_missing_field_is_seen(registry, logged, name):
    last = logged("finder_of_11", 1)
    fields = registry.create("TurboSparseFFN", [*GIVEN, *weights(64, 10, 64)]).serialize()
    assert registry.create("TurboSparseFFN", [one for one in fields if one.name != name], RUNTIME) is None
    assert last().endswith(": build the engine again.")


def test_fields_of_a_network_are_no_engine(registry):
    assert registry.create("TurboSparseFFN", GIVEN, RUNTIME) is None
    assert registry.create("TurboSparseFFN", [Field("weights", BF16_FIELD, bytes(384))], RUNTIME) is None
