"""Greedy decoding in stock vLLM, sparse and dense, against the float64 reference of the whole model."""

from pathlib import Path

import pytest
import torch
from checkpoint import FAMILIES, shape_of, write_checkpoint
from process import run_engine
from truth import Truth
from turbosparse.crossover import MOST_SPARSE_TOKENS
from workload import BLOCK, CHUNK, MODEL_LENGTH, workload

# From how many tokens on a call runs dense.
PATHS = {"sparse": MOST_SPARSE_TOKENS + 1, "dense": 1}


@pytest.fixture(scope="module", params=FAMILIES)
def case(request, device, tmp_path_factory):
    return Case(request.param, device, tmp_path_factory.mktemp(request.param))


class Case:
    """One model, what both paths generated with it, and the truth."""

    def __init__(self, family: str, device: str, folder: Path) -> None:
        self.device, self.folder = device, folder
        shape = shape_of(family, device)
        write_checkpoint(folder / "model", shape, device)
        sizes = {"batches": (1, 3), "tokens": 12, "mixed": 9}
        if device == "cuda":
            sizes = {"batches": (1, 3, 8, 33), "tokens": 256, "mixed": 64}
        self.work = workload(shape.vocab, **sizes)
        self.found = {path: self._run(path) for path in PATHS}
        self.truth = Truth(folder / "model", getattr(torch, shape.dtype), device)
        batch = self.found["sparse"]["batches"][-1]
        sequences = [request["prompt"] + tokens for request, tokens in zip(self.work.batches[-1], batch)]
        self.truth.measure_bound(sequences[:8])

    def _run(self, path: str) -> dict:
        engine = {
            "model": str(self.folder / "model"),
            "skip_tokenizer_init": True,
            "max_model_len": MODEL_LENGTH,
            "max_num_seqs": 64,
            "max_num_batched_tokens": CHUNK,
            "block_size": BLOCK,
            "num_gpu_blocks_override": self.work.blocks,
            "enable_prefix_caching": True,
            "gpu_memory_utilization": 0.5,
            "disable_log_stats": False,
            # Graphs are what is served with; without them the paths differ as much.
            "enforce_eager": self.device == "cpu" or path == "dense",
        }
        if not engine["enforce_eager"]:
            # 3 and 33 requests decode in padded batches.
            engine["compilation_config"] = {"cudagraph_capture_sizes": [1, 2, 4, 8, 16, 32, 40, 64]}
        spec = {
            "engine": engine,
            "denseFrom": PATHS[path],
            "batches": self.work.batches,
            "mixed": self.work.mixed,
        }
        return run_engine("generate.py", spec, self.folder)[0]

    def generated(self, path: str):
        """Prompt and tokens of all requests of the batches."""
        for requests, answers in zip(self.work.batches, self.found[path]["batches"]):
            for request, tokens in zip(requests, answers):
                assert len(tokens) == request["tokens"]
                yield request["prompt"], tokens

    def assert_same(self, prompt: list[int], first: list[int], second: list[int]) -> None:
        """The tokens are the same, or what comes first of those that differ is a tie that 16 bits cannot decide."""
        for at, (one, other) in enumerate(zip(first, second)):
            if one != other:
                assert not self.truth.judge(prompt, first[: at + 1]).decided[at]
                return


@pytest.mark.parametrize("path", PATHS)
def test_tokens_are_those_of_float64(case, path):
    for prompt, tokens in case.generated(path):
        assert all(case.truth.judge(prompt, tokens).right)


def test_sparse_says_what_dense_says(case):
    for (prompt, sparse), (_, dense) in zip(case.generated("sparse"), case.generated("dense")):
        case.assert_same(prompt, sparse, dense)


def test_the_model_has_something_to_say(case):
    """Otherwise the tests above could not fail: most tokens are decided, and by the neurons."""
    verdicts = [case.truth.judge(prompt, tokens) for prompt, tokens in case.generated("sparse")]
    decided = [value for verdict in verdicts for value in verdict.decided]
    changed = [value for verdict in verdicts for value in verdict.changed_by_neurons]
    assert sum(decided) / len(decided) > 0.5
    assert sum(changed) / len(changed) > 0.2
    assert len({token for _, tokens in case.generated("sparse") for token in tokens}) > 10


@pytest.mark.parametrize("path", PATHS)
def test_mixed_load_gives_the_tokens_of_each_request_alone(case, path):
    found = case.found[path]
    assert found["preemptions"] > 0
    assert set(found["mixed"]) == {request["id"] for request in case.work.mixed}
    for request in case.work.mixed:
        mixed, alone = found["mixed"][request["id"]], found["alone"][request["id"]]
        assert len(alone) == request["tokens"]
        assert len(mixed) >= (request["giveUpAfter"] or request["tokens"])
        case.assert_same(request["prompt"], mixed, alone)
        assert all(case.truth.judge(request["prompt"], mixed).right)


@pytest.mark.cuda
def test_each_path_ran_its_kernels(case):
    sparse, dense = (set(case.found[path]["kernels"]) for path in PATHS)
    assert sparse - dense
    assert any("activate" in name for name in dense - sparse)
