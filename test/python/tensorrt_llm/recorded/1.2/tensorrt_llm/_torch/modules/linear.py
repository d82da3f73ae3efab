"""Linear layers.

Signatures of `tensorrt_llm/_torch/modules/linear.py` at commit ed53795b33fc139493f762a1c6c53f691cf52d38.
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
        use_cute_dsl_nvfp4_blockscaling_mm=False,
        use_cublaslt_nvfp4_blockscaling_mm=False,
        disable_deep_gemm=False,
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

    def forward(self, input, *, all_reduce_params=None, lora_params=None, layer_idx=None):
        return self.computed(input)

    def load_weights(self, weights):
        self.fill(weights)
