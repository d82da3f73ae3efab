"""The norms of a decoder's branches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from turbosparse import ops
from turbosparse.reference.attention import rms_norm


class RMSNorm(nn.Module):
    """`x / sqrt(mean(x**2) + eps) * weight` over the last dimension.

    With a residual stream, to which `x` is added before, in a kernel that overlaps with those of the sparse layers.
    """

    def __init__(self, hidden: int, eps: float, dtype: torch.dtype | None = None) -> None:
        """Allocates `weight [hidden]` on torch's default device; None is torch's default dtype."""
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(hidden, dtype=dtype), requires_grad=False)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """The norm of `x [tokens, hidden]`, or with `residual` of that shape the norm of their sum, and the sum."""
        if residual is None:
            return rms_norm(x, self.weight, self.eps)
        return ops.add_rms_norm(x, residual, self.weight, self.eps)

    def route(self, x: Tensor, residual: Tensor, router: Tensor, top_k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `forward` with `residual`, and ids and weights of the experts that the normed tokens are routed to."""
        return ops.add_rms_norm_route(x, residual, self.weight, self.eps, router, top_k)
