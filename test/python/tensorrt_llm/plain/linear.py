"""Linear layers split over ranks by columns or rows, and their loading from lists of dictionaries."""

import enum
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from plain.parallel import gathered


class WeightMode(str, enum.Enum):
    VANILLA = "vanilla"
    FUSED_QKV_LINEAR = "fused_qkv_linear"
    FUSED_GATE_UP_LINEAR = "fused_gate_up_linear"


@dataclass(kw_only=True)
class WeightsLoadingConfig:
    weight_mode: WeightMode = WeightMode.VANILLA
    ignore_tensor_parallel: bool = False


class TensorParallelMode(str, enum.Enum):
    COLUMN = "column"
    ROW = "row"


class PlainLinear(nn.Module):
    def set_up(self, in_features, out_features, *, bias, dtype, mapping, mode, gather, loading, all_reduce, deferred):
        super().__init__()
        size = mapping.tp_size
        self.in_features = in_features // size if mode == TensorParallelMode.ROW else in_features
        self.out_features = out_features // size if mode == TensorParallelMode.COLUMN else out_features
        self.mapping, self.tp_mode, self.gather_output, self.dtype = mapping, mode, gather, dtype
        self.tp_size, self.tp_rank = size, mapping.tp_rank
        self.weights_loading_config = loading or WeightsLoadingConfig()
        self.has_bias, self.all_reduce = bias, all_reduce
        self._weights_created = False
        if not deferred:
            self.create_weights()

    def create_weights(self):
        if self._weights_created:
            return
        self.add_parameters((self.out_features, self.in_features))
        self._weights_created = True

    def add_parameters(self, shape):
        self.weight = nn.Parameter(torch.empty(shape, dtype=self.dtype), requires_grad=False)
        bias = nn.Parameter(torch.empty(shape[0], dtype=self.dtype), requires_grad=False) if self.has_bias else None
        self.register_parameter("bias", bias)

    def computed(self, x):
        if self.tp_mode == TensorParallelMode.ROW:
            out = functional.linear(x, self.weight, self.bias if self.tp_rank == 0 else None)
            return out if self.all_reduce is None else self.all_reduce(out)
        out = functional.linear(x, self.weight, self.bias)
        if self.tp_mode == TensorParallelMode.COLUMN and self.gather_output:
            return gathered(out, self.mapping)
        return out

    def fill(self, weights):
        assert self._weights_created
        fused = self.weights_loading_config.weight_mode == WeightMode.FUSED_QKV_LINEAR
        assert len(weights) == (3 if fused else 1)
        for name, parameter in self.named_parameters(recurse=False):
            parts = [self._own_part(part[name]) for part in weights]
            parameter.data.copy_(torch.cat(parts))

    def _own_part(self, tensor):
        if self.tp_mode is None or self.tp_size == 1:
            return tensor
        dim = 1 if self.tp_mode == TensorParallelMode.ROW else 0
        if dim == 1 and tensor.dim() == 1:
            return tensor
        width = math.ceil(tensor.shape[dim] / self.tp_size)
        start = self.tp_rank * width
        return tensor.narrow(dim, start, min(width, tensor.shape[dim] - start))
