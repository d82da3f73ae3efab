"""What the server says, against a plain evaluation of whole sequences."""

import pytest
from checkpoints import SHAPES, Reference, prompts, write
from engine import assert_greedy, served


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("model", SHAPES)
def test_tokens_are_those_of_the_reference(model, compiled, tmp_path):
    folder = write(tmp_path / "m", SHAPES[model])
    reference = Reference(folder)
    if SHAPES[model].ranks:
        prompt = prompts(1)[0]
        assert Reference(folder, masked=False).greedy(prompt, 8) != reference.greedy(prompt, 8)
    with served(folder, compiled=compiled) as llm:
        for batch in (1, 3, 8):
            assert_greedy(llm, reference, prompts(batch), 24)


def test_mixed_load_gives_what_each_request_gives_alone(tmp_path):
    folder = write(tmp_path / "m", SHAPES["mixtral"])
    start = prompts(1)[0][:40]
    requests = [start + prompt for prompt in prompts(12)] + prompts(12)
    requests = [request[:70] for request in requests]
    # A cache for three of eight requests at their longest, so that some are put off and computed again.
    cache = {"num_gpu_blocks_override": 10, "enable_prefix_caching": True}
    with served(folder, **cache, disable_log_stats=False) as llm:
        assert_greedy(llm, Reference(folder), requests, 24)
        counts = {metric.name: metric.value for metric in llm.get_metrics() if hasattr(metric, "value")}
        assert counts["vllm:num_preemptions"] > 0
        assert counts["vllm:prefix_cache_hits"] > 0
