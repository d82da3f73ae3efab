"""Runs the GPU tests and keeps the outcome in docs/measurements/NAME.json:

    python test/gpu/record.py --name h200-correctness [--commit SHA] [--tools] [pytest arguments]

The record carries the digest of the kernel sources the wheel was built from, so that a later change of kernels is seen
to need a new one. With --tools the operators also run under compute-sanitizer and ncu. Exits as pytest does, or with 1
when a tool has found something.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
import sys
import time
from pathlib import Path

import pytest
import tools
from turbosparse.bench.description import describe

HERE = Path(__file__).parent
MEASUREMENTS = HERE.parents[1] / "docs" / "measurements"


class Outcomes:
    """A pytest plugin that counts results by file."""

    def __init__(self) -> None:
        self.counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report) -> None:
        # A test that fails outside its call counts too; one that passes counts once.
        if report.when == "call" or report.outcome != "passed":
            self.counts[Path(report.location[0]).name][report.outcome] += 1
            if report.outcome == "failed":
                self.failed.append(report.nodeid)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--name", required=True, help="of the record: lower case letters, digits and -")
    parser.add_argument("--commit", default=None, help="commit the wheel was built from")
    parser.add_argument("--tools", action="store_true", help="also run compute-sanitizer and ncu")
    options, rest = parser.parse_known_args()
    if not re.fullmatch(r"[a-z0-9-]+", options.name):
        parser.error(f"--name {options.name!r} must be of lower case letters, digits and -")

    outcomes = Outcomes()
    start = time.monotonic()
    code = pytest.main([str(HERE), *rest], plugins=[outcomes])
    seconds = time.monotonic() - start
    found = tools.run() if options.tools else {}
    code = int(code) or int(any(result["exitCode"] != 0 for result in found.values()))
    record = {
        "kind": "gpu-record",
        **describe(options.commit),
        "exitCode": code,
        "seconds": round(seconds, 1),
        "tests": {file: dict(sorted(counts.items())) for file, counts in sorted(outcomes.counts.items())},
        "failed": sorted(outcomes.failed),
        "tools": found,
    }
    MEASUREMENTS.mkdir(parents=True, exist_ok=True)
    path = MEASUREMENTS / f"{options.name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path}")
    return code


if __name__ == "__main__":
    sys.exit(main())
