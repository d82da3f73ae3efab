"""The adapter over recorded interfaces of TensorRT-LLM: `recorded` has their signatures, `plain` what they compute."""

import os
import sys
from pathlib import Path

# Before torch is imported: the tensors here are tiny, and a process that was forked, as ranks are, has none of torch's
# threads left to share work with when several of its own load weights, as in 1.3.
os.environ |= {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

import pytest

RECORDED = Path(__file__).with_name("recorded")
# Registers operators, which a process can do once, and imports nothing of the server.
_KEPT = "turbosparse.tensorrt_llm.operators"


@pytest.fixture(scope="session", params=["1.2", "1.3"])
def version(request):
    """A recorded version, imported and with the models registered."""
    path = str(RECORDED / request.param)
    sys.path.insert(0, path)
    import turbosparse.tensorrt_llm  # noqa: F401

    yield request.param
    sys.path.remove(path)
    for name in list(sys.modules):
        if name.startswith(("tensorrt_llm", "turbosparse.tensorrt_llm")) and name != _KEPT:
            del sys.modules[name]


@pytest.fixture
def python():
    """Runs a fresh interpreter with a recorded version on its path, or with none."""
    import subprocess

    here = Path(__file__).parent
    plugins = here.parents[2] / "plugins"

    def run(code, *, recorded=None, path=()):
        entries = [plugins, here, *path, *([] if recorded is None else [RECORDED / recorded])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, entries)), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)

    return run
