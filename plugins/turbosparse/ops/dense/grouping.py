"""Tokens sorted by expert, and GEMMs over the groups."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from turbosparse.reference.planes import joined_planes

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

    token: int32 `[rows]`, the token of each row.
    position: int32 `[tokens, top_k]`, the row of each slot, or -1 of no expert.
    ends: int32 `[experts]`, the row after the last of each expert.
    """

    token: Tensor
    position: Tensor
    ends: Tensor

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

    def planes_sums(self, inputs: Tensor, high: Tensor, low: Tensor) -> Tensor:
        """`linear` of matrices in planes, without their scale: in the dtype of `inputs` on CUDA, else in float32 too.

        Torch's grouped GEMM returns no float32, so that sums are rounded before and after the scale. A logit near the
        threshold is near 0, where that is little.
        """
        dtype = inputs.dtype if inputs.is_cuda else torch.promote_types(inputs.dtype, torch.float32)
        return self.linear(torch.cat([inputs, inputs], 1).to(dtype), joined_planes(high, low, dtype))


def group(topk_ids: Tensor, experts: int, padding: Tensor | None) -> Groups:
    """Groups of `topk_ids` int32 `[tokens, top_k]`; ids outside `[0, experts)` and padded tokens are of no expert."""
    return Groups(*torch.ops.turbosparse.group_tokens(topk_ids, padding, experts))


def group_tokens(topk_ids: Tensor, padding: Tensor | None, experts: int) -> tuple[Tensor, Tensor, Tensor]:
    """The operator in torch: the fields of `Groups`."""
    nowhere = (topk_ids < 0) | (topk_ids >= experts)
    if padding is not None:
        nowhere |= padding[:, None]
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
