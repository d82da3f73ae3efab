"""Counts the DRAM bytes that the batch-1 FFN reads, and compares them with its active neurons' bytes:

    python test/gpu/ncu_ffn.py [--density 0.1] [--limit 1.15]

runs itself under `ncu`, which must be on PATH and allowed to read counters. Exits with 1 above the limit.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys

import torch
from turbosparse import crossover, ops, synthetic

HIDDEN, INTERMEDIATE = 4096, 14336
METRIC = "dram__bytes_read.sum"


def profiled(density: float) -> None:
    """One call inside the profiled range, after another layer has driven this one's weights out of L2."""
    generator = torch.Generator("cuda").manual_seed(0)
    layers = [synthetic.random_weights(1, INTERMEDIATE, HIDDEN, torch.bfloat16, generator) for _ in range(2)]
    x = synthetic.random_inputs(1, HIDDEN, torch.bfloat16, generator)
    active = ops.pack_mask(synthetic.plant_mask(1, 1, INTERMEDIATE, density, 0.0, generator))
    everything = ops.pack_mask(torch.ones((1, 1, INTERMEDIATE), dtype=torch.bool, device="cuda"))
    for weights, bits in ((layers[0], active), (layers[1], everything)):
        ops.ffn(x, weights, *bits)
    torch.cuda.synchronize()
    torch.cuda.profiler.start()
    ops.ffn(x, layers[0], *active)
    torch.cuda.synchronize()
    torch.cuda.profiler.stop()


def bytes_by_kernel(density: float) -> dict[str, float]:
    command = ["ncu", "--profile-from-start", "off", "--cache-control", "none", "--clock-control", "none"]
    command += ["--metrics", METRIC, "--csv"]
    command += ["--print-units", "base", "--page", "raw"]
    command += [sys.executable, __file__, "--profiled", "--density", str(density)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"ncu failed ({result.returncode}):\n{result.stdout}\n{result.stderr}")
    lines = [line for line in result.stdout.splitlines() if line.startswith('"')]
    rows = [row for row in csv.DictReader(lines) if row["Kernel Name"]]
    total: dict[str, float] = {}
    for row in rows:
        total[row["Kernel Name"]] = total.get(row["Kernel Name"], 0) + float(row[METRIC].replace(",", ""))
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--density", type=float, default=0.1)
    parser.add_argument("--limit", type=float, default=1.15, help="largest ratio of bytes read to active bytes")
    parser.add_argument("--profiled", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.profiled:
        with crossover.override(crossover.MOST_SPARSE_TOKENS + 1):
            profiled(options.density)
        return 0

    active = round(options.density * INTERMEDIATE) * 3 * HIDDEN * 2
    kernels = bytes_by_kernel(options.density)
    ratio = sum(kernels.values()) / active
    print(json.dumps({"activeBytes": active, "kernels": kernels, "ratio": round(ratio, 4)}, indent=2))
    return 0 if kernels and ratio <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
