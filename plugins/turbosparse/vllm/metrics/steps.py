"""Logs, from step to step, what was counted since the last time."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import Tensor
from vllm import envs

from turbosparse.vllm.metrics.counters import PathCount, path_counts
from turbosparse.vllm.metrics.path import PATHS
from turbosparse.vllm.metrics.readback import Readback


class StepLog:
    """Of the counters of so many layers, every VLLM_LOG_STATS_INTERVAL seconds in which there are steps."""

    def __init__(
        self, counted: Tensor, layers: int, log: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._readback, self._layers = Readback(counted), layers
        self._log, self._clock = log, clock
        self._has_reported = False
        self.restart()

    def restart(self) -> None:
        """Leave out what was counted before the next step, unless something has been logged already.

        vLLM computes batches of its own before it serves, and some of them when it has nothing to compute.
        """
        if not self._has_reported:
            self._before: tuple[float, Tensor] | None = None
            self._copied_at: float | None = None
            self._next = self._clock()

    def step(self) -> None:
        """Log what a copy of the counters says that has come, or start one when it is time."""
        if self._copied_at is None:
            if self._clock() >= self._next:
                self._copied_at = self._clock()
                self._next = self._copied_at + envs.VLLM_LOG_STATS_INTERVAL
                self._readback.start()
            return
        counted = self._readback.result()
        if counted is None:
            return
        before, self._before, self._copied_at = self._before, (self._copied_at, counted), None
        if before is not None:
            self._report(self._before[0] - before[0], counted - before[1])

    def _report(self, seconds: float, difference: Tensor) -> None:
        self._has_reported = True
        for name, counted in zip(PATHS, path_counts(difference), strict=True):
            if counted.calls:
                self._log(f"turbosparse: {self._text(counted)} by {name} in {seconds:.1f} s")

    def _text(self, counted: PathCount) -> str:
        parts = [f"{counted.calls / self._layers:.0f} steps of {counted.tokens / counted.calls:.1f} tokens"]
        if counted.density is not None:
            parts.append(f"density {counted.density:.1%}")
        if counted.union is not None:
            parts.append(f"union {counted.union:.1%}")
        return ", ".join(parts)
