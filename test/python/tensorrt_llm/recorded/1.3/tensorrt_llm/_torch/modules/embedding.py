"""The embedding and the head.

Signatures of `tensorrt_llm/_torch/modules/embedding.py` as `tensorrt_llm/_torch/models/modeling_utils.py` calls them at
commit 930bd1a7cc5173721fd6bb3a34b5b3074eeb0c39.
"""

import torch
from plain.embedding import fill_padded, looked_up, padded_features, unpadded
from torch import nn

from tensorrt_llm._torch.modules.linear import Linear
from tensorrt_llm.mapping import Mapping


class LMHead(Linear):
    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        dtype=None,
        mapping=None,
        tensor_parallel_mode=None,
        gather_output=False,
        reduce_output=True,
        use_custom_cublas_mm=False,
        quant_config=None,
    ):
        mapping = mapping or Mapping()
        into, out, padding = padded_features(num_embeddings, embedding_dim, mapping, tensor_parallel_mode)
        super().__init__(
            into,
            out,
            bias=False,
            dtype=dtype,
            mapping=mapping,
            tensor_parallel_mode=tensor_parallel_mode,
            gather_output=gather_output,
            reduce_output=reduce_output,
            use_custom_cublas_mm=use_custom_cublas_mm,
        )
        self.padding_size, self.num_embeddings, self.embedding_dim = padding, num_embeddings, embedding_dim
        self.weight = nn.Parameter(torch.empty((self.out_features, self.in_features), dtype=dtype))
        self.register_parameter("bias", None)

    def forward(self, input, *, all_reduce_params=None, mapping_lm_head_tp=None, is_spec_decoding_head=False):
        return unpadded(super().forward(input, all_reduce_params=all_reduce_params), self)

    def load_weights(self, weights, allow_partial_loading=False):
        fill_padded(self, weights, super().load_weights)


class Embedding(LMHead):
    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        dtype=None,
        mapping=None,
        tensor_parallel_mode=None,
        gather_output=False,
        reduce_output=True,
        enable_torch_compile_for_embedding=False,
        use_custom_cublas_mm=False,
    ):
        super().__init__(
            embedding_dim=embedding_dim,
            num_embeddings=num_embeddings,
            dtype=dtype,
            mapping=mapping,
            tensor_parallel_mode=tensor_parallel_mode,
            gather_output=gather_output,
            reduce_output=reduce_output,
            use_custom_cublas_mm=use_custom_cublas_mm,
        )

    def forward(self, input):
        return looked_up(input, self)
