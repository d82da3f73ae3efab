"""What is installed and what it can run on; every probe that fails becomes a value."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

import torch

from turbosparse import _library
from turbosparse.errors import LibraryError
from turbosparse.manifest import archs, manifest, version


def collect() -> dict[str, Any]:
    """Versions, the library's state, its architectures and models, and the CUDA devices."""
    found = manifest() or {}
    return {
        "turbosparse": version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "tvm_ffi": _distribution_version("apache-tvm-ffi"),
        "library": _library_state(),
        "archs": archs(),
        "models": [model["name"] for model in found.get("models", [])],
        "sources": found.get("sources", {}).get("sha256"),
        "devices": [_device(index) for index in range(torch.cuda.device_count())],
    }


def _distribution_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _library_state() -> str:
    try:
        _library.load()
    except LibraryError as error:
        return str(error)
    return "loaded"


def _device(index: int) -> dict[str, Any]:
    capability = torch.cuda.get_device_capability(index)
    return {
        "name": torch.cuda.get_device_name(index),
        "capability": f"{capability[0]}.{capability[1]}",
        "arch": _library.arch_for(capability, archs()),
    }
