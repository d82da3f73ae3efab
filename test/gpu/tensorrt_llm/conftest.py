"""The adapter on a GPU with the wheel's kernels, over the recorded interfaces of test/python/tensorrt_llm."""

import sys
from pathlib import Path

import pytest

PYTHON_TESTS = Path(__file__).parents[2] / "python"
# Of the interfaces only where things are and what they are called differs, which tests on the CPU cover.
VERSION = "1.3"


def pytest_configure(config):
    sys.path[:0] = [
        str(PYTHON_TESTS / "tensorrt_llm"),
        str(PYTHON_TESTS / "tensorrt_llm" / "recorded" / VERSION),
        str(PYTHON_TESTS / "vllm"),
    ]


@pytest.fixture(scope="session", autouse=True)
def _registered():
    import turbosparse.tensorrt_llm  # noqa: F401
