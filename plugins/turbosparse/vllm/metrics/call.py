"""One call of a layer, dense or a mixture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse import ops
from turbosparse.crossover import OperatorShape
from turbosparse.reference.active_set import unpack_mask
from turbosparse.reference.predictor import selection_threshold
from turbosparse.reference.routing import routed_mask

_DTYPES = {torch.bfloat16: "bf16", torch.float16: "fp16"}


@dataclass(frozen=True)
class LayerCall:
    """Arguments of `turbosparse.layers.mlp` or `moe`; `topk_ids` is None where one expert computes all tokens.

    `padding`, bool `[tokens]` or None, marks rows that activate nothing: padding of the batch, and tokens that the only
    expert of a shard does not compute.
    """

    x: Tensor
    predictor_input: Tensor
    topk_ids: Tensor | None
    weights: Tensor
    fc1: Tensor | None
    fc2: Tensor | None
    fc2_low: Tensor | None
    fc2_scale: Tensor | None
    activation: str
    gate_threshold: float
    padding: Tensor | None

    @staticmethod
    def mlp(padding: Tensor | None, x: Tensor, predictor_input: Tensor, *layer: Any) -> LayerCall:
        """Of `layers.mlp`."""
        return LayerCall(x, predictor_input, None, *layer, padding)

    @staticmethod
    def moe(padding: Tensor | None, x: Tensor, topk_ids: Tensor, topk_weights: Tensor, *layer: Any) -> LayerCall:
        """Of `layers.moe`. How much an expert's output counts does not matter to which neurons it reads."""
        if layer[0].shape[0] > 1:
            return LayerCall(x, x, topk_ids, *layer, padding)
        elsewhere = ~routed_mask(topk_ids, 1)[:, 0]
        return LayerCall(x, x, None, *layer, elsewhere if padding is None else elsewhere | padding)

    @property
    def tokens(self) -> int:
        """Rows, those of padding included: what a path is chosen by."""
        return self.x.shape[0]

    @property
    def operator(self) -> str:
        """As `turbosparse.crossover` calls it."""
        name = "ffn" if self.weights.shape[0] == 1 else "moe"
        return name if self.fc2 is not None else f"{name}_gate_first"

    @property
    def shape(self) -> OperatorShape:
        """As `turbosparse.crossover` looks the call up."""
        experts, intermediate, _, hidden = self.weights.shape
        top_k = 1 if self.topk_ids is None else self.topk_ids.shape[1]
        rank, bits = None, None
        # An FFN of one expert is given its active set.
        if experts > 1 and self.fc2 is not None:
            rank, bits = self.fc2.shape[2], 8 * self.fc2.element_size()
        dtype = _DTYPES.get(self.x.dtype, str(self.x.dtype).removeprefix("torch."))
        return OperatorShape(hidden, intermediate, experts, top_k, rank, bits, dtype, self.activation)

    def rows(self) -> Tensor | None:
        """bool `[tokens, experts]`, which expert computes which token; None where all compute all."""
        routed = None if self.topk_ids is None else routed_mask(self.topk_ids, self.weights.shape[0])
        if self.padding is None:
            return routed
        real = ~self.padding[:, None]
        return real if routed is None else routed & real

    def selected(self) -> Tensor:
        """bool `[tokens, experts, neurons]`: what the predictor keeps, or else the neurons whose gate is open."""
        if self.fc1 is None or self.fc2 is None:
            gates = functional.linear(self.x, self.weights[:, :, 0].flatten(0, 1)).view(-1, *self.weights.shape[:2])
            selected, rows = ~(gates <= self.gate_threshold), self.rows()
            return selected if rows is None else selected & rows[..., None]
        threshold = selection_threshold(self.x.dtype)
        planes = (self.fc2_low, self.fc2_scale)
        arguments = (self.fc1, self.fc2, threshold, self.topk_ids, self.padding, *planes)
        _, token_bits = ops.predict(self.predictor_input, *arguments)
        return unpack_mask(token_bits, self.tokens)
