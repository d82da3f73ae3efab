"""Torch modules of sparse feed-forward layers, for the adapters of any PyTorch server.

They hold one shard's weights in the layout that the operators read, take a checkpoint's tensors one by one as a server
streams them, and leave sums over shards to the server.
"""

from turbosparse.layers.compute import mlp, moe
from turbosparse.layers.function import Function
from turbosparse.layers.neurons import Neurons
from turbosparse.layers.sparse_mlp import SparseMLP
from turbosparse.layers.sparse_moe import SparseMoE, local_expert_ids, top_k_routing

__all__ = ["Function", "Neurons", "SparseMLP", "SparseMoE", "local_expert_ids", "mlp", "moe", "top_k_routing"]
