"""How the share of neurons that some token of a call selects grows with the number of tokens."""

from __future__ import annotations

from collections import defaultdict

from torch import Tensor

SIZES = (1, 2, 4, 8, 16, 32, 64)


class UnionGrowth:
    """Mean shares over groups of neighbouring rows of the masks that were added."""

    def __init__(self) -> None:
        self._sums: defaultdict[int, float] = defaultdict(float)
        self._groups: defaultdict[int, int] = defaultdict(int)

    def add(self, mask: Tensor) -> None:
        """Counts all groups of 1, 2, 4 … 64 rows of bool `[tokens, experts, intermediate]`; a rest is left out."""
        unions = mask.flatten(1)
        for size in SIZES:
            if size > 1:
                unions = unions[: len(unions) // 2 * 2].unflatten(0, (-1, 2)).any(1)
            if len(unions) == 0:
                return
            self._sums[size] += unions.float().mean(1).sum().item()
            self._groups[size] += len(unions)

    def shares(self) -> dict[int, float]:
        """Share by number of tokens, for the numbers that there were groups of."""
        return {size: self._sums[size] / self._groups[size] for size in SIZES if self._groups[size]}
