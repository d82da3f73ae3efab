"""What pipeline parallelism asks of a layer.

Signatures of `tensorrt_llm/_torch/modules/decoder_layer.py` at commit 1cef851ed8fa324ee72a7e1f891d803a6c922ed4.
"""

from abc import ABC, abstractmethod

from torch import nn


class DecoderLayer(nn.Module, ABC):
    @abstractmethod
    def forward(self, position_ids, hidden_states, attn_metadata, residual=..., **kwargs): ...
