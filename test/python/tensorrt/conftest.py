"""The plugin library in the plugin registry of a genuine TensorRT runtime, which needs no GPU for it.

`npm test` prepares what is needed and runs this once with each runtime: TURBOSPARSE_HARNESS is a folder that
scripts/tensorrt-harness.mjs has filled, and tensorrt_dispatch_bindings is importable.
"""

import ctypes
import os
from pathlib import Path

import pytest
import tensorrt_dispatch_bindings as trt
from harness.driver import BF16, FLOAT, INT32, Driver, Tensor
from harness.registry import Registry


def pytest_report_header():
    return f"TensorRT {trt.__version__}"


@pytest.fixture(scope="session")
def folder() -> Path:
    return Path(os.environ["TURBOSPARSE_HARNESS"])


@pytest.fixture(scope="session")
def library(folder) -> Path:
    return folder / "turbosparse-tensorrt" / "libturbosparse_trt.so"


@pytest.fixture(scope="session")
def driver(folder) -> Driver:
    return Driver(folder)


@pytest.fixture(scope="session")
def registry(library, driver):
    return Registry(trt, library, driver)


HIDDEN, NEURONS, RANK, EXPERTS, TOP_K = 4096, 1000, 128, 8, 2


@pytest.fixture
def tensors():
    """Inputs and output by plugin, and by whether there is a predictor, in bfloat16 and with one token."""

    def make(name: str, predicts: bool, type_: int = BF16, leading: tuple[int, ...] = (1,), most=None) -> list[Tensor]:
        def rows(last: int, kind: int = type_) -> Tensor:
            return Tensor(kind, (*leading, last), None if most is None else (*most, last))

        mixture = name == "TurboSparseMoE"
        experts = (EXPERTS,) if mixture else ()
        inputs = [rows(HIDDEN)]
        if mixture:
            inputs += [rows(TOP_K, INT32), rows(TOP_K, FLOAT)]
        elif predicts:
            inputs.append(rows(HIDDEN))
        inputs.append(Tensor(type_, (*experts, NEURONS, 3, HIDDEN)))
        if predicts:
            inputs += [Tensor(type_, (*experts, RANK, HIDDEN)), Tensor(type_, (*experts, NEURONS, RANK))]
        return [*inputs, rows(HIDDEN)]

    return make


@pytest.fixture
def logged(folder, library):
    """Gives the library a finder and returns what was logged last; afterwards it has none."""
    loggers = ctypes.CDLL(str(folder / "loggers.so"))
    plugins = ctypes.CDLL(str(library))
    loggers.last_logged.restype = ctypes.c_char_p

    def use(finder: str, *args: int):
        make = getattr(loggers, finder)
        make.restype = ctypes.c_void_p
        loggers.forget_logged()
        plugins.setLoggerFinder(ctypes.c_void_p(make(*args)))
        return lambda: loggers.last_logged().decode()

    yield use
    plugins.setLoggerFinder(None)
