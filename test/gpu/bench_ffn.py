"""Times the FFN with a given mask against dense cuBLAS GEMMs; prints JSON:

    python test/gpu/bench_ffn.py [--commit SHA] [--out FILE]

16 layers of distinct weights follow each other in one CUDA graph, 5.6 GB in all, so no layer finds its weights in L2.
The dense FFN reads gate and up as one merged matrix, applies one fused activation kernel and reads down: the best form
we know of. Every sparse result is compared with float64 before it is timed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from layers import assert_right
from machine import describe
from timing import copy_bandwidth, microseconds
from torch.nn import functional
from turbosparse import ops, reference, synthetic

HIDDEN, INTERMEDIATE, LAYERS = 4096, 14336, 16
TOKENS = [1, 2, 4, 8, 16, 32, 64]
DENSITIES = [0.05, 0.10, 0.15, 0.20]
OVERLAP = 0.45


@torch.compile(dynamic=True)
def drelu(gate_up: torch.Tensor) -> torch.Tensor:
    gate, up = gate_up.chunk(2, dim=-1)
    return torch.relu(gate) * torch.relu(up)


def dense_microseconds(x: torch.Tensor, gate_up: torch.Tensor, down: torch.Tensor) -> float:
    def step(layer: int):
        return lambda: functional.linear(drelu(functional.linear(x, gate_up[layer])), down[layer])

    return microseconds([step(layer) for layer in range(LAYERS)])


def measure(weights: torch.Tensor, tokens: int, density: float, dense: float, roof: float) -> dict[str, Any]:
    """`weights` is `[LAYERS, INTERMEDIATE, 3, HIDDEN]`."""
    generator = torch.Generator("cuda").manual_seed(tokens)
    x = synthetic.random_inputs(tokens, HIDDEN, torch.bfloat16, generator)
    masks = [synthetic.plant_mask(tokens, 1, INTERMEDIATE, density, OVERLAP, generator) for _ in range(LAYERS)]
    active = [ops.pack_mask(mask) for mask in masks]
    for layer in (0, LAYERS - 1):
        block, mask = weights[layer : layer + 1], masks[layer]
        assert_right(
            ops.ffn(x, block, *active[layer]),
            reference.float64.ffn(x, block, mask),
            reference.masked_ffn(x, block, mask),
            reference.ffn_error_bound(x, block, mask),
        )

    elapsed = microseconds([lambda i=i: ops.ffn(x, weights[i], *active[i]) for i in range(LAYERS)])
    union = sum(int(mask.any(0).sum()) for mask in masks) / LAYERS
    read = union * 3 * HIDDEN * 2
    rate = read / (elapsed * 1e-6)
    return {
        "tokens": tokens,
        "density": density,
        "unionDensity": round(union / INTERMEDIATE, 4),
        "bytes": round(read),
        "microseconds": round(elapsed, 2),
        "denseMicroseconds": round(dense, 2),
        "speedup": round(dense / elapsed, 2),
        "gigabytesPerSecond": round(rate / 1e9),
        "roofShare": round(rate / roof, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--commit", default=None, help="commit the wheel was built from")
    parser.add_argument("--out", type=Path, help="write the JSON here too")
    options = parser.parse_args()

    generator = torch.Generator("cuda").manual_seed(0)
    weights = synthetic.random_weights(LAYERS, INTERMEDIATE, HIDDEN, torch.bfloat16, generator)
    gate_up = weights[:, :, :2].transpose(1, 2).flatten(1, 2).contiguous()
    down = weights[:, :, 2].transpose(1, 2).contiguous()
    roof = copy_bandwidth()
    results = []
    for tokens in TOKENS:
        x = synthetic.random_inputs(tokens, HIDDEN, torch.bfloat16, generator)
        dense = dense_microseconds(x, gate_up, down)
        results += [measure(weights, tokens, density, dense, roof) for density in DENSITIES]
    record = {
        "kind": "ffn with a given mask",
        **describe(options.commit),
        "shape": {"hidden": HIDDEN, "intermediate": INTERMEDIATE, "layers": LAYERS, "overlap": OVERLAP},
        "copyGigabytesPerSecond": round(roof / 1e9),
        "results": results,
    }
    text = json.dumps(record, indent=2) + "\n"
    print(text, end="")
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
