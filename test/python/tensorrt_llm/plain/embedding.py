"""The head and the embedding, padded where the vocabulary does not divide among the ranks."""

import math

import torch
from torch.nn import functional

from plain.linear import TensorParallelMode


def padded_features(num_embeddings, embedding_dim, mapping, mode):
    """`(in_features, out_features, padding)` of all ranks together."""
    assert mode in (None, TensorParallelMode.COLUMN), "only these are used"
    out = num_embeddings if mode is None else math.ceil(num_embeddings / mapping.tp_size) * mapping.tp_size
    return embedding_dim, out, out - num_embeddings


def unpadded(output, head):
    cut = head.tp_mode == TensorParallelMode.COLUMN and head.gather_output and head.padding_size > 0
    return output[..., : -head.padding_size] if cut else output


def fill_padded(head, weights, fill):
    """Load `weights` by `fill`, the rows of the padding staying zero."""
    whole = head.weight.data
    last = head.tp_mode == TensorParallelMode.COLUMN and head.tp_rank == head.tp_size - 1 and head.padding_size > 0
    if last:
        whole.zero_()
        head.weight.data = whole[: -head.padding_size]
    fill(weights)
    head.weight.data = whole


def looked_up(ids, embedding):
    """`[tokens, embedding_dim]`, summed over the ranks that have a range of the vocabulary each."""
    if embedding.tp_size == 1 or embedding.tp_mode is None:
        return functional.embedding(ids, embedding.weight)
    start = embedding.tp_rank * len(embedding.weight)
    own = (ids >= start) & (ids < start + len(embedding.weight))
    rows = functional.embedding(torch.where(own, ids - start, 0), embedding.weight)
    return embedding.all_reduce(rows.masked_fill(~own[:, None], 0))
