"""A small comparison with float64, to run on a user's machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from turbosparse import crossover, ops, reference, synthetic
from turbosparse.errors import TurboSparseError
from turbosparse.manifest import manifest

# Enough neurons for several tiles, and no multiple of one.
_INTERMEDIATE = 1000
_TOKENS = 3
_RANK = 64

_DENSE = {"hidden": 256, "experts": 1, "topK": 1, "dtype": "bf16", "gateThreshold": 0.0, "activation": "drelu"}
_CPU_MODELS = (
    _DENSE | {"name": "dense", "selection": "predictor"},
    _DENSE | {"name": "moe", "experts": 4, "topK": 2, "selection": "predictor"},
    _DENSE | {"name": "gate-first", "activation": "reglu", "selection": "gate-first"},
)


def run() -> list[dict[str, Any]]:
    """One result `{device, model, passed, detail}` a model: small ones on the CPU, the wheel's on each CUDA device."""
    results = [_result("cpu", model) for model in _CPU_MODELS]
    for index in range(torch.cuda.device_count()):
        for model in (manifest() or {}).get("models", []):
            results.append(_result(f"cuda:{index}", model))
    return results


def _result(device: str, model: dict[str, Any]) -> dict[str, Any]:
    try:
        # The kernels are to be tested, though so few neurons would be faster dense.
        with crossover.override(crossover.MOST_SPARSE_TOKENS + 1):
            errors = dict(_errors(device, model))
    except (TurboSparseError, RuntimeError) as error:
        return {"device": device, "model": model["name"], "passed": False, "detail": str(error)}
    worst = max(errors, key=lambda name: errors[name])
    detail = f"largest error {errors[worst]:.2f} of its bound, in {worst}"
    return {"device": device, "model": model["name"], "passed": errors[worst] <= 1, "detail": detail}


def _errors(device: str, model: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The largest error of each operator that the model uses, relative to its bound."""
    generator = torch.Generator(device).manual_seed(0)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[model["dtype"]]
    function = (model["activation"], model["gateThreshold"])
    experts = model["experts"]
    weights = synthetic.random_weights(experts, _INTERMEDIATE, model["hidden"], dtype, generator)
    x = synthetic.random_inputs(_TOKENS, model["hidden"], dtype, generator)
    mask, predictor = None, None
    if model["selection"] == "predictor":
        mask = synthetic.plant_mask(_TOKENS, experts, _INTERMEDIATE, 0.1, 0.45, generator)
        predictor = synthetic.plant_predictor(x, mask, _RANK, generator)

    if experts > 1:
        ids = torch.rand((_TOKENS, experts), generator=generator, device=device).topk(model["topK"]).indices.int()
        scores = torch.full(ids.shape, 1 / model["topK"], device=device)
        exact = reference.float64.moe(x, weights, ids, scores, mask, *function)
        routed = reference.routed_mask(ids, experts)[:, :, None]
        kept = routed.expand(-1, -1, _INTERMEDIATE) if mask is None else mask & routed
        scale = reference.routing_scale(ids, scores, experts)
        bound = reference.ffn_error_bound(x, weights, kept, *function, scale=scale)
        fc1, fc2 = (None, None) if predictor is None else predictor
        result = ops.moe(x, weights, ids, scores, fc1, fc2, None, *function)
        yield "moe", _relative(result, exact, bound)
        return

    exact = reference.float64.ffn(x, weights, mask, *function)
    bound = reference.ffn_error_bound(x, weights, mask, *function)
    if predictor is None:
        yield "ffn_gate_first", _relative(ops.ffn_gate_first(x, weights, *function), exact, bound)
    else:
        yield "predict and ffn", _relative(ops.ffn(x, weights, *ops.predict(x, *predictor), *function), exact, bound)


def _relative(result: torch.Tensor, exact: torch.Tensor, bound: torch.Tensor) -> float:
    return float(((result.double() - exact).abs() / bound).max())
