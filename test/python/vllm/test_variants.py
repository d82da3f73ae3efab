"""Ways to load a checkpoint other than the default."""

import dataclasses

import pytest
import torch
from checkpoints import SHAPES, remove, write
from models import engine_config, loaded, one_rank, sparse_block, stored
from turbosparse.errors import TurboSparseError
from turbosparse.weights import Checkpoint, layout_for, load_predictor

LLAMA = dataclasses.replace(SHAPES["bamboo without predictor"], family="llama")


def test_predictor_in_planes(tmp_path):
    folder = write(tmp_path / "m", SHAPES["mixtral"])
    config = engine_config(folder, hf_overrides={"turbosparse": {"predictor_bits": 8}})
    with one_rank(config):
        block = sparse_block(loaded(config), 0)
    expected = load_predictor(Checkpoint(folder), layout_for("turbosparsemixtral"), 0, fc2_bits=8)
    assert torch.equal(block.fc2, expected.fc2)
    assert torch.equal(block.fc2_low, expected.fc2_low)
    assert torch.equal(block.fc2_scale, expected.fc2_scale)


def test_reloading_a_running_server_is_refused(tmp_path):
    folder = write(tmp_path / "m", SHAPES["bamboo"])
    config = engine_config(folder)
    with one_rank(config):
        model = loaded(config)
        # Where vLLM puts parameters meanwhile. Not the rotary embedding, which all models of a process share.
        sparse_block(model, 0).to("meta")
        with pytest.raises(TurboSparseError, match="TurboSparse models, which it left without weights: restart"):
            model.load_weights(stored(folder))


def test_tied_head_and_stored_frequencies(tmp_path):
    folder = write(tmp_path / "m", LLAMA, tie_word_embeddings=True, architectures=["TurboSparseLlamaForCausalLM"])
    remove(folder, "lm_head.weight")
    config = engine_config(folder)
    with one_rank(config):
        model = loaded(config)
        extra = [("model.layers.0.self_attn.rotary_emb.inv_freq", torch.ones(32))]
        model.load_weights([*stored(folder), *extra])
        assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
        assert torch.equal(model.lm_head.weight, dict(stored(folder))["model.embed_tokens.weight"].float())
