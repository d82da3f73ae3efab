"""Which neurons a token keeps: read from the active set, or evaluated by the predictor for the tokens at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from turbosparse.ops.dense.chunks import chunks, word_rows
from turbosparse.ops.dense.grouping import Groups
from turbosparse.reference.active_set import pack_mask, token_words, union_bytes, unpack_dropped
from turbosparse.reference.planes import joined_planes
from turbosparse.reference.predictor import PredictorWeights, predict_logits
from turbosparse.reference.routing import routed_mask


class Selection(Protocol):
    """Neurons to leave out, for a slice of tokens made by `chunks`. None leaves out no neuron."""

    def bits(self, part: slice) -> Tensor | None:
        """The slice's rows of `token_bits`, or None where the selection is not known in this form."""
        ...

    def dropped(self, part: slice) -> Tensor | None:
        """bool `[tokens of the slice, experts, intermediate]`."""
        ...

    def dropped_of_groups(self, part: slice, inputs: Tensor, groups: Groups) -> Tensor | None:
        """bool `[rows, intermediate]`: of each row of `groups`, made from the slice, for its own expert.

        `inputs [rows, hidden]` is what the rows' predictors read. Rows of no expert may hold anything.
        """
        ...


@dataclass(frozen=True)
class AllNeurons:
    """No predictor: the gates decide. `padding`, bool `[tokens]`, marks rows that keep no neuron."""

    padding: Tensor | None

    def bits(self, part: slice) -> None:
        return None

    def dropped(self, part: slice) -> Tensor | None:
        return None if self.padding is None else self.padding[part, None, None]

    def dropped_of_groups(self, part: slice, inputs: Tensor, groups: Groups) -> Tensor | None:
        # Padded rows are rows of no expert.
        return None


@dataclass(frozen=True)
class Bits:
    """The active set of `reference.active_set`, of all tokens."""

    token_bits: Tensor
    experts: int

    def bits(self, part: slice) -> Tensor:
        return self.token_bits[word_rows(part, self.experts)]

    def dropped(self, part: slice) -> Tensor:
        return unpack_dropped(self.bits(part), part.stop - part.start)

    def dropped_of_groups(self, part: slice, inputs: Tensor, groups: Groups) -> Tensor:
        return self.dropped(part)[groups.token, groups.expert_or_last]


@dataclass(frozen=True)
class Predictor:
    """The predictor's choice for the tokens of `x [tokens, hidden]`."""

    x: Tensor
    weights: PredictorWeights
    threshold: float
    padding: Tensor | None

    def bits(self, part: slice) -> None:
        return None

    def dropped(self, part: slice) -> Tensor:
        # NaN is not <= a threshold, so it keeps its neuron, as in predict_mask.
        dropped = predict_logits(self.x[part], *self.weights) <= self.threshold
        return dropped if self.padding is None else dropped.logical_or_(self.padding[part, None, None])

    def dropped_of_groups(self, part: slice, inputs: Tensor, groups: Groups) -> Tensor:
        fc1, fc2, fc2_low, fc2_scale = self.weights
        hidden = torch.relu_(groups.linear(inputs, fc1))
        if fc2_low is None or fc2_scale is None:
            return groups.linear(hidden, fc2) <= self.threshold
        return _planes_linear(groups, hidden, fc2, fc2_low, fc2_scale) <= self.threshold


def _planes_linear(groups: Groups, inputs: Tensor, high: Tensor, low: Tensor, scale: Tensor) -> Tensor:
    """`groups.linear` of matrices in planes.

    Torch's grouped GEMM returns no float32, so that on CUDA sums are rounded to the dtype twice, before and after
    the scale. A logit near the threshold is near 0, where that is little.
    """
    wide = inputs.dtype if inputs.is_cuda else torch.promote_types(inputs.dtype, torch.float32)
    sums = groups.linear(torch.cat([inputs, inputs], 1).to(wide), joined_planes(high, low, wide))
    return sums.mul_(scale[groups.expert_or_last]).to(inputs.dtype)


def predict(predictor: Predictor, topk_ids: Tensor | None) -> tuple[Tensor, Tensor]:
    """The active set that the predictor selects; for several experts of the routed ones only."""
    x, (experts, intermediate) = predictor.x, predictor.weights.fc2.shape[:2]
    union = torch.zeros((experts, union_bytes(intermediate)), dtype=torch.uint8, device=x.device)
    bits = torch.empty((token_words(len(x)) * experts, intermediate), dtype=torch.int64, device=x.device)
    # Logits, the mask, and the bytes that it is packed through.
    for part in chunks(len(x), experts * intermediate * (2 * x.element_size() + 4)):
        mask = ~predictor.dropped(part)
        if topk_ids is not None:
            mask &= routed_mask(topk_ids[part], experts).unsqueeze(-1)
        part_union, bits[word_rows(part, experts)] = pack_mask(mask)
        union |= part_union
    return union, bits
