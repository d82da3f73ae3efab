"""Sums and gathers over the tensor-parallel group, which here is all processes."""

import torch
from torch import distributed, nn


class PlainAllReduce(nn.Module):
    def __init__(self, mapping):
        super().__init__()
        self.mapping = mapping

    def reduced(self, tensor):
        if self.mapping.tp_size == 1:
            return tensor
        # Not in place, as recorded.
        total = tensor.clone()
        distributed.all_reduce(total)
        return total


def gathered(tensor, mapping, dim=-1):
    if mapping.tp_size == 1:
        return tensor
    parts = [torch.empty_like(tensor) for _ in range(mapping.tp_size)]
    distributed.all_gather(parts, tensor.contiguous())
    return torch.cat(parts, dim)
