"""The package without a GPU, without tvm-ffi and without its library."""

import json
import sys

import pytest
from turbosparse import _library, manifest
from turbosparse.__main__ import main
from turbosparse.errors import LibraryError


def test_imports_without_cuda_tvm_ffi_or_a_server(python):
    code = """
import sys
for name in ("tvm_ffi", "vllm", "tensorrt_llm"):
    sys.modules[name] = None
import torch
import turbosparse, turbosparse.ops, turbosparse.reference, turbosparse.synthetic, turbosparse.weights
assert not torch.cuda.is_initialized()
assert turbosparse.ops.pack_mask(torch.ones(1, 1, 8, dtype=torch.bool))[0].tolist() == [[255, 0, 0, 0]]
"""
    result = python("-W", "error", "-c", code)
    assert result.returncode == 0, result.stderr


def test_importing_the_package_alone_is_light(python):
    result = python("-c", "import sys, turbosparse; assert 'torch' not in sys.modules; print(turbosparse.__version__)")
    assert result.stdout == "0.0.0+source\n", result.stderr


def test_no_library_says_what_to_build():
    _library.load.cache_clear()
    with pytest.raises(
        LibraryError, match=r"no libturbosparse\.so\. Build a wheel with `npx turbosparse-plugin build`"
    ):
        _library.load()


def test_unloadable_library_is_named(tmp_path, monkeypatch):
    garbage = tmp_path / "libturbosparse.so"
    garbage.write_bytes(b"not ELF")
    monkeypatch.setattr(_library, "LIBRARY_PATH", garbage)
    _library.load.cache_clear()
    with pytest.raises(LibraryError, match="cannot be loaded"):
        _library.load()
    monkeypatch.setitem(sys.modules, "tvm_ffi", None)
    with pytest.raises(LibraryError, match="apache-tvm-ffi is not installed"):
        _library.load()


@pytest.mark.parametrize(
    ("capability", "built", "arch"),
    [
        ((9, 0), ["sm_80", "sm_90a", "compute_80"], "sm_90a"),
        ((9, 0), ["sm_80", "compute_80"], "compute_80"),
        ((8, 9), ["sm_80", "sm_86"], "sm_86"),
        ((8, 0), ["sm_86", "sm_89"], None),
        ((8, 6), ["sm_80"], None),
        ((8, 6), ["sm_80", "compute_80"], "compute_80"),
        ((8, 7), ["sm_80", "sm_86"], "sm_80"),
        ((10, 3), ["sm_100a"], None),
        ((12, 0), ["sm_120a"], "sm_120a"),
        ((7, 5), ["compute_80"], None),
    ],
)
def test_arch_for_a_device(capability, built, arch):
    assert _library.arch_for(capability, built) == arch


def test_version_comes_from_the_manifest(tmp_path, monkeypatch):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"version": "1.2.3", "archs": ["sm_90a"]}))
    monkeypatch.setattr(manifest, "MANIFEST_PATH", path)
    manifest.manifest.cache_clear()
    try:
        assert manifest.version() == "1.2.3"
        assert manifest.archs() == ["sm_90a"]
    finally:
        manifest.manifest.cache_clear()


def test_report_and_self_test(python, monkeypatch, capsys):
    result = python("-m", "turbosparse", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["turbosparse"] == "0.0.0+source"
    assert report["devices"] == []
    assert "no libturbosparse.so" in report["library"]
    assert [(test["model"], test["passed"]) for test in report["selfTest"]] == [
        ("dense", True),
        ("moe", True),
        ("gate-first", True),
    ]
    monkeypatch.setattr(sys, "argv", ["turbosparse", "--no-self-test"])
    assert main() == 0
    text = capsys.readouterr().out
    assert "archs        none" in text
    assert "self-test" not in text
