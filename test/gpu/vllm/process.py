"""Runs one of the scripts of engines in a process of its own, so that the device's memory is free when it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def run_engine(script: str, spec: dict[str, Any], folder: Path, **environment: str) -> tuple[dict[str, Any], str]:
    """What the script found, and what it printed. Its engine runs in that process. Raises AssertionError."""
    files = [folder / f"{script}.{kind}" for kind in ("spec", "result")]
    files[0].write_text(json.dumps(spec))
    env = os.environ | {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"} | environment
    command = [sys.executable, str(_HERE / script), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    return json.loads(files[1].read_text()), done.stdout + done.stderr
