"""The training loop: next tokens, how many neurons are active, and that the predictor knows which."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from small_model.model import Activity, SmallModel
from small_model.settings import Settings

# Until then all neurons are computed, so that predictors first learn what there is to predict.
_MASKED_FROM = 0.2
# Until then the density to reach falls from that of ReLUs of symmetric values.
_SPARSE_FROM = 0.5
_FIRST_DENSITY = 0.25
# How fast the price of an active neuron follows the distance from the density to reach.
_PRICE_STEP = 0.01
_REPORTS = 40


def fit(model: SmallModel, tokens: Tensor, settings: Settings, seed: int, report: Callable[[str], None]) -> None:
    """Trains `model` on int64 `tokens`, both on one device, and reports now and then."""
    device = tokens.device
    generator = torch.Generator(device).manual_seed(seed)
    optimizer = _optimizer(model, settings.learning_rate, fused=device.type == "cuda")
    prices = torch.zeros(settings.layers, device=device)
    span = torch.arange(settings.context + 1, device=device)
    for step in range(settings.steps):
        progress = step / settings.steps
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _rate(progress)
        begins = torch.randint(len(tokens) - settings.context, (settings.batch,), generator=generator, device=device)
        batch = tokens[begins[:, None] + span]
        # On a CPU bfloat16 is slower than float32.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits, activity = model(batch[:, :-1], masked=progress >= _MASKED_FROM)
            loss = functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        total = loss + (prices * activity.soft_active).sum() + activity.predictor_loss.sum()
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        target = _target(progress, settings.density)
        prices = (prices + _PRICE_STEP * (activity.active.detach() / target - 1)).clamp(0, 5)
        if step % max(settings.steps // _REPORTS, 1) == 0 or step == settings.steps - 1:
            report(f"step {step}  loss {loss.item():.3f}  {_line(activity, prices)}")


def _optimizer(model: SmallModel, learning_rate: float, *, fused: bool) -> torch.optim.Optimizer:
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    norms = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95), fused=fused)


def _line(activity: Activity, prices: Tensor) -> str:
    """Each share with its value in every layer."""
    parts = {"active": activity.active, "kept": activity.kept, "recall": activity.recall, "price": prices}
    return "  ".join(f"{name} {' '.join(f'{value:.3f}' for value in part.tolist())}" for name, part in parts.items())


def _rate(progress: float) -> float:
    """Of the learning rate: a short rise, then half a cosine down to a twentieth."""
    return min(1.0, 50 * progress + 0.01) * (0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2)


def _target(progress: float, density: float) -> float:
    done = min(progress / _SPARSE_FROM, 1.0)
    return _FIRST_DENSITY * (density / _FIRST_DENSITY) ** done
