"""A whole vLLM in this process."""

from contextlib import contextmanager

import torch
from vllm import LLM, SamplingParams
from vllm.distributed.parallel_state import cleanup_dist_env_and_memory


@contextmanager
def served(folder, *, compiled=False, **options):
    """An `LLM` of the checkpoint, in float32 because near ties of 16 bits would flip tokens."""
    defaults = {
        # The smallest for which attention on the CPU has kernels.
        "block_size": 32,
        "dtype": "float32",
        "enforce_eager": not compiled,
        "max_model_len": 128,
        # Few enough that prompts are computed in pieces, beside tokens that others decode.
        "max_num_batched_tokens": 64,
        "max_num_seqs": 8,
        "skip_tokenizer_init": True,
    }
    try:
        yield LLM(str(folder), **(defaults | options))
    finally:
        cleanup_dist_env_and_memory()


def generate(llm, prompts, count):
    """Greedily decoded tokens of each prompt, and `{token: logprob}` of the likeliest of each."""
    sampling = SamplingParams(temperature=0, max_tokens=count, ignore_eos=True, detokenize=False, logprobs=3)
    outputs = llm.generate([{"prompt_token_ids": prompt} for prompt in prompts], sampling, use_tqdm=False)
    completions = [output.outputs[0] for output in outputs]
    return [list(completion.token_ids) for completion in completions], [
        [{token: entry.logprob for token, entry in position.items()} for position in completion.logprobs]
        for completion in completions
    ]


def assert_greedy(llm, reference, prompts, count):
    """That the server's tokens and their probabilities are those of the reference."""
    tokens, logprobs = generate(llm, prompts, count)
    for prompt, generated, likeliest in zip(prompts, tokens, logprobs):
        expected = reference.logits(prompt + generated[:-1])[len(prompt) - 1 :]
        assert generated == expected.argmax(-1).tolist()
        assert len(likeliest) == count
        for row, entries in zip(expected.log_softmax(-1), likeliest):
            found = torch.tensor(list(entries.values()))
            torch.testing.assert_close(found, row[list(entries)], rtol=1e-3, atol=1e-3)
