"""The methods of a plugin, called through driver.cc as TensorRT calls them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FLOAT, HALF, INT32, BF16 = 0, 1, 3, 7
"""Of nvinfer1::DataType."""

FIELD_BYTES = {0: 2, 1: 4, 5: 4, 6: 1, 9: 2, 10: 8}
"""Of one element of a field, by nvinfer1::PluginFieldType."""

_Dims = ctypes.c_int64 * 8


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("dims", _Dims),
        ("least", _Dims),
        ("most", _Dims),
    )


class _Field(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("type", ctypes.c_int32),
        ("length", ctypes.c_int32),
    )


@dataclass(frozen=True)
class Tensor:
    """Shape and type of an input or the output; with `most` the tokens are dynamic, of `shape` to `most`."""

    type: int
    shape: tuple[int, ...]
    most: tuple[int, ...] | None = None

    def c(self) -> _Tensor:
        most = self.shape if self.most is None else self.most
        dims = [size if size == limit else -1 for size, limit in zip(self.shape, most)]
        return _Tensor(self.type, len(self.shape), _Dims(*dims), _Dims(*self.shape), _Dims(*most))


@dataclass(frozen=True)
class Field:
    """A serialised field: its bytes, and its nvinfer1::PluginFieldType."""

    name: str
    type: int
    data: bytes


class Driver:
    """driver.so, whose folder also has loggers.so."""

    def __init__(self, folder: Path) -> None:
        self.library = ctypes.CDLL(str(folder / "driver.so"))
        for name, result in {
            "plugin_type": ctypes.c_void_p,
            "plugin_name": ctypes.c_char_p,
            "plugin_clone": ctypes.c_void_p,
            "attach": ctypes.c_void_p,
            "workspace_size": ctypes.c_int64,
            "recorder_create": ctypes.c_void_p,
            "recorder_text": ctypes.c_char_p,
        }.items():
            getattr(self.library, name).restype = result

    def plugin(self, pointer: int) -> Plugin:
        return Plugin(self, pointer)


def _array(tensors: Sequence[Tensor]) -> ctypes.Array:
    return (_Tensor * len(tensors))(*(tensor.c() for tensor in tensors))


class Recorder:
    """An IErrorRecorder."""

    def __init__(self, driver: Driver) -> None:
        self._library = driver.library
        self.pointer = self._library.recorder_create()

    def __del__(self) -> None:
        self._library.recorder_destroy(ctypes.c_void_p(self.pointer))

    @property
    def errors(self) -> list[tuple[int, str]]:
        """nvinfer1::ErrorCode and text of each, in the order they came."""
        recorder = ctypes.c_void_p(self.pointer)
        return [
            (self._library.recorder_code(recorder, index), self._library.recorder_text(recorder, index).decode())
            for index in range(self._library.recorder_count(recorder))
        ]


class Plugin:
    """An IPluginV3; one that `clone` or `attach` made is this object's own. Tensors are the inputs and the output."""

    def __init__(self, driver: Driver, pointer: int, own: bool = False, recorder: Recorder | None = None) -> None:
        self._driver = driver
        self._library = driver.library
        self._own = own
        self._recorder = recorder
        self.pointer = ctypes.c_void_p(pointer)

    def __del__(self) -> None:
        if self._own:
            self._library.plugin_destroy(self.pointer)

    @property
    def name(self) -> str:
        return self._library.plugin_name(self.pointer).decode()

    def clone(self) -> Plugin:
        return Plugin(self._driver, self._library.plugin_clone(self.pointer), own=True)

    def output_type(self, inputs: Sequence[Tensor]) -> int:
        return self._library.output_type(self.pointer, _array(inputs), len(inputs))

    def output_is_like_x(self, inputs: Sequence[Tensor]) -> bool:
        return self._library.output_is_like_x(self.pointer, _array(inputs), len(inputs)) == 1

    def supports(self, position: int, tensors: Sequence[Tensor], linear: bool = True) -> bool:
        count = len(tensors) - 1
        return self._library.supports(self.pointer, position, _array(tensors), count, int(linear)) == 1

    def configure(self, tensors: Sequence[Tensor]) -> int:
        return self._library.configure(self.pointer, _array(tensors), len(tensors) - 1)

    def workspace_size(self, tensors: Sequence[Tensor]) -> int:
        return self._library.workspace_size(self.pointer, _array(tensors), len(tensors) - 1)

    def attach(self, recorder: Recorder) -> Plugin | None:
        pointer = self._library.attach(self.pointer, ctypes.c_void_p(recorder.pointer))
        return None if pointer is None else Plugin(self._driver, pointer, own=True, recorder=recorder)

    def shape_change(self, tensors: Sequence[Tensor]) -> int:
        return self._library.shape_change(self.pointer, _array(tensors), len(tensors) - 1)

    def enqueue(
        self, tensors: Sequence[Tensor], inputs: Sequence[int], output: int, workspace: int, stream: int = 0
    ) -> int:
        """Pointers are device addresses, `stream` a cudaStream_t."""
        addresses = (ctypes.c_void_p * len(inputs))(*inputs)
        rest = [ctypes.c_void_p(value) for value in (output, workspace, stream)]
        return self._library.enqueue(self.pointer, _array(tensors), len(inputs), addresses, *rest)

    def serialize(self) -> list[Field]:
        fields = (_Field * 16)()
        count = self._library.serialize(self.pointer, fields, len(fields))
        assert count >= 0, "the plugin gives no fields"
        return [
            Field(one.name.decode(), one.type, ctypes.string_at(one.data, one.length * FIELD_BYTES[one.type]))
            for one in fields[:count]
        ]
