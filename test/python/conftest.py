import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

# Tests of the adapters and of other engines, which need a server, transformers, TensorRT or CMake and run in an
# environment that has them.
collect_ignore = ["cpp", "tensorrt", "tensorrt_llm", "vllm"]

# The tensors here are tiny: waking a second thread costs more than it computes, many times more on a busy machine.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def python():
    """Runs a fresh interpreter that can import the package and sees no GPU."""
    plugins = Path(__file__).parents[2] / "plugins"
    env = os.environ | {"PYTHONPATH": str(plugins), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}

    def run(*args):
        command = [sys.executable, *args]
        return subprocess.run(command, capture_output=True, text=True, env=env, timeout=300, check=False)

    return run
