"""A machine for the benchmark's tests: the CPU with a clock that is told the time."""

from __future__ import annotations

from turbosparse.bench.machine import Machine

DESCRIPTION = {
    "gpu": "NVIDIA Test",
    "driver": "1.2",
    "torch": "2.11.0",
    "cuda": "13.0",
    "turbosparse": "0.1.0",
    "archs": ["sm_90a"],
    "nvcc": "13.0.88",
    "commit": None,
    "sourcesSha256": "0" * 64,
}


class Clock:
    """Runs every step once, as a measurement would, and says what it was told: 10 us, then 10.5 us, and so on."""

    def __init__(self):
        self.measured = []

    def __call__(self, steps):
        results = [step() for step in steps]
        self.measured.append(results)
        return 10 + (len(self.measured) - 1) / 2


def machine(clock=None, *, l2_bytes=1000, free_bytes=10**9, description=DESCRIPTION, runs_dense=None):
    return Machine(
        device="cpu",
        description=dict(description),
        l2_bytes=l2_bytes,
        free_bytes=free_bytes,
        microseconds=clock or Clock(),
        copy_bandwidth=lambda: 4e12,
        fuse=lambda function: function,
        runs_dense=runs_dense or (lambda operator, shape, tokens: tokens > 8),
    )
