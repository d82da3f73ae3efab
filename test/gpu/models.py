"""The models of turbosparse.yaml: every operator, activation and dtype, at the widths of the released families."""

from __future__ import annotations

import torch
from turbosparse.bench.model import Model
from turbosparse.synthetic import PRESETS, ModelShape

# Folders written by write_models.py. Kernels do not depend on the number of neurons, layers or heads, so those are few.
FOLDERS = {
    "bamboo-1536-fp16": ModelShape(
        "bamboo", 1536, 1000, 2, heads=12, kv_heads=4, vocab=256, ranks=(64, 448), dtype="float16"
    ),
    "qwen2-3584": ModelShape("qwen2", 3584, 1000, 1, heads=28, kv_heads=4, vocab=256),
    "minicpm-1536": ModelShape("minicpm", 1536, 1000, 1, heads=12, kv_heads=12, vocab=256, gate_threshold=0.03),
    "smallthinker-2560-fp16": ModelShape(
        "smallthinker", 2560, 333, 1, heads=20, kv_heads=4, vocab=256, experts=64, top_k=6, dtype="float16"
    ),
}


def for_dry_run() -> list[Model]:
    """The models of turbosparse.yaml at a width and number of experts that a CPU computes quickly."""
    return [
        Model(
            name=name,
            hidden=256,
            intermediate=shape.intermediate,
            experts=min(shape.experts, 8),
            top_k=shape.top_k,
            activation="drelu" if shape.family in ("bamboo", "turbosparsemixtral", "qwen2") else "reglu",
            gate_threshold=shape.gate_threshold,
            ranks=(64, 192) if shape.ranks else (),
            dtype=getattr(torch, shape.dtype),
            density=shape.density,
        )
        for name, shape in (PRESETS | FOLDERS).items()
        if not name.endswith("-tiny")
    ]
