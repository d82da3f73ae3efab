"""What the wheel was built with: `manifest.json`, written beside this file by the generator."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

MANIFEST_PATH = Path(__file__).with_name("manifest.json")
SOURCE_VERSION = "0.0.0+source"


@functools.cache
def manifest() -> dict[str, Any] | None:
    """The parsed manifest, or None when the package runs from a source tree."""
    try:
        return json.loads(MANIFEST_PATH.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def version() -> str:
    """The wheel's version, or `0.0.0+source` in a source tree."""
    found = manifest()
    return SOURCE_VERSION if found is None else found["version"]


def archs() -> list[str]:
    """Architectures in the compiled library, for example `["sm_90a"]`; empty in a source tree."""
    found = manifest()
    return [] if found is None else list(found["archs"])
