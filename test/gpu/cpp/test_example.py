"""The C++ bundle's example on a GPU: compiled with nvcc against the shared library and against the static one, and run.

`npx zx scripts/tensorrt-carry.mjs` fills the folder that TURBOSPARSE_HARNESS names; nvcc is that of PATH.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

BUNDLE = Path(os.environ["TURBOSPARSE_HARNESS"]) / "turbosparse-cpp"


@pytest.fixture(scope="module", params=["shared", "static"])
def program(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("example") / "ffn"
    source = BUNDLE / "share/turbosparse/example/ffn.cc"
    library = BUNDLE / "lib" / ("libturbosparse.so" if request.param == "shared" else "libturbosparse.a")
    command = ["nvcc", "-std=c++17", "-I", BUNDLE / "include", source, library, "-o", path]
    subprocess.run([str(part) for part in [*command, f"-Xlinker=-rpath={library.parent}"]], check=True)
    return path


def measured(program, *arguments):
    """Time in us and density that the example prints."""
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=True)
    time, density = re.fullmatch(r"(\d+\.\d) us at density (\d\.\d{3})\n", result.stdout).groups()
    return float(time), float(density)


@pytest.mark.parametrize("tokens", [1, 2, 8, 64])
def test_prints_time_and_density(program, tokens):
    time, density = measured(program, 4096, 14336, tokens, 0.1)
    assert 0 < time < 1000
    assert density == pytest.approx(0.1, abs=0.01)


def test_fewer_active_neurons_take_less_time(program):
    sparse, _ = measured(program, 4096, 14336, 1, 0.05)
    whole, density = measured(program, 4096, 14336, 1, 1.0)
    assert density == 1
    assert sparse < 0.5 * whole


def test_says_what_is_not_built(program):
    result = subprocess.run([program, "512"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert "kernel is built for" in result.stderr
