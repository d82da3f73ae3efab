"""Logits of the last token of each sequence, or of all.

Signatures of `tensorrt_llm/_torch/modules/logits_processor.py` at commit 89fd9b74ab7ae753b4c6b3db25a400dca7ea54a0.
"""

import torch
from torch import nn


class PlainLogitsProcessor(nn.Module):
    def forward(self, hidden_states, lm_head, attn_metadata, return_context_logits=False):
        if not return_context_logits:
            last = torch.cumsum(attn_metadata.seq_lens_cuda, dim=0, dtype=torch.long) - 1
            hidden_states = hidden_states[last]
        return lm_head(hidden_states).float()
