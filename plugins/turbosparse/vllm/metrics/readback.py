"""Brings the counters to the host without waiting for the device."""

from __future__ import annotations

import torch
from torch import Tensor


class Readback:
    """One copy at a time, in the order of the stream on which it is started."""

    def __init__(self, counted: Tensor) -> None:
        self._counted = counted
        cuda = counted.is_cuda
        # Only a copy to pinned memory returns before it is done.
        self._copy = torch.empty(counted.shape, dtype=counted.dtype, device="cpu", pin_memory=cuda)
        self._done = torch.cuda.Event() if cuda else None

    def start(self) -> None:
        self._copy.copy_(self._counted, non_blocking=True)
        if self._done is not None:
            self._done.record()

    def result(self) -> Tensor | None:
        """What was counted when the copy was made; None while it is under way."""
        if self._done is not None and not self._done.query():
            return None
        return self._copy.clone()
