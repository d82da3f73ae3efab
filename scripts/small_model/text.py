"""Text that every installation has: Python sources of the standard library and of torch, and Python's help topics."""

from __future__ import annotations

import hashlib
import importlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import torch

# Tests are not part of every distribution, and tables of tests repeat themselves.
_LEFT_OUT = {"site-packages", "test", "tests", "idle_test", "testing", "__pycache__", "serialized_patterns"}
# One file in this many is held out, whole, so that no text of it is seen in training.
_HELD_OUT = 24


def read_text(limit: int) -> tuple[list[str], list[str]]:
    """Files `(to train on, held out)`: topics first, then sources, in an order that depends on their names alone.

    `limit` is in bytes, half of it for either package.
    """
    trained, held_out = [], []
    for name, text in (*_topics(), *_standard_library(limit // 2), *_torch(limit // 2)):
        (held_out if _digest(name) % _HELD_OUT == 0 else trained).append(text)
    return trained, held_out


def _topics() -> Iterator[tuple[str, str]]:
    topics = importlib.import_module("pydoc_data.topics").topics
    return ((f"topics/{name}", topics[name]) for name in sorted(topics))


def _standard_library(limit: int) -> Iterator[tuple[str, str]]:
    return _sources(Path(sysconfig.get_path("stdlib")), "python", limit)


def _torch(limit: int) -> Iterator[tuple[str, str]]:
    return _sources(Path(torch.__file__).parent, "torch", limit)


def _sources(root: Path, package: str, limit: int) -> Iterator[tuple[str, str]]:
    paths = (path.relative_to(root) for path in root.rglob("*.py"))
    # The topics are read as what they say; their source would be one long literal.
    named = [path for path in paths if not _LEFT_OUT & set(path.parts) and "pydoc_data" not in path.parts]
    for path in sorted(named, key=lambda path: _digest(f"{package}/{path.as_posix()}")):
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        limit -= len(text)
        if limit < 0:
            return
        yield f"{package}/{path.as_posix()}", text


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
