"""Runs each operator of each model once, for compute-sanitizer:

    PYTORCH_NO_CUDA_MEMORY_CACHING=1 compute-sanitizer --tool memcheck --kernel-name kernel_substring=turbosparse \
        --error-exitcode 1 python test/gpu/sanitize.py

and likewise with racecheck, synccheck and initcheck. Without torch's caching allocator every tensor is an allocation of
its own, so that reading past its end is seen. Inputs are made on the CPU and copied, and results are compared on the
CPU, so that no kernel but ours touches them: initcheck then knows which bytes were written.
"""

from __future__ import annotations

import os
import sys

import torch
from layers import expected, make_layer
from turbosparse import crossover, ops
from turbosparse.bench.model import from_manifest
from turbosparse.manifest import manifest

# Of every kernel variant; 64 runs the widest tile, 5 a padded one.
TOKENS = [1, 2, 3, 5, 16, 33, 64]
NEURONS = 77


def to_device(layer) -> None:
    for name in ("x", "weights", "mask", "fc1", "fc2", "ids", "scores"):
        value = getattr(layer, name)
        setattr(layer, name, None if value is None else value.cuda())


def main() -> int:
    if os.environ.get("PYTORCH_NO_CUDA_MEMORY_CACHING") != "1":
        print("set PYTORCH_NO_CUDA_MEMORY_CACHING=1, or overruns stay inside torch's pools", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    with crossover.override(crossover.MOST_SPARSE_TOKENS + 1):
        return 1 if failures() else 0


def failures() -> int:
    failed = 0
    for model in map(from_manifest, manifest()["models"]):
        for tokens in TOKENS:
            layer = make_layer(model, "cpu", tokens=tokens, density=0.3, intermediate=NEURONS)
            exact, _, bound = expected(layer)
            to_device(layer)
            results = [layer.run()]
            if model.experts == 1 and model.predictor:
                results.append(ops.ffn(layer.x, layer.weights, *ops.pack_mask(layer.mask), *model.function))
            right = all(((result.cpu().double() - exact).abs() <= bound).all() for result in results)
            failed += not right
            print(f"{model.name}, {tokens} tokens: {'right' if right else 'WRONG'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
