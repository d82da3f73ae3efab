"""Which tokens stand for independent ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Eight groups of 64.
SAMPLED = 512


def deal(lengths: Sequence[int], seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Up to 512 random tokens of sequences of these lengths, dealt so that neighbours come from different ones.

    Returns for each sequence its tokens and their places in the sample, int64 `[n]` both. With 64 sequences or more
    every group of 64 places holds tokens of 64 sequences; with fewer each has about as many tokens in it.
    """
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(length, generator=generator) for length in lengths]
    taken = [0] * len(lengths)
    places: list[list[int]] = [[] for _ in lengths]
    place = 0
    while place < min(SAMPLED, sum(lengths)):
        for sequence in torch.randperm(len(lengths), generator=generator).tolist():
            if taken[sequence] < lengths[sequence] and place < SAMPLED:
                taken[sequence] += 1
                places[sequence].append(place)
                place += 1
    return [(order[:count], torch.tensor(own, dtype=torch.int64)) for order, count, own in zip(orders, taken, places)]
