"""What a measurement was made with."""

from __future__ import annotations

import subprocess
from typing import Any

import torch

from turbosparse.manifest import manifest, version


def describe(commit: str | None) -> dict[str, Any]:
    """GPU, driver, versions, and the digest of the kernel sources in the installed wheel."""
    found = manifest() or {}
    return {
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "driver": _driver(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "turbosparse": version(),
        "archs": found.get("archs", []),
        "nvcc": found.get("toolchain", {}).get("nvcc"),
        "commit": commit,
        "sourcesSha256": found.get("sources", {}).get("sha256"),
    }


def _driver() -> str | None:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "--id=0"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
