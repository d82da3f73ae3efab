"""RMS norm, fused with the sum before it.

Signatures of `tensorrt_llm/_torch/modules/rms_norm.py` at commit b35ac1b64368513d215c57d2ed01d62d910df8da.
"""

import torch
from plain.norm import fused_add_rms_norm_, rms_norm
from torch import nn


class RMSNorm(nn.Module):
    def __init__(self, *, hidden_size, eps, dtype=None, device=None, has_weights=True, use_gemma=False):
        super().__init__()
        assert has_weights, "all norms of these models have weights"
        assert not use_gemma, "no norm of these models is Gemma's"
        self.weight = nn.Parameter(torch.ones(hidden_size, dtype=dtype, device=device))
        self.variance_epsilon = eps

    def forward(self, hidden_states, residual=...):
        if residual is ...:
            return rms_norm(hidden_states, self.weight, self.variance_epsilon)
        fused_add_rms_norm_(hidden_states, residual, self.weight, self.variance_epsilon)
        return hidden_states, residual
