"""The C++ bundle as a program's build uses it: found by CMake, compiled, linked and loaded, without a GPU.

`npm test` prepares what is needed: TURBOSPARSE_HARNESS is a folder that scripts/tensorrt-harness.mjs has filled,
TURBOSPARSE_CMAKE one with CMake and Ninja, TURBOSPARSE_CUDA one with CUDA's runtime.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

BUNDLE = Path(os.environ["TURBOSPARSE_HARNESS"]) / "turbosparse-cpp"
TOOLS = Path(os.environ["TURBOSPARSE_CMAKE"])
CUDA = Path(os.environ["TURBOSPARSE_CUDA"])
OPERATORS = {
    "activate",
    "add_rms_norm",
    "built_kernels",
    "ffn",
    "ffn_workspace_bytes",
    "gate_first",
    "gate_first_workspace_bytes",
    "group_tokens",
    "pack_logits",
    "pack_mask",
    "predict",
    "predict_workspace_bytes",
    "sum_slots",
}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


def cmake(*arguments):
    return run(TOOLS / "cmake" / "data" / "bin" / "cmake", *arguments)


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory):
    """NVIDIA's wheels laid out as the toolkit is that CMake looks for, with the names that a linker does."""
    folder = tmp_path_factory.mktemp("cuda")
    for name in ("bin", "include", "nvvm"):
        if (CUDA / name).exists():
            (folder / name).symlink_to(CUDA / name)
    (folder / "lib64").mkdir()
    for file in (CUDA / "lib").iterdir():
        (folder / "lib64" / file.name).symlink_to(file)
    (folder / "lib64" / "libcudart.so").symlink_to(next((CUDA / "lib").glob("libcudart.so.*")))
    return folder


def configure(source, build, toolkit, *options):
    return cmake(
        *("-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'bin' / 'ninja'}"),
        *(f"-DCMAKE_PREFIX_PATH={BUNDLE}", f"-DCUDAToolkit_ROOT={toolkit}", "-DCMAKE_BUILD_TYPE=Release", *options),
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory, toolkit):
    """The example, built by its own CMakeLists.txt, with warnings as errors."""
    build = tmp_path_factory.mktemp("build")
    flags = "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror"
    configured = configure(BUNDLE / "share/turbosparse/example", build, toolkit, flags)
    assert configured.returncode == 0, configured.stdout + configured.stderr
    compiled = cmake("--build", build, "--parallel", "2")
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    return build


@pytest.mark.parametrize("program", ["ffn", "ffn_static"])
def test_example_runs_as_far_as_there_is_a_device(built, program):
    result = run(built / program, env={"CUDA_VISIBLE_DEVICES": "", "PATH": os.environ["PATH"]})
    assert (result.returncode, result.stdout) == (1, "")
    assert "CUDA" in result.stderr


def test_example_fits_a_page():
    lines = (BUNDLE / "share/turbosparse/example/ffn.cc").read_text().splitlines()
    assert len(lines) <= 60


def test_static_program_needs_no_library_of_ours(built):
    needed = {program: run("readelf", "-d", built / program).stdout for program in ("ffn", "ffn_static")}
    assert "libturbosparse.so" in needed["ffn"]
    assert "libturbosparse" not in needed["ffn_static"]
    assert "libcudart" not in needed["ffn_static"]


@pytest.mark.parametrize(
    ("version", "found"), [("0.1", True), ("0.1.0", True), ("0.1.1", False), ("0.2", False), ("1.0", False), ("", True)]
)
def test_versions_that_find_package_accepts(tmp_path, toolkit, version, found):
    assert json.loads((BUNDLE / "manifest.json").read_text())["version"] == "0.1.0"
    project = "cmake_minimum_required(VERSION 3.19)\nproject(asks LANGUAGES CXX)\n"
    (tmp_path / "CMakeLists.txt").write_text(f"{project}find_package(turbosparse {version} REQUIRED)\n")
    result = configure(tmp_path, tmp_path / "build", toolkit)
    assert (result.returncode == 0) == found, result.stderr
    if not found:
        assert "compatible with requested" in result.stderr


def test_shared_library_shows_the_operators_and_nothing_else():
    result = run("nm", "-DC", "--defined-only", BUNDLE / "lib/libturbosparse.so")
    names = {line.split(" ", 2)[2].split("(")[0] for line in result.stdout.splitlines()}
    # A symbol of a function that returns a string is followed by the tag of its ABI.
    assert {name.removeprefix("turbosparse::").split("[")[0] for name in names} == OPERATORS
    assert all(name.startswith("turbosparse::") for name in names)


def test_headers_stand_on_their_own(toolkit):
    for header in sorted((BUNDLE / "include").rglob("*.h")):
        include = ["-I", BUNDLE / "include", "-isystem", toolkit / "include"]
        warnings = ["-Wall", "-Wextra", "-Werror"]
        result = run(
            "g++", "-std=c++17", *warnings, "-fsyntax-only", *include, "-include", header, "-x", "c++", os.devnull
        )
        assert result.returncode == 0, result.stderr


def test_manifest_names_the_libraries():
    manifest = json.loads((BUNDLE / "manifest.json").read_text())
    assert manifest["engine"] == "cpp"
    assert [library["path"] for library in manifest["libraries"]] == ["lib/libturbosparse.so", "lib/libturbosparse.a"]
    for library in manifest["libraries"]:
        assert (BUNDLE / library["path"]).stat().st_size == library["bytes"]
