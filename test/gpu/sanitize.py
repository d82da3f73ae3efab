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
from turbosparse.bench.model import Model, from_manifest
from turbosparse.manifest import manifest
from turbosparse.reference.active_set import union_bytes

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
    models = [from_manifest(spec) for spec in manifest()["models"]]
    with crossover.override(crossover.MOST_SPARSE_TOKENS + 1):
        failed = failures(models)
    return 1 if failed + failures_beside_layers({model.dtype for model in models}) else 0


def failures(models: list[Model]) -> int:
    failed = 0
    for model in models:
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


def failures_beside_layers(dtypes: set[torch.dtype]) -> int:
    """The kernels around the dense path's GEMMs, which are torch's and not looked into, and the norm."""
    failed = 0
    for dtype in sorted(dtypes, key=str):
        # Whole 16-byte vectors, and not.
        for columns in (80, NEURONS):
            mine, right = steps_beside_layers("cuda", dtype, columns), steps_beside_layers("cpu", dtype, columns)
            wrong = not all(same(one.cpu(), other) for one, other in zip(mine, right))
            failed += wrong
            print(f"steps beside the layers, {dtype}, {columns} neurons: {'WRONG' if wrong else 'right'}", flush=True)
    return failed


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """But for sums in which a product may be rounded or not."""
    return torch.allclose(one, other, rtol=0.02, atol=1e-5) if one.is_floating_point() else torch.equal(one, other)


def steps_beside_layers(device: str, dtype: torch.dtype, columns: int) -> list[torch.Tensor]:
    """What each of them writes, of rows in two words."""
    rows, hidden, experts, steps = 70, 80, 3, torch.ops.turbosparse
    generator = torch.Generator().manual_seed(columns)

    def normal(*shape: int, dtype: torch.dtype = dtype) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(dtype).to(device)

    def zeros(*shape: int, dtype: torch.dtype) -> torch.Tensor:
        return torch.zeros(shape, dtype=dtype).to(device)

    dropped = (torch.rand(rows, generator=generator) < 0.3).to(device)
    ids = torch.randint(-1, experts, (rows, 2), generator=generator, dtype=torch.int32).to(device)
    token, position, ends = steps.group_tokens(ids, dropped, experts)
    bits, wide_bits = (zeros(2, columns, dtype=torch.int64) for _ in range(2))
    union = zeros(union_bytes(columns), dtype=torch.uint8)
    steps.pack_logits_(bits, union, normal(rows, columns), None, None, dropped, dtype, 0.1)
    sums, scale = normal(rows, columns, dtype=torch.float32), normal(experts, columns, dtype=torch.float32)
    steps.pack_logits_(wide_bits, None, sums, scale, ends, None, dtype, 0.1)
    gate = normal(rows, columns)
    steps.activate_(gate, normal(rows, columns), bits, dropped, "drelu", 0.0)
    out = zeros(rows, hidden, dtype=dtype)
    steps.sum_slots_(out, normal(2 * rows, hidden), position, normal(rows, 2, dtype=torch.float32))
    # Of fewer columns than a block has threads, and of several vectors a thread.
    norms = [
        part
        for width in (hidden, 4104)
        for part in ops.add_rms_norm(normal(rows, width), normal(rows, width), normal(width), 1e-5)
    ]
    return [token[: int(ends[-1])], position, ends, bits, union, wide_bits, gate, out, *norms]


if __name__ == "__main__":
    sys.exit(main())
