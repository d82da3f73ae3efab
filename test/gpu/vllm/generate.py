"""Tokens of an engine in a process of its own: `python generate.py SPEC RESULT`, both JSON, see `requests.py`."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from turbosparse import crossover
from vllm import LLM, SamplingParams


def main(spec: dict[str, Any]) -> dict[str, Any]:
    # The engine must run in this process and thread, for which the paths are overridden.
    with crossover.override(spec["denseFrom"]):
        llm = LLM(**spec["engine"])
        batches = [generate(llm, batch) for batch in spec["batches"]]
        kernels = _kernels(llm, spec["batches"][0])
        alone = {request["id"]: generate(llm, [request])[0] for request in spec["mixed"]}
        llm.reset_prefix_cache()
        mixed = _mixed(llm, spec["mixed"])
    preemptions = sum(metric.value for metric in llm.get_metrics() if metric.name == "vllm:num_preemptions")
    return {"batches": batches, "alone": alone, "mixed": mixed, "kernels": kernels, "preemptions": preemptions}


def _sampling(request: dict[str, Any]) -> SamplingParams:
    return SamplingParams(temperature=0, max_tokens=request["tokens"], ignore_eos=True, detokenize=False)


def generate(llm: LLM, requests: list[dict[str, Any]]) -> list[list[int]]:
    """All at once, and nothing beside them."""
    prompts = [{"prompt_token_ids": request["prompt"]} for request in requests]
    outputs = llm.generate(prompts, [_sampling(request) for request in requests], use_tqdm=False)
    return [list(output.outputs[0].token_ids) for output in outputs]


def _mixed(llm: LLM, requests: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Requests that arrive while others are prefilled, decoded and given up."""
    engine, waiting, tokens, step = llm.llm_engine, list(requests), {}, 0
    give_up = {request["id"]: request["giveUpAfter"] for request in requests}
    while waiting or engine.has_unfinished_requests():
        while waiting and waiting[0]["arrival"] <= step:
            request = waiting.pop(0)
            engine.add_request(request["id"], {"prompt_token_ids": request["prompt"]}, _sampling(request))
        for output in engine.step():
            tokens[output.request_id] = list(output.outputs[0].token_ids)
            limit = give_up[output.request_id]
            if limit is not None and len(tokens[output.request_id]) >= limit:
                engine.abort_request([output.request_id])
        step += 1
    return tokens


def _kernels(llm: LLM, batch: list[dict[str, Any]]) -> list[str]:
    """Names of the package's kernels that a decoding batch runs; none on a CPU."""
    activities = [torch.profiler.ProfilerActivity.CUDA] if torch.cuda.is_available() else []
    with torch.profiler.profile(activities=activities) if activities else nullcontext() as profile:
        generate(llm, batch)
    events = [] if profile is None else profile.key_averages()
    return sorted({event.key for event in events if "turbosparse" in event.key})


if __name__ == "__main__":
    result = main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
