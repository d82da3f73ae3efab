"""Runs the operators under compute-sanitizer and ncu, for record.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SANITIZERS = ("memcheck", "racecheck", "synccheck", "initcheck")


def sanitize(tool: str) -> dict[str, Any]:
    """Every kernel variant under one tool of compute-sanitizer; its summary is the last line that says so."""
    command = ["compute-sanitizer", "--tool", tool, "--kernel-name", "kernel_substring=turbosparse"]
    command += ["--error-exitcode", "1", sys.executable, str(HERE / "sanitize.py")]
    start = time.monotonic()
    environment = os.environ | {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    summaries = [line.strip("= ") for line in result.stdout.splitlines() if "SUMMARY" in line]
    if result.returncode != 0:
        print(result.stdout, result.stderr, sep="\n", file=sys.stderr)
    return {
        "exitCode": result.returncode,
        "summary": summaries[-1] if summaries else None,
        "seconds": round(time.monotonic() - start, 1),
    }


def dram_bytes() -> dict[str, Any]:
    """What ncu_ffn.py prints, and how it exits."""
    result = subprocess.run([sys.executable, str(HERE / "ncu_ffn.py")], capture_output=True, text=True, check=False)
    measured = json.loads(result.stdout) if result.stdout.startswith("{") else {"error": result.stderr.strip()}
    return {"exitCode": result.returncode, **measured}


def run() -> dict[str, dict[str, Any]]:
    """Results by tool; all are run even if one fails. Sanitizers wait for processors, not for the GPU: side by side."""
    with ThreadPoolExecutor() as pool:
        results = dict(zip(SANITIZERS, pool.map(sanitize, SANITIZERS), strict=True))
    return {**results, "dramBytes": dram_bytes()}
