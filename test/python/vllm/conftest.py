"""The adapter in a real vLLM on the CPU, found by vLLM through the entry point of `installed`."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Read when vLLM is imported, here and in the processes that it starts.
os.environ |= {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(str(path) for path in (HERE.parents[2] / "plugins", HERE / "installed")),
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_NO_USAGE_STATS": "1",
}


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """No compiled graph and no inspected class of an earlier run."""
    os.environ["VLLM_CACHE_ROOT"] = str(tmp_path_factory.mktemp("cache"))
