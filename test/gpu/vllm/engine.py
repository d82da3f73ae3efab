"""One engine in a process of its own, so that its memory is free when it ends: `python engine.py SPEC RESULT`.

SPEC is a JSON file that says what to load and measure, see `speed.py`; RESULT is where the JSON of the outcome goes.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import vllm
from agreement import MOST, measure_agreement
from density import measure_density
from vllm import LLM, SamplingParams

PROMPT, SHORT, LONG = 128, 16, 144
PREFILL = 2048


def main(spec: dict[str, Any]) -> dict[str, Any]:
    start = time.perf_counter()
    llm = LLM(**spec["engine"])
    started = time.perf_counter() - start
    vocabulary = llm.llm_engine.model_config.get_vocab_size()
    checked = {batch: _agreement(llm, vocabulary, batch) for batch in spec["batches"]} if spec["synthetic"] else {}
    steps = {batch: _milliseconds_per_step(llm, vocabulary, batch, spec["repeats"]) for batch in spec["batches"]}
    prefill = _prefill_milliseconds(llm, vocabulary, spec["repeats"]) if spec["prefill"] else None
    found = {
        "vllm": vllm.__version__,
        "loadFormat": spec["engine"]["load_format"],
        "eager": spec["engine"]["enforce_eager"],
        "startSeconds": round(started, 1),
        "millisecondsPerStep": {batch: round(value, 3) for batch, value in steps.items()},
        "prefillMilliseconds": None if prefill is None else round(prefill, 2),
        **llm.collective_rpc(_memory)[0],
    }
    return found | ({"agreement": checked, **llm.collective_rpc(measure_density)[0]} if spec["synthetic"] else {})


def _agreement(llm: LLM, vocabulary: int, batch: int) -> float:
    """Of a batch like those that are timed. Raises RuntimeError when it is not the model's function."""
    found = measure_agreement(llm, _prompts(vocabulary, batch, PROMPT))
    if not found <= MOST:
        raise RuntimeError(f"{batch} streams are off by {found:.2f} of what the neurons add, more than {MOST}")
    return round(found, 4)


def _milliseconds_per_step(llm: LLM, vocabulary: int, batch: int, repeats: int) -> float:
    """Of a batch that decodes: generating longer less generating shorter, which leaves out the prompts."""
    prompts = _prompts(vocabulary, batch, PROMPT)
    _seconds(llm, prompts, SHORT)
    differences = [_seconds(llm, prompts, LONG) - _seconds(llm, prompts, SHORT) for _ in range(repeats)]
    return 1000 * statistics.median(differences) / (LONG - SHORT)


def _prefill_milliseconds(llm: LLM, vocabulary: int, repeats: int) -> float:
    """To the first token after a prompt of 2048."""
    prompts = _prompts(vocabulary, 1, PREFILL)
    _seconds(llm, prompts, 1)
    return 1000 * statistics.median(_seconds(llm, prompts, 1) for _ in range(max(repeats, 5)))


def _prompts(vocabulary: int, count: int, length: int) -> list[dict[str, list[int]]]:
    numbers = random.Random(count)
    return [{"prompt_token_ids": [numbers.randrange(vocabulary) for _ in range(length)]} for _ in range(count)]


def _seconds(llm: LLM, prompts: list[dict[str, list[int]]], tokens: int) -> float:
    # Sampled at temperature 1, as `vllm bench latency` does: greedy models without training fall into cycles, in
    # which requests come to write the same tokens and so activate the same neurons.
    sampling = SamplingParams(temperature=1.0, max_tokens=tokens, ignore_eos=True, detokenize=False)
    start = time.perf_counter()
    llm.generate(prompts, sampling, use_tqdm=False)
    return time.perf_counter() - start


def _memory(worker: Any) -> dict[str, int]:
    parameters = dict(worker.get_model().named_parameters())
    predictors = sum(value.nbytes for name, value in parameters.items() if name.rpartition(".")[2].startswith("fc"))
    return {
        "parameterBytes": sum(value.nbytes for value in parameters.values()),
        "predictorBytes": predictors,
        # What loading took of the device, as vLLM logs it; its CPU runner does not count.
        "loadedBytes": int(getattr(worker.model_runner, "model_memory_usage", 0)) or None,
    }


if __name__ == "__main__":
    result = main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
