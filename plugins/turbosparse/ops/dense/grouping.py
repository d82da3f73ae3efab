"""Tokens sorted by expert, and GEMMs over the groups."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# Bytes to which torch's grouped GEMM wants rows aligned.
_ALIGNMENT = 16


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


@dataclass(frozen=True)
class Groups:
    """Slots of tokens, `top_k` each, in the order of their experts; slots of no expert come last.

    token: int64 `[rows]`, the token of each row.
    expert: int64 `[rows]`, its expert, or `experts` for none.
    ends: int32 `[experts]`, the row after the last of each expert.
    position: int64 `[tokens, top_k]`, the row of each slot.
    """

    token: Tensor
    expert: Tensor
    ends: Tensor
    position: Tensor

    @property
    def expert_or_last(self) -> Tensor:
        """`expert` as an index that is valid for rows of no expert too."""
        return self.expert.clamp(max=len(self.ends) - 1)

    def linear(self, inputs: Tensor, matrices: Tensor) -> Tensor:
        """`[rows, n]`: each row of `inputs [rows, k]` times its expert's matrix of `matrices [experts, n, k]`.

        Rows of no expert are not computed and hold anything.
        """
        if inputs.is_cuda:
            return functional.grouped_mm(inputs, matrices.transpose(1, 2), offs=self.ends)
        out = inputs.new_empty((len(inputs), matrices.shape[1]))
        start = 0
        for matrix, end in zip(matrices, self.ends.tolist()):
            torch.mm(inputs[start:end], matrix.T, out=out[start:end])
            start = end
        return out


def group(topk_ids: Tensor, experts: int, padding: Tensor | None) -> Groups:
    """Groups of `topk_ids` int `[tokens, top_k]`; ids outside `[0, experts)` and padded tokens are of no expert."""
    nowhere = (topk_ids < 0) | (topk_ids >= experts)
    if padding is not None:
        nowhere |= padding[:, None]
    keys = topk_ids.long().masked_fill_(nowhere, experts).flatten()
    # Stable, so that sums are of the same terms in the same rows on every run.
    expert, order = keys.sort(stable=True)
    each = torch.arange(experts, device=keys.device)
    ends = torch.searchsorted(expert, each, right=True, out_int32=True)
    position = torch.empty_like(order)
    position[order] = torch.arange(len(order), device=keys.device)
    return Groups(order // max(topk_ids.shape[1], 1), expert, ends, position.view(topk_ids.shape))
