"""The plugin registry of a genuine TensorRT runtime, by way of its own Python module."""

from __future__ import annotations

import array
import ctypes
from collections.abc import Sequence
from pathlib import Path

from harness.driver import Driver, Field, Plugin

BUILD, RUNTIME = "BUILD", "RUNTIME"

# Buffer types whose elements have the size of a field's, by nvinfer1::PluginFieldType. What the elements are does not
# matter: the registry passes on their address and number.
_BUFFERS = {0: "H", 1: "f", 5: "i", 6: "b", 9: "H", 10: "q"}
_KINDS = {"float32": (1, "f"), "int32": (5, "i"), "int64": (10, "q")}


def text(name: str, value: str) -> Field:
    return Field(name, 6, value.encode())


def number(name: str, value: float, kind: str = "float32") -> Field:
    """A field of one float32, int32 or int64."""
    field_type, code = _KINDS[kind]
    return Field(name, field_type, array.array(code, [value]).tobytes())


class Registry:
    """The registry with the library loaded. Raises OSError where TensorRT refuses the library."""

    def __init__(self, trt, library: Path, driver: Driver) -> None:
        self._trt = trt
        self._driver = driver
        self.registry = trt.get_plugin_registry()
        self._kept = []
        self.handle = self.registry.load_library(str(library))
        if self.handle is None:
            raise OSError(f"TensorRT {trt.__version__} did not load {library}")

    def creator(self, name: str, version: str = "1", namespace: str = "turbosparse"):
        return self.registry.get_creator(name, version, namespace)

    def create(self, name: str, fields: Sequence[Field] = (), phase: str = BUILD) -> Plugin | None:
        """A plugin made by the registry's creator; None where that refuses."""
        buffers = [array.array(_BUFFERS[field.type], field.data) for field in fields]
        plugin_fields = [
            self._trt.PluginField(field.name, buffer, self._trt.PluginFieldType(field.type))
            for field, buffer in zip(fields, buffers)
        ]
        collection = self._trt.PluginFieldCollection(plugin_fields)
        plugin = self.creator(name).create_plugin("layer", collection, getattr(self._trt.TensorRTPhase, phase))
        if plugin is None:
            return None
        self._kept.append(plugin)
        return self._driver.plugin(_address(plugin, self._driver))

    def deregister(self) -> None:
        self._kept.clear()
        self.registry.deregister_library(self.handle)


def _address(plugin, driver: Driver) -> int:
    """Of the C++ object, by the protocol through which modules made with pybind11 exchange objects."""
    prefix = "__pybind11_module_local_v11_"
    abi = next(name for name in dir(type(plugin)) if name.startswith(prefix)).removeprefix(prefix).removesuffix("__")
    api = ctypes.pythonapi
    api.PyCapsule_New.restype = ctypes.py_object
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    name = b"St9type_info"
    kind = api.PyCapsule_New(ctypes.c_void_p(driver.library.plugin_type()), name, None)
    capsule = ctypes.py_object(plugin._pybind11_conduit_v1_(abi.encode(), kind, b"raw_pointer_ephemeral"))
    return api.PyCapsule_GetPointer(capsule, ctypes.c_char_p(api.PyCapsule_GetName(capsule)))
