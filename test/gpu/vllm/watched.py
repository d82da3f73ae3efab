"""An engine that vLLM watches for waits, while it logs what it does, sleeps and wakes: `python watched.py SPEC RESULT`.

In a process of its own, both files JSON, with VLLM_GPU_SYNC_CHECK=error in its environment.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from generate import generate
from vllm import LLM
from vllm.utils.gpu_sync_debug import with_gpu_sync_check


def main(spec: dict[str, Any]) -> dict[str, Any]:
    llm = LLM(**spec["engine"])
    before = generate(llm, spec["batch"])
    awake = _used()
    llm.sleep(level=1)
    asleep = _used()
    llm.wake_up()
    after = generate(llm, spec["batch"])
    return {
        "before": before,
        "after": after,
        "waitsAreErrors": _refusal(_wait),
        "freedBytes": awake - asleep,
        "parameterBytes": sum(llm.collective_rpc(_parameter_bytes)),
        "reloading": _refusal(lambda: llm.collective_rpc("reload_weights")),
    }


@with_gpu_sync_check
def _wait() -> None:
    torch.ones(1, device="cuda").item()


def _refusal(call: Callable[[], object]) -> str | None:
    try:
        call()
    except Exception as error:
        return str(error)
    return None


def _used() -> int:
    free, total = torch.cuda.mem_get_info()
    return total - free


def _parameter_bytes(worker: Any) -> int:
    return sum(value.nbytes for value in worker.get_model().parameters())


if __name__ == "__main__":
    result = main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
