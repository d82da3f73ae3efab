"""The TensorRT plugins on a GPU, made by the plugin registry of a genuine TensorRT runtime:

    npx zx scripts/tensorrt-carry.mjs --out .carry/tensorrt        # on any machine: builds, and gets both runtimes
    export TURBOSPARSE_HARNESS=$PWD/.carry/tensorrt                # on the one with the GPU, for each runtime
    PYTHONPATH=$TURBOSPARSE_HARNESS/runtime-11.4 python -m pytest test/gpu/tensorrt

Needed there are torch with CUDA and pytest, but no compiler and no network. Nothing is skipped: where something is
missing, that ends the run.
"""

import json
import os
from pathlib import Path

import pytest
import torch
from harness.driver import Driver
from harness.registry import Registry
from turbosparse.bench.model import Model, from_manifest

torch.manual_seed(0)


def _folder() -> Path:
    return Path(os.environ.get("TURBOSPARSE_HARNESS", ""))


def _manifest() -> Path:
    return _folder() / "turbosparse-tensorrt" / "manifest.json"


def pytest_configure(config):
    if not torch.cuda.is_available():
        pytest.exit("test/gpu/tensorrt needs a CUDA device, and torch finds none", returncode=3)
    if "TURBOSPARSE_HARNESS" not in os.environ or not _manifest().is_file():
        pytest.exit("TURBOSPARSE_HARNESS must name the folder that scripts/tensorrt-carry.mjs filled", returncode=3)
    try:
        import tensorrt_dispatch_bindings  # noqa: F401
    except ImportError as error:
        pytest.exit(f"put a runtime-… folder of TURBOSPARSE_HARNESS into PYTHONPATH: {error}", returncode=3)
    # The dense path is what errors are compared with: it must not accumulate in less than float32.
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False


def pytest_report_header():
    import tensorrt_dispatch_bindings as trt

    return f"TensorRT {trt.__version__} on {torch.cuda.get_device_name()}, torch {torch.__version__}"


# Test arguments that stand for one model of a kind, and the kinds.
_KINDS = {
    "model": lambda model: True,
    "predictor_ffn": lambda model: model.experts == 1 and model.predictor,
}


def pytest_generate_tests(metafunc):
    for argument, belongs in _KINDS.items():
        if argument in metafunc.fixturenames:
            models = _models(belongs)
            metafunc.parametrize(argument, models, ids=[model.name for model in models])


def _models(belongs) -> list[Model]:
    built = [from_manifest(spec) for spec in json.loads(_manifest().read_text())["models"]]
    models = [model for model in built if belongs(model)]
    if not models:
        pytest.exit("the library was built without a model that a test needs", returncode=3)
    return models


@pytest.fixture(scope="session")
def driver() -> Driver:
    return Driver(_folder())


@pytest.fixture(scope="session")
def registry(driver) -> Registry:
    import tensorrt_dispatch_bindings as trt

    return Registry(trt, _folder() / "turbosparse-tensorrt" / "libturbosparse_trt.so", driver)
