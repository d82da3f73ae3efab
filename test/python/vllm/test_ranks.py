"""A whole vLLM whose workers are processes of their own, which find the models by the entry point themselves."""

import pytest
import vllm
from checkpoints import SHAPES, Reference, prompts, write
from engine import assert_greedy, served


@pytest.mark.skipif(
    vllm.__version__.startswith("0.26."),
    reason="in worker processes of 0.26 the CPU's attention refuses the cache's block size; test_forward has its ranks",
)
def test_two_ranks_say_what_the_reference_does(tmp_path, monkeypatch):
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "0|1")
    folder = write(tmp_path / "m", SHAPES["bamboo"])
    with served(folder, tensor_parallel_size=2) as llm:
        assert_greedy(llm, Reference(folder), prompts(3), 8)
