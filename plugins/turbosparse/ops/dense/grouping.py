"""Tokens laid out by expert, and GEMMs over the experts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.reference.planes import joined_planes
from turbosparse.reference.predictor import planes_sums

# Bytes to which torch's grouped GEMM wants rows aligned.
_ALIGNMENT = 16
# Rows of its tiles. It takes the small one up to so many rows a group as the large one has, but from the small one's
# rows on the large one is faster: 0.83 of the time on an H200 with 128 rows a group.
_SMALL_TILE, _LARGE_TILE = 64, 128
# Up to so many tokens GEMMs wait for the weights, and batched ones of every expert read them faster than grouped ones:
# 0.73 of the time on an H200.
_BATCHED_TOKENS = 128


def has_grouped_gemm(x: Tensor, intermediate: int) -> bool:
    """Whether torch multiplies groups of the rows of `x`, and of their activations, without waiting for their sizes.

    Its CUTLASS kernels are for bfloat16 on compute capability 9 and 10; elsewhere it copies the sizes to the host, for
    which neither a server nor a graph can wait. On the CPU the sizes are on the host already.
    """
    if not x.is_cuda:
        return True
    major, _ = torch.cuda.get_device_capability(x.device)
    if not hasattr(functional, "grouped_mm") or x.dtype != torch.bfloat16 or major not in (9, 10):
        return False
    return all(width * x.element_size() % _ALIGNMENT == 0 for width in (x.shape[1], intermediate))


def sorts_tokens(x: Tensor, weights: Tensor, topk_ids: Tensor) -> bool:
    """Whether each expert is to compute its own tokens only, instead of every token of `x`."""
    experts, intermediate = weights.shape[:2]
    if not has_grouped_gemm(x, intermediate):
        return False
    # With fewer slots than experts some have no tokens, and their weights need not be read.
    return not x.is_cuda or len(x) > _BATCHED_TOKENS or topk_ids.numel() < experts


class Rows(Protocol):
    """Tokens laid out in rows of one expert each, for GEMMs that take a row to its expert's matrix."""

    @property
    def position(self) -> Tensor:
        """int32 `[tokens, top_k]`: the row of each slot, or -1 of no expert."""
        ...

    @property
    def ends(self) -> Tensor:
        """int32 `[experts]`: the row after the last of each expert."""
        ...

    def inputs(self, x: Tensor) -> Tensor:
        """`[rows, hidden]`: each row's token of `x [tokens, hidden]`."""
        ...

    def linear(self, inputs: Tensor, matrices: Tensor) -> Tensor:
        """`[rows, n]`: each row of `inputs [rows, k]` times its expert's matrix of `matrices [experts, n, k]`.

        Rows of no slot may hold anything.
        """
        ...

    def planes_sums(self, inputs: Tensor, high: Tensor, low: Tensor) -> Tensor:
        """`linear` of matrices in planes without their scale, in float32 or else in the dtype of `inputs`."""
        ...


@dataclass(frozen=True)
class Sorted:
    """One row a slot, in the order of their experts; those of no expert come last.

    `token` int32 `[rows]` is the token of each row.
    """

    token: Tensor
    position: Tensor
    ends: Tensor

    def inputs(self, x: Tensor) -> Tensor:
        return x.index_select(0, self.token)

    def linear(self, inputs: Tensor, matrices: Tensor) -> Tensor:
        if inputs.is_cuda:
            return functional.grouped_mm(inputs, matrices.transpose(1, 2), offs=self.ends)
        out = inputs.new_empty((len(inputs), matrices.shape[1]))
        start = 0
        for matrix, end in zip(matrices, self.ends.tolist()):
            torch.mm(inputs[start:end], matrix.T, out=out[start:end])
            start = end
        return out

    def planes_sums(self, inputs: Tensor, high: Tensor, low: Tensor) -> Tensor:
        # Torch's grouped GEMM returns no float32, so that on CUDA sums are rounded before and after the scale. A logit
        # near the threshold is near 0, where that is little.
        dtype = inputs.dtype if inputs.is_cuda else torch.promote_types(inputs.dtype, torch.float32)
        return self.linear(torch.cat([inputs, inputs], 1).to(dtype), joined_planes(high, low, dtype))


@dataclass(frozen=True)
class Batched:
    """Every token for every expert: row `expert * tokens + token`."""

    position: Tensor
    experts: int

    @property
    def ends(self) -> Tensor:
        each = torch.arange(1, self.experts + 1, dtype=torch.int32, device=self.position.device)
        return each * len(self.position)

    def inputs(self, x: Tensor) -> Tensor:
        return x.repeat(self.experts, 1)

    def linear(self, inputs: Tensor, matrices: Tensor) -> Tensor:
        return torch.bmm(self._by_expert(inputs), matrices.transpose(1, 2)).flatten(0, 1)

    def planes_sums(self, inputs: Tensor, high: Tensor, low: Tensor) -> Tensor:
        return planes_sums(self._by_expert(inputs), high, low).flatten(0, 1)

    def _by_expert(self, inputs: Tensor) -> Tensor:
        return inputs.view(self.experts, -1, inputs.shape[1])


def group(topk_ids: Tensor, experts: int, padding: Tensor | None) -> Sorted:
    """Of `topk_ids` int32 `[tokens, top_k]`; ids outside `[0, experts)` and padded tokens are of no expert."""
    token, position, ends = torch.ops.turbosparse.group_tokens(topk_ids, padding, experts)
    slots = len(token)
    if topk_ids.is_cuda and _SMALL_TILE * experts < slots < (_LARGE_TILE + 1) * experts:
        token = functional.pad(token, (0, (_LARGE_TILE + 1) * experts - slots))
    return Sorted(token, position, ends)


def batch(topk_ids: Tensor, experts: int, padding: Tensor | None) -> Batched:
    """As `group`."""
    tokens = len(topk_ids)
    each = torch.arange(tokens, dtype=torch.int32, device=topk_ids.device)
    position = topk_ids * tokens + each.unsqueeze(1)
    return Batched(position.masked_fill_(_nowhere(topk_ids, experts, padding), -1), experts)


def _nowhere(topk_ids: Tensor, experts: int, padding: Tensor | None) -> Tensor:
    nowhere = (topk_ids < 0) | (topk_ids >= experts)
    return nowhere if padding is None else nowhere.logical_or_(padding[:, None])


def group_tokens(topk_ids: Tensor, padding: Tensor | None, experts: int) -> tuple[Tensor, Tensor, Tensor]:
    """The operator in torch: the fields of `Sorted`."""
    nowhere = _nowhere(topk_ids, experts, padding)
    keys = topk_ids.masked_fill(nowhere, experts).flatten()
    # Stable, so that sums are of the same terms in the same rows on every run.
    expert, order = keys.sort(stable=True)
    each = torch.arange(experts, dtype=keys.dtype, device=keys.device)
    ends = torch.searchsorted(expert, each, right=True, out_int32=True)
    position = torch.empty_like(keys)
    position[order] = torch.arange(len(order), dtype=keys.dtype, device=keys.device)
    token = (order // max(topk_ids.shape[1], 1)).to(keys.dtype)
    return token, position.view(topk_ids.shape).masked_fill_(nowhere, -1), ends


def sum_slots_(out: Tensor, rows: Tensor, position: Tensor, topk_weights: Tensor) -> None:
    """The operator in torch: `out [tokens, hidden]` is the sum of each token's `rows`, times their `topk_weights`.

    Slot by slot in a fixed order, in at least float32: adding rows to their tokens by index would need atomics.
    """
    wide = torch.promote_types(out.dtype, torch.float32)
    slots = rows[position].to(wide) * topk_weights.to(wide).unsqueeze(-1)
    out.copy_(slots.masked_fill_((position < 0).unsqueeze(-1), 0.0).sum(1))
