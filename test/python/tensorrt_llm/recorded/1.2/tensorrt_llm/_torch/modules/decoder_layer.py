"""What pipeline parallelism asks of a layer.

Signatures of `tensorrt_llm/_torch/modules/decoder_layer.py` at commit c85e8726ad9c0f4f4c182d8959f522c2e1fa50b7.
"""

from abc import ABC, abstractmethod

from torch import nn


class DecoderLayer(nn.Module, ABC):
    @abstractmethod
    def forward(self, position_ids, hidden_states, attn_metadata, residual=..., **kwargs): ...
