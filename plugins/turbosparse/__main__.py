"""Command line: `python -m turbosparse [--json]`, or one of the commands. Exits with 1 when the self-test fails."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from turbosparse import report, selftest

# `python -m turbosparse bench` is `python -m turbosparse.bench`.
_COMMANDS = ("bench", "profile", "tune")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in _COMMANDS:
        return importlib.import_module(f"turbosparse.{arguments[0]}.__main__").main(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="python -m turbosparse",
        description="Print versions, architectures and devices, and compare the operators with float64.",
        epilog=f"Commands: {', '.join(_COMMANDS)}. Each has its own --help.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--no-self-test", action="store_true", help="only print what is installed")
    options = parser.parse_args(arguments)

    found = report.collect()
    found["selfTest"] = [] if options.no_self_test else selftest.run()
    print(json.dumps(found, indent=2) if options.json else "\n".join(_lines(found)))
    return 0 if all(result["passed"] for result in found["selfTest"]) else 1


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [
        f"turbosparse  {found['turbosparse']}",
        f"python       {found['python']}",
        f"torch        {found['torch']} (CUDA {found['cuda']})",
        f"tvm-ffi      {found['tvm_ffi'] or 'not installed'}",
        f"library      {found['library']}",
        f"archs        {', '.join(found['archs']) or 'none'}",
        f"models       {', '.join(found['models']) or 'none'}",
    ]
    for index, device in enumerate(found["devices"]):
        runs = device["arch"] or "no kernels in this wheel"
        lines.append(f"cuda:{index}       {device['name']}, compute capability {device['capability']}, {runs}")
    if not found["devices"]:
        lines.append("cuda         no device")
    for result in found["selfTest"]:
        verdict = "passed" if result["passed"] else "FAILED"
        lines.append(f"self-test    {verdict} on {result['device']}, {result['model']}: {result['detail']}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
