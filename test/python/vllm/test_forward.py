"""Logits of whole sequences: every architecture, and every way to split a model over ranks."""

import dataclasses

import pytest
import torch
from checkpoints import SHAPES, Reference, prompts, write
from models import engine_config, loaded, on_ranks, one_rank
from sequences import logits, prepare
from turbosparse.synthetic import PRESETS

LLAMA = dataclasses.replace(SHAPES["bamboo without predictor"], family="llama")
# Neurons that split among four ranks.
SPLIT = SHAPES | {"mixtral": dataclasses.replace(PRESETS["mixtral-tiny"], intermediate=336)}
TOKENS = prompts(5)[3]


def served_logits(config):
    model = loaded(config)
    prepare(model, config)
    return logits(model, config, TOKENS)


@pytest.mark.parametrize("model", SHAPES)
def test_released_models(model, tmp_path):
    folder = write(tmp_path / "m", SHAPES[model])
    config = engine_config(folder)
    with one_rank(config):
        torch.testing.assert_close(served_logits(config), Reference(folder).logits(TOKENS), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("family", "architecture", "options", "config"),
    [
        ("llama", "TurboSparseLlamaForCausalLM", {"activation": "reglu"}, {}),
        ("llama", "TurboSparseLlamaForCausalLM", {"activation": "drelu"}, {}),
        ("llama", "TurboSparseLlamaForCausalLM", {"gate_threshold": 0.2}, {}),
        ("sparsellama", None, {}, {"hidden_act": "fatrelu", "hidden_act_param": 0.3}),
        ("qwen2", "TurboSparseQwen2ForCausalLM", {"activation": "drelu"}, {"use_sliding_window": False}),
    ],
)
def test_sibling_models(family, architecture, options, config, tmp_path):
    folder = write(tmp_path / "m", dataclasses.replace(LLAMA, family=family), **config)
    overrides = {"turbosparse": options} | ({} if architecture is None else {"architectures": [architecture]})
    known = {"activation": "reglu"} | options
    with one_rank(served := engine_config(folder, hf_overrides=overrides)):
        torch.testing.assert_close(
            served_logits(served), Reference(folder, **known).logits(TOKENS), rtol=1e-3, atol=1e-3
        )


def test_minicpm_is_what_vllm_computes_densely(tmp_path):
    constants = {"scale_emb": 12, "scale_depth": 1.4, "dim_model_base": 64, "num_experts": 0}
    folder = write(tmp_path / "m", LLAMA, hidden_act="fatrelu", hidden_act_param=0.1, **constants)
    both = []
    for architecture in ("MiniCPMForCausalLM", "TurboSparseMiniCPMForCausalLM"):
        with one_rank(config := engine_config(folder, hf_overrides={"architectures": [architecture]})):
            both.append(served_logits(config))
    torch.testing.assert_close(*both, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("bamboo", {"tensor_parallel_size": 2}),
        ("bamboo", {"tensor_parallel_size": 4}),
        ("bamboo", {"pipeline_parallel_size": 2, "tensor_parallel_size": 2}),
        ("mixtral", {"tensor_parallel_size": 2}),
        ("mixtral", {"tensor_parallel_size": 2, "enable_expert_parallel": True}),
        # An expert on each rank.
        ("mixtral", {"tensor_parallel_size": 4, "enable_expert_parallel": True}),
    ],
    ids=str,
)
def test_ranks_compute_what_one_does(model, options, tmp_path):
    folder = write(tmp_path / "m", SPLIT[model])
    found = on_ranks(engine_config(folder, **options), served_logits, tmp_path)
    expected = Reference(folder).logits(TOKENS)
    assert len(found) == options["tensor_parallel_size"]
    for rank in found:
        torch.testing.assert_close(rank, expected, rtol=1e-3, atol=1e-3)
