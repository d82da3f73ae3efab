"""Which neurons the predictor keeps, as the bits of `reference.active_set`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.ops.dense.chunks import chunks, word_rows
from turbosparse.ops.dense.grouping import Rows
from turbosparse.reference.active_set import token_words, union_bytes
from turbosparse.reference.predictor import PredictorWeights, planes_sums
from turbosparse.reference.routing import routed_mask

# Of fc2 in int8 planes, what is widened for a GEMM at a time.
_WIDENED_BYTES = 64 * 2**20
# Neurons in what the union is written by.
_UNION_WORD = 32


@dataclass(frozen=True)
class Predictor:
    """Keeps the neurons whose logit is not `<= threshold`."""

    weights: PredictorWeights
    threshold: float

    def select(
        self, x: Tensor, expert: int, dropped: Tensor | None, token_bits: Tensor, union_bits: Tensor | None
    ) -> None:
        """Write what the tokens of `x [tokens, hidden]` keep of one expert.

        Args:
            dropped: bool `[tokens]`, those that keep nothing; or None.
            token_bits: int64 `[ceil(tokens / 64), intermediate]`.
            union_bits: uint8 `[union_bytes(intermediate)]`, to which bits are added; or None.
        """
        fc1, fc2, low, scale = (None if part is None else part[expert] for part in self.weights)
        hidden = torch.relu_(functional.linear(x, fc1))
        for neurons in self._blocks(1):
            if low is None or scale is None:
                logits, factor = functional.linear(hidden, fc2[neurons]), None
            else:
                logits, factor = planes_sums(hidden, fc2[neurons], low[neurons]), scale[neurons]
            union = None if union_bits is None else union_bits[_bytes_of(neurons)]
            self._pack(token_bits[:, neurons], union, logits, factor, None, dropped, x.dtype)

    def select_of_rows(self, inputs: Tensor, layout: Rows) -> Tensor:
        """`token_bits [ceil(rows / 64), intermediate]`: what each row of `layout` keeps of its own expert.

        `inputs [rows, hidden]` is what the rows' predictors read. Rows of no slot may keep anything.
        """
        fc1, fc2, low, scale = self.weights
        bits = torch.empty((token_words(len(inputs)), fc2.shape[1]), dtype=torch.int64, device=inputs.device)
        hidden = torch.relu_(layout.linear(inputs, fc1))
        for neurons in self._blocks(len(fc2)):
            if low is None or scale is None:
                logits, factor, ends = layout.linear(hidden, fc2[:, neurons]), None, None
            else:
                logits = layout.planes_sums(hidden, fc2[:, neurons], low[:, neurons])
                factor, ends = scale[:, neurons], layout.ends
            self._pack(bits[:, neurons], None, logits, factor, ends, None, inputs.dtype)
        return bits

    def _pack(
        self,
        token_bits: Tensor,
        union_bits: Tensor | None,
        logits: Tensor,
        scale: Tensor | None,
        ends: Tensor | None,
        dropped: Tensor | None,
        dtype: torch.dtype,
    ) -> None:
        outputs = (token_bits, union_bits)
        torch.ops.turbosparse.pack_logits_(*outputs, logits, scale, ends, dropped, dtype, self.threshold)

    def _blocks(self, experts: int) -> Iterator[slice]:
        """Slices of the neurons, whose planes are widened together: about equal, and whole bytes of the union."""
        _, neurons, rank = self.weights.fc2.shape
        # Both planes in 16 bits.
        bytes_per_neuron = 4 * experts * rank if self.weights.fc2_low is not None else 0
        count = max(-(-neurons * bytes_per_neuron // _WIDENED_BYTES), 1)
        size = _UNION_WORD * -(-neurons // (_UNION_WORD * count))
        for start in range(0, neurons, size):
            yield slice(start, min(start + size, neurons))


def _bytes_of(neurons: slice) -> slice:
    """Where the union has the bits of a block of neurons."""
    start = neurons.start // 8
    return slice(start, start + union_bytes(neurons.stop - neurons.start))


def predict(x: Tensor, predictor: Predictor, topk_ids: Tensor | None, padding: Tensor | None) -> tuple[Tensor, Tensor]:
    """The active set that the predictor selects; for several experts of the routed ones only."""
    experts, intermediate = predictor.weights.fc2.shape[:2]
    union = torch.zeros((experts, union_bytes(intermediate)), dtype=torch.uint8, device=x.device)
    bits = torch.empty((token_words(len(x)) * experts, intermediate), dtype=torch.int64, device=x.device)
    dropped = None if padding is None else padding[None]
    if topk_ids is not None:
        dropped = unrouted(topk_ids, experts, padding)
    # Logits of one expert at a time, of planes in float32.
    for part in chunks(len(x), intermediate * max(x.element_size(), 4)):
        rows = bits[word_rows(part, experts)].view(-1, experts, intermediate)
        for expert in range(experts):
            rest = None if dropped is None else dropped[expert, part]
            predictor.select(x[part], expert, rest, rows[:, expert], union[expert])
    return union, bits


def unrouted(topk_ids: Tensor, experts: int, padding: Tensor | None) -> Tensor:
    """bool `[experts, tokens]`: those of `topk_ids [tokens, top_k]` that are padding or do not go to the expert."""
    rest = ~routed_mask(topk_ids, experts).T
    return (rest if padding is None else rest | padding).contiguous()
