"""What loading needs beside the weights themselves."""

import ctypes
import dataclasses
import gc
import sys
import threading

import pytest
from checkpoints import SHAPES, write
from models import engine_config, loaded, one_rank


def anonymous_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_of_loading_is_the_weights(tmp_path):
    # So many layers that one tensor, which a server holds while it is copied, is a small part of them.
    shape = dataclasses.replace(SHAPES["bamboo"], hidden=1024, intermediate=8192, layers=12, ranks=(512,) * 12)
    folder = write(tmp_path / "m", shape)
    # Modules that the first loading imports stay.
    warm = engine_config(folder, dtype="bfloat16")
    with one_rank(warm):
        loaded(warm)
    del warm
    gc.collect()
    config = engine_config(folder, dtype="bfloat16")
    peak, done = 0, threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.0005):
            peak = max(peak, anonymous_bytes())

    with one_rank(config):
        # What was freed before and loading might reuse is not the weights' own.
        ctypes.CDLL(None).malloc_trim(0)
        before = anonymous_bytes()
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            model = loaded(config)
        finally:
            done.set()
            watcher.join()
        weights = sum(parameter.nbytes for parameter in model.parameters())
    assert 0.95 < (peak - before) / weights < 1.05
