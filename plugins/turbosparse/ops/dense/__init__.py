"""The operators as dense GEMMs: for calls of more tokens than the sparse kernels hold or win at, and for the CPU.

They read the one neuron-major copy of the weights as strided matrices, honour the same masks as the sparse kernels, and
so compute the same function. On CUDA nothing here waits for the device or depends on its data, so calls can be captured
in a graph; tokens are taken in chunks, so that intermediate tensors stay small.
"""

from turbosparse.ops.dense.activation import activate_
from turbosparse.ops.dense.feed_forward import ffn
from turbosparse.ops.dense.mixture import moe
from turbosparse.ops.dense.selection import AllNeurons, Bits, Predictor, Selection, predict

__all__ = ["AllNeurons", "Bits", "Predictor", "Selection", "activate_", "ffn", "moe", "predict"]
