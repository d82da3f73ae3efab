"""Loading, finding and making the plugins by TensorRT's own registry."""

import subprocess
import sys

import pytest
import tensorrt_dispatch_bindings as trt
from harness.driver import BF16
from harness.registry import number, text

NAMES = ["TurboSparseFFN", "TurboSparseMoE"]


def test_library_loads(registry):
    assert registry.handle is not None


def test_creators_are_registered(registry):
    found = {(one.name, one.plugin_version, one.plugin_namespace) for one in registry.registry.all_creators}
    assert {(name, "1", "turbosparse") for name in NAMES} <= found


@pytest.mark.parametrize("name", NAMES)
def test_creators_are_found_by_name_version_and_namespace_only(registry, name):
    assert registry.creator(name) is not None
    assert registry.creator(name, version="2") is None
    assert registry.creator(name, namespace="") is None


def test_creators_list_their_fields(registry):
    kinds = trt.PluginFieldType
    ffn = {
        "activation": kinds.CHAR,
        "gate_threshold": kinds.FLOAT32,
        "threshold": kinds.FLOAT32,
        "hidden": kinds.INT32,
        "weights": kinds.BF16,
        "fc1": kinds.BF16,
        "fc2": kinds.BF16,
    }
    assert {field.name: field.type for field in registry.creator(NAMES[0]).field_names} == ffn
    moe = {field.name: field.type for field in registry.creator(NAMES[1]).field_names}
    assert moe == ffn | {"experts": kinds.INT32}


@pytest.mark.parametrize("name", NAMES)
def test_plugin_and_clone(registry, name):
    plugin = registry.create(name, [text("activation", "reglu"), number("gate_threshold", 0.25)])
    clone = plugin.clone()
    assert (plugin.name, clone.name) == (name, name)
    assert clone.pointer.value != plugin.pointer.value
    assert clone.serialize() == plugin.serialize()


def test_registry_can_let_go_of_the_library(folder, library):
    """In a process of its own: the others use the library."""
    code = f"""
import tensorrt_dispatch_bindings as trt
from pathlib import Path
from harness.driver import Driver
from harness.registry import Registry
registry = Registry(trt, Path({str(library)!r}), Driver(Path({str(folder)!r})))
assert registry.create("TurboSparseFFN") is not None
registry.deregister()
assert registry.creator("TurboSparseFFN") is None
again = Registry(trt, Path({str(library)!r}), Driver(Path({str(folder)!r})))
assert again.create("TurboSparseMoE") is not None
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=sys.path[0], check=False)
    assert result.returncode == 0, result.stderr


def test_output_is_of_the_type_and_shape_of_x(registry, tensors):
    for name in NAMES:
        for predicts in (True, False):
            inputs = tensors(name, predicts, leading=(2, 3))[:-1]
            plugin = registry.create(name)
            assert plugin.output_type(inputs) == BF16
            assert plugin.output_is_like_x(inputs)
