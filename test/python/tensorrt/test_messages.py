"""Errors before there is an error recorder: they go to TensorRT's logger, of whose interface there are two."""

import pytest
from harness.registry import number, text

FINDERS = ["finder_of_10", "finder_of_11"]


@pytest.mark.parametrize("in_a_call", [1, 0], ids=["in a call", "outside of one"])
@pytest.mark.parametrize("finder", FINDERS)
def test_a_refused_field_is_logged(registry, logged, finder, in_a_call):
    last = logged(finder, in_a_call)
    assert registry.create("TurboSparseFFN", [text("activation", "silu")]) is None
    assert last() == "TurboSparseFFN: field `activation` must be drelu or reglu, not `silu`."
    assert registry.create("TurboSparseMoE", [number("rank", 64, "int32")]) is None
    assert last() == (
        "TurboSparseMoE: unknown field `rank`; known are "
        "activation, gate_threshold, threshold, hidden, weights, fc1, fc2, experts."
    )


@pytest.mark.parametrize("finder", FINDERS)
def test_nothing_is_logged_of_what_is_right(registry, logged, tensors, finder):
    last = logged(finder, 1)
    plugin = registry.create("TurboSparseFFN", [text("activation", "reglu")])
    assert plugin.configure(tensors("TurboSparseFFN", True)) == 0
    assert last() == ""


def test_an_unknown_interface_is_left_alone(registry, logged):
    last = logged("finder_of_neither")
    assert registry.create("TurboSparseFFN", [text("activation", "silu")]) is None
    assert last() == ""


def test_an_engine_of_another_form_says_to_build_it_again(registry, logged):
    last = logged("finder_of_11", 1)
    assert registry.create("TurboSparseFFN", [number("format_version", 2, "int32")], "RUNTIME") is None
    assert last() == (
        "TurboSparseFFN: the engine holds this plugin in form 2, this library reads form 1: build the engine again."
    )
