"""What is shown while measuring: a bar where tqdm is installed and the output is a terminal, else lines."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from turbosparse.bench.plan import Case


class Progress(Protocol):
    """Where a run stands."""

    def start(self, total: int) -> None: ...

    def note(self, text: str) -> None: ...

    def finished(self, case: Case, result: dict[str, Any]) -> None: ...


def create_progress(stream: TextIO, clock: Callable[[], float] = time.monotonic) -> Progress:
    """The progress that suits a stream. `clock` is in seconds."""
    if stream.isatty():
        try:
            return _Bar(stream, importlib.import_module("tqdm").tqdm)
        except ImportError:
            pass
    return _Lines(stream, clock)


def summary(case: Case, result: dict[str, Any]) -> str:
    """One result in words."""
    text = f"{case}: {result['microseconds']:.2f} us"
    if result["speedup"] is not None:
        text += f", {result['speedup']:.2f} times dense"
    return f"{text}, {result['roofShare']:.0%} of the roof"


class _Lines:
    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._total = self._done = 0
        self._began = 0.0

    def start(self, total: int) -> None:
        self._total, self._began = total, self._clock()

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def finished(self, case: Case, result: dict[str, Any]) -> None:
        self._done += 1
        left = (self._clock() - self._began) / self._done * (self._total - self._done)
        width = len(str(self._total))
        self.note(f"[{self._done:{width}}/{self._total}] {summary(case, result)}; about {left:.0f} s left")


class _Bar:
    def __init__(self, stream: TextIO, tqdm: Callable[..., Any]) -> None:
        self._stream, self._tqdm = stream, tqdm
        self._bar: Any = None

    def start(self, total: int) -> None:
        self._bar = self._tqdm(total=total, file=self._stream, unit="result")

    def note(self, text: str) -> None:
        self._bar.write(text, file=self._stream)

    def finished(self, case: Case, result: dict[str, Any]) -> None:
        self._bar.write(summary(case, result), file=self._stream)
        self._bar.update()
        if self._bar.n == self._bar.total:
            self._bar.close()
