"""A whole vLLM whose workers are processes of their own, which find the models by the entry point themselves."""

from checkpoints import SHAPES, Reference, prompts, write
from engine import assert_greedy, served


def test_two_ranks_say_what_the_reference_does(tmp_path, monkeypatch):
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "0|1")
    folder = write(tmp_path / "m", SHAPES["bamboo"])
    with served(folder, tensor_parallel_size=2) as llm:
        assert_greedy(llm, Reference(folder), prompts(3), 8)
