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
