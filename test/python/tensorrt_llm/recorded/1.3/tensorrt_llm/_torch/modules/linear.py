"""Linear layers.

Signatures of `tensorrt_llm/_torch/modules/linear.py` at commit 00bbf71e796406ea8593a77cbfb828356182db16.
"""

from plain.linear import PlainLinear, TensorParallelMode, WeightMode, WeightsLoadingConfig

from tensorrt_llm._torch.distributed import AllReduce
from tensorrt_llm.functional import AllReduceStrategy
from tensorrt_llm.mapping import Mapping

__all__ = ["Linear", "TensorParallelMode", "WeightMode", "WeightsLoadingConfig"]


class Linear(PlainLinear):
    def __init__(
        self,
        in_features,
        out_features,
        bias=True,
        dtype=None,
        mapping=None,
        tensor_parallel_mode=None,
        gather_output=False,
        quant_config=None,
        weights_loading_config=None,
        reduce_output=True,
        skip_create_weights_in_init=False,
        use_custom_cublas_mm=False,
        lora=None,
        allreduce_strategy=AllReduceStrategy.AUTO,
        force_dynamic_quantization=False,
        use_cute_dsl_blockscaling_mm=False,
        disable_deep_gemm=False,
        fused_weight_shard_indices_mapping=None,
        nvfp4_allowed_backends=None,
        enable_gemm_allreduce_fusion=True,
    ):
        mapping = mapping or Mapping()
        all_reduce = AllReduce(mapping=mapping, strategy=allreduce_strategy, dtype=dtype) if reduce_output else None
        self.set_up(
            in_features,
            out_features,
            bias=bias,
            dtype=dtype,
            mapping=mapping,
            mode=tensor_parallel_mode,
            gather=gather_output,
            loading=weights_loading_config,
            all_reduce=all_reduce,
            deferred=skip_create_weights_in_init,
        )

    def forward(self, input, *, all_reduce_params=None, prefer_window_output=None, lora_params=None, layer_idx=None):
        return self.computed(input)

    def load_weights(self, weights, allow_partial_loading=False):
        assert not allow_partial_loading
        self.fill(weights)
