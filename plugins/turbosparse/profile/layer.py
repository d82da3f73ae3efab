"""What is counted in one layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from turbosparse.profile.union import UnionGrowth
from turbosparse.reference.activations import combine
from turbosparse.reference.decoder import DecoderConfig, DecoderLayer, ExpertTrace


@dataclass(frozen=True)
class LayerProfile:
    """Shares of neurons in one layer, each of the experts that a token is routed to unless said otherwise.

    `selected` are the neurons that kernels read: what the predictor keeps, or without one those with an open gate.
    """

    layer: int
    neurons: int
    experts: int
    # Share that a token selects: the mean, and what a twentieth of the tokens stay below and exceed.
    density: float
    density_p5: float
    density_p95: float
    # Gate above its threshold, and activation not 0, whatever the predictor says.
    gate_open: float
    active: float
    # Of the active neurons those selected, of the selected those active; None where there is nothing to divide by.
    recall: float | None
    precision: float | None
    # Of the sum of the activations' magnitudes what the selected neurons hold.
    captured: float | None
    # By number of tokens, of all experts' neurons those that some token selects: tokens that follow each other in a
    # prompt, and tokens of different prompts.
    union_consecutive: dict[int, float]
    union_independent: dict[int, float]


class LayerCounts:
    """Adds up the traces of one layer, a sequence after the other."""

    def __init__(self, index: int, layer: DecoderLayer, config: DecoderConfig, sampled: int) -> None:
        """`sampled` tokens of all sequences together are remembered, to make unions across sequences."""
        self.index, self.config = index, config
        self.experts, self.neurons = layer.weights.shape[:2]
        device = layer.weights.device
        self._sample = torch.zeros((sampled, self.experts, self.neurons), dtype=torch.bool, device=device)
        self._densities: list[Tensor] = []
        self._pairs = self._open = self._active = self._selected = self._hits = 0
        self._magnitude = self._captured = 0.0
        self._consecutive = UnionGrowth()

    def start(self, tokens: int) -> None:
        """Before the traces of a sequence of `tokens` tokens."""
        self._mask = self._sample.new_zeros((tokens, self.experts, self.neurons))

    def trace(self, trace: ExpertTrace) -> None:
        """Counts what one expert made of its tokens."""
        config = self.config
        opened = trace.gate > config.gate_threshold
        magnitude = combine(trace.gate, trace.up, config.activation, config.gate_threshold).abs()
        active = magnitude > 0
        selected = opened if trace.kept is None else trace.kept
        self._mask[trace.rows, trace.expert] = selected
        self._densities.append(selected.float().mean(1).cpu())
        self._pairs += selected.numel()
        self._open += int(opened.sum())
        self._active += int(active.sum())
        self._selected += int(selected.sum())
        self._hits += int((active & selected).sum())
        self._magnitude += magnitude.sum(dtype=torch.float64).item()
        self._captured += torch.where(selected, magnitude, 0).sum(dtype=torch.float64).item()

    def finish(self, rows: Tensor, places: Tensor) -> None:
        """After the traces of a sequence: its tokens `rows` are those of the sample at `places`, int64 `[n]` both."""
        self._consecutive.add(self._mask)
        self._sample[places] = self._mask[rows]

    def result(self) -> LayerProfile:
        """What was counted."""
        densities = torch.cat(self._densities)
        low, high = torch.quantile(densities, torch.tensor([0.05, 0.95])).tolist()
        independent = UnionGrowth()
        independent.add(self._sample)
        return LayerProfile(
            layer=self.index,
            neurons=self.neurons,
            experts=self.experts,
            density=densities.mean().item(),
            density_p5=low,
            density_p95=high,
            gate_open=self._open / self._pairs,
            active=self._active / self._pairs,
            recall=self._hits / self._active if self._active else None,
            precision=self._hits / self._selected if self._selected else None,
            captured=self._captured / self._magnitude if self._magnitude else None,
            union_consecutive=self._consecutive.shares(),
            union_independent=independent.shares(),
        )
