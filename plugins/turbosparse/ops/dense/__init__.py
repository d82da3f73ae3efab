"""The operators as dense GEMMs: for calls of more tokens than the sparse kernels hold or win at, and for the CPU.

They read the one neuron-major copy of the weights as strided matrices, honour the same masks as the sparse kernels, and
so compute the same function. On CUDA nothing here waits for the device or depends on its data, so calls can be captured
in a graph; tokens are taken in chunks, so that intermediate tensors stay small. The GEMMs are torch's. What happens
around them is in operators of its own, in one pass each: on CUDA kernels of the library, on the CPU the torch functions
that are exported here under the operators' names.
"""

from turbosparse.ops.dense.activation import activate_
from turbosparse.ops.dense.feed_forward import ffn
from turbosparse.ops.dense.grouping import group_tokens, sum_slots_
from turbosparse.ops.dense.mixture import moe
from turbosparse.ops.dense.packing import pack_logits_
from turbosparse.ops.dense.selection import Predictor, predict

__all__ = ["Predictor", "activate_", "ffn", "group_tokens", "moe", "pack_logits_", "predict", "sum_slots_"]
