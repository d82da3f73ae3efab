"""Which device and which models: those of the installed wheel."""

import pytest
import torch
from models import for_dry_run
from turbosparse import __version__, crossover
from turbosparse.bench.model import Model, from_manifest
from turbosparse.manifest import manifest

torch.manual_seed(0)


def pytest_addoption(parser):
    parser.addoption("--device", default="cuda", choices=["cuda", "cpu"], help="cpu is a dry run of the tests' logic")


def pytest_configure(config):
    if config.getoption("--device") == "cpu":
        torch.set_num_threads(1)
        return
    if not torch.cuda.is_available():
        pytest.exit("test/gpu needs a CUDA device, and torch finds none (--device cpu is a dry run)", returncode=3)
    if manifest() is None:
        pytest.exit("test/gpu needs an installed wheel: the imported turbosparse is a source tree", returncode=3)
    # The dense path is what errors are compared with: it must not accumulate in less than float32.
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False


def pytest_report_header(config):
    if config.getoption("--device") == "cpu":
        return "device: cpu, a dry run that tests no kernel"
    return f"turbosparse {__version__} on {torch.cuda.get_device_name()}, torch {torch.__version__}"


def pytest_collection_modifyitems(config, items):
    if config.getoption("--device") == "cpu":
        kept = [item for item in items if item.get_closest_marker("cuda") is None]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


def _models(config) -> list[Model]:
    if config.getoption("--device") == "cpu":
        return for_dry_run()
    return [from_manifest(spec) for spec in manifest()["models"]]


# Test arguments that stand for one model of a kind, and the kinds.
_KINDS = {
    "model": lambda model: True,
    "dense_model": lambda model: model.experts == 1,
    "predictor_model": lambda model: model.experts == 1 and model.predictor,
    "any_predictor_model": lambda model: model.predictor,
    "gate_first_model": lambda model: model.experts == 1 and not model.predictor,
    "mixture_model": lambda model: model.experts > 1,
    "predictor_mixture_model": lambda model: model.experts > 1 and model.predictor,
}


def pytest_generate_tests(metafunc):
    for argument, belongs in _KINDS.items():
        if argument in metafunc.fixturenames:
            models = [model for model in _models(metafunc.config) if belongs(model)]
            if not models:
                pytest.exit(f"the wheel has no {argument}: build it with test/gpu/turbosparse.yaml", returncode=3)
            metafunc.parametrize(argument, models, ids=[model.name for model in models])


@pytest.fixture(scope="session")
def device(pytestconfig):
    return pytestconfig.getoption("--device")


@pytest.fixture(autouse=True)
def sparse_kernels():
    """What is tested is the kernels, also where dense GEMMs would be faster."""
    with crossover.override(crossover.MOST_SPARSE_TOKENS + 1):
        yield
