"""Tokens and logits: those of a plain evaluation of the checkpoint, on one rank and on two."""

import dataclasses
from pathlib import Path

import pytest
import torch
from checkpoints import SHAPES, Reference, prompts, write
from ranks import on_ranks
from serving import greedy, load, logits
from turbosparse.synthetic import PRESETS

SMALL = Path(__file__).parents[2] / "fixtures" / "small-model"
COUNT = 6


@pytest.mark.parametrize("model", SHAPES)
def test_greedy_tokens_are_the_references(version, model, tmp_path):
    from tensorrt_llm.mapping import Mapping

    folder = write(tmp_path / "m", SHAPES[model])
    reference, asked = Reference(folder), prompts(3)
    served = load(folder, Mapping())
    expected = torch.stack([reference.logits(tokens)[-1] for tokens in asked])
    torch.testing.assert_close(logits(served, asked), expected, rtol=1e-3, atol=1e-3)
    assert greedy(served, asked, COUNT) == [reference.greedy(tokens, COUNT) for tokens in asked]


def test_predictors_decide_what_is_compared(tmp_path):
    folder = write(tmp_path / "m", SHAPES["bamboo"])
    masked, unmasked = Reference(folder), Reference(folder, masked=False)
    assert any(masked.greedy(tokens, COUNT) != unmasked.greedy(tokens, COUNT) for tokens in prompts(3))


def test_trained_model(version):
    from tensorrt_llm.mapping import Mapping

    asked = [[1, 20, 30, 40], [1, 300, 200]]
    reference = Reference(SMALL)
    assert greedy(load(SMALL, Mapping()), asked, COUNT) == [reference.greedy(tokens, COUNT) for tokens in asked]


@pytest.mark.parametrize(
    ("shape", "arranged"),
    [
        (SHAPES["bamboo"], {}),
        # As many key and value heads as make two ranks share one.
        (dataclasses.replace(SHAPES["bamboo"], kv_heads=1), {}),
        (dataclasses.replace(PRESETS["mixtral-tiny"], intermediate=336), {}),
        (PRESETS["mixtral-tiny"], {"moe_ep_size": 2}),
    ],
    ids=["neurons", "one key head", "neurons of experts", "experts"],
)
def test_two_ranks_compute_what_one_does(version, shape, arranged, tmp_path):
    from tensorrt_llm.mapping import Mapping

    folder = write(tmp_path / "m", shape)
    reference, asked = Reference(folder), prompts(2)

    def answers(rank):
        served = load(folder, Mapping(world_size=2, rank=rank, tp_size=2, **arranged))
        return logits(served, asked), greedy(served, asked, COUNT)

    expected = torch.stack([reference.logits(tokens)[-1] for tokens in asked])
    tokens = [reference.greedy(tokens, COUNT) for tokens in asked]
    for found, generated in on_ranks(2, answers, tmp_path):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
        assert generated == tokens
