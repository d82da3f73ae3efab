"""Torch modules of sparse feed-forward layers, for the adapters of any PyTorch server.

They hold one shard's weights in the layout that the operators read, take a checkpoint's tensors one by one as a server
streams them, and leave sums over shards to the server.
"""

from turbosparse.layers.compute import mlp, moe
from turbosparse.layers.function import Function
from turbosparse.layers.neurons import Neurons
from turbosparse.layers.norm import RMSNorm
from turbosparse.layers.operators import define_layers
from turbosparse.layers.residual import decoder_step
from turbosparse.layers.sparse_mlp import SparseMLP
from turbosparse.layers.sparse_moe import Mixture, SparseMoE, local_expert_ids, own_experts
from turbosparse.reference.routing import top_k_routing

__all__ = [
    "Function",
    "Mixture",
    "Neurons",
    "RMSNorm",
    "SparseMLP",
    "SparseMoE",
    "decoder_step",
    "define_layers",
    "local_expert_ids",
    "mlp",
    "moe",
    "own_experts",
    "top_k_routing",
]
