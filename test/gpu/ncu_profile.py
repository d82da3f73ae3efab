"""Profiles every kernel of a released layer with ncu and keeps the outcome in docs/measurements/NAME.json:

    python test/gpu/ncu_profile.py --name h200-ncu [--commit SHA]

ncu runs each kernel alone, from cold caches: a kernel's time here has no part of its neighbours' overlap. Told of each
are its DRAM bytes, how busy DRAM was, and for what its warps waited between two instructions. `ncu` must be on PATH and
allowed to read counters.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import torch
from turbosparse import crossover
from turbosparse.bench.description import describe
from turbosparse.bench.model import built_models, select_models
from turbosparse.bench.operators import OPERATORS
from turbosparse.bench.workload import Workload

MEASUREMENTS = Path(__file__).parents[2] / "docs" / "measurements"
CASES = [
    ("turbosparse-mistral-7b", "ffn", 1),
    ("turbosparse-mistral-7b", "ffn", 2),
    ("turbosparse-mistral-7b", "ffn", 8),
    ("turbosparse-mistral-7b", "ffn", 64),
    ("turbosparse-mistral-7b", "predict", 1),
    ("turbosparse-mistral-7b", "predict", 8),
    ("turbosparse-mixtral-47b", "moe", 1),
    ("turbosparse-mixtral-47b", "moe", 8),
    ("turbosparse-mixtral-47b", "moe", 64),
]
STALL = re.compile(r"smsp__average_warps_issue_stalled_(\w+)_per_issue_active\.ratio")
METRICS = {
    "microseconds": "gpu__time_duration.sum",
    "dramBytes": "dram__bytes_read.sum",
    "dramPercentOfPeak": "dram__throughput.avg.pct_of_peak_sustained_elapsed",
    "issueSlotsBusyPercent": "sm__inst_issued.avg.pct_of_peak_sustained_active",
}
# Stall reasons told of a kernel.
MOST = 5


def profiled(model_name: str, operator_name: str, tokens: int) -> None:
    """One call inside the profiled range."""
    (model,) = select_models(built_models(), [model_name])
    operator = OPERATORS[operator_name]
    (layer,) = Workload(model, "cuda", 1).layers(tokens, model.density)
    step = operator.step(layer)
    step()
    torch.cuda.synchronize()
    torch.cuda.profiler.start()
    step()
    torch.cuda.synchronize()
    torch.cuda.profiler.stop()


def kernels(case: tuple[str, str, int]) -> list[dict[str, object]]:
    """What ncu counted of each kernel of a call."""
    command = ["ncu", "--profile-from-start", "off", "--clock-control", "none", "--section", "WarpStateStats"]
    command += ["--metrics", ",".join(METRICS.values()), "--csv", "--page", "raw", "--print-units", "base"]
    command += [sys.executable, __file__, "--profiled", *map(str, case)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"ncu failed ({result.returncode}):\n{result.stdout}\n{result.stderr}")
    rows = csv.DictReader(line for line in result.stdout.splitlines() if line.startswith('"'))
    return [_facts(row) for row in rows if row["ID"]]


def _facts(row: dict[str, str]) -> dict[str, object]:
    values = {name: _number(row[metric]) for name, metric in METRICS.items()}
    values["microseconds"] = round(values["microseconds"] / 1000, 2)
    stalls = {match[1]: _number(row[name]) for name in row if (match := STALL.fullmatch(name)) and row[name]}
    most = sorted(stalls, key=lambda reason: -stalls[reason])[:MOST]
    return {
        "kernel": row["Kernel Name"],
        **values,
        "gigabytesPerSecond": round(values["dramBytes"] / values["microseconds"] / 1000),
        "warpsStalledPerIssue": {reason: round(stalls[reason], 2) for reason in most},
    }


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--name", help="of the record: lower case letters, digits and -")
    parser.add_argument("--commit", default=None, help="commit the wheel was built from")
    parser.add_argument("--profiled", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.profiled:
        model, operator, tokens = options.profiled
        with crossover.override(crossover.MOST_SPARSE_TOKENS + 1):
            profiled(model, operator, int(tokens))
        return 0

    if not re.fullmatch(r"[a-z0-9-]+", options.name or ""):
        parser.error(f"--name {options.name!r} must be of lower case letters, digits and -")
    names = ("model", "operator", "tokens")
    calls = [{**dict(zip(names, case, strict=True)), "kernels": kernels(case)} for case in CASES]
    record = {"kind": "ncu-profile", **describe(options.commit), "calls": calls}
    MEASUREMENTS.mkdir(parents=True, exist_ok=True)
    path = MEASUREMENTS / f"{options.name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
