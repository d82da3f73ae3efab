"""What a checkpoint's tensors become, and which checkpoints are refused."""

import pytest
import torch
from checkpoints import SHAPES, write
from models import engine_config, loaded, one_rank, sparse_block, stored
from turbosparse.errors import CheckpointError
from turbosparse.weights import Checkpoint, layout_for, load_ffn, load_predictor


@pytest.fixture(scope="module", params=["bamboo", "mixtral"])
def model_and_folder(request, tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("model") / "m", SHAPES[request.param])
    config = engine_config(folder)
    with one_rank(config):
        yield loaded(config), folder


def test_parameters_are_the_checkpoints(model_and_folder):
    model, folder = model_and_folder
    checkpoint = Checkpoint(folder)
    layout = layout_for(checkpoint.config["model_type"])
    for layer in range(2):
        block = sparse_block(model, layer)
        assert torch.equal(block.weights, load_ffn(checkpoint, layout, layer).float())
        fc1, fc2, *_ = load_predictor(checkpoint, layout, layer)
        assert torch.equal(block.fc1, fc1.float())
        assert torch.equal(block.fc2, fc2.float())
    names = dict(stored(folder))
    qkv = torch.cat([names[f"model.layers.1.self_attn.{part}_proj.weight"] for part in "qkv"])
    assert torch.equal(model.model.layers[1].self_attn.qkv_proj.weight, qkv.float())


def test_loading_again_fills_the_same_parameters(model_and_folder):
    model, folder = model_and_folder
    addresses = {name: parameter.data_ptr() for name, parameter in model.named_parameters()}
    embedding = model.model.embed_tokens.weight.clone()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert model.load_weights(stored(folder)) == set(addresses)
    assert {name: parameter.data_ptr() for name, parameter in model.named_parameters()} == addresses
    assert torch.equal(model.model.embed_tokens.weight, embedding)
    assert sparse_block(model, 1).fc2.any()


def without(name):
    return lambda items: ((key, value) for key, value in items if key != name)


def renamed(old, new):
    return lambda items: ((key.replace(old, new), value) for key, value in items)


def cut(name):
    return lambda items: ((key, value[1:] if key == name else value) for key, value in items)


FC1 = {"bamboo": "mlp.predictor.fc1", "turbosparsemixtral": "block_sparse_moe.experts.2.predictor.fc1"}
GATE = {"bamboo": "mlp.gate_proj", "turbosparsemixtral": "block_sparse_moe.experts.2.w1"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda kind: without("model.norm.weight"), lambda kind: "lacks tensor model.norm.weight, which a "),
        (
            lambda kind: without(f"model.layers.1.{GATE[kind]}.weight"),
            lambda kind: f"lacks tensor model.layers.1.{GATE[kind]}.weight, which a ",
        ),
        (
            lambda kind: without(f"model.layers.0.{FC1[kind]}.weight"),
            lambda kind: f"lacks tensor model.layers.0.{FC1[kind]}.weight, which a ",
        ),
        (
            lambda kind: renamed("self_attn.q_proj", "self_attn.query"),
            lambda kind: ": tensor model.layers.0.self_attn.query.weight is not one of a ",
        ),
        (
            lambda kind: renamed(GATE[kind], f"{GATE[kind]}.scales"),
            lambda kind: f": tensor model.layers.0.{GATE[kind]}.scales.weight is not one of a ",
        ),
        (
            lambda kind: cut("model.layers.1.self_attn.v_proj.weight"),
            lambda kind: ": tensor model.layers.1.self_attn.v_proj.weight has shape [127, 256], expected [128, 256]",
        ),
        (
            lambda kind: cut(f"model.layers.1.{GATE[kind]}.weight"),
            lambda kind: f": tensor model.layers.1.{GATE[kind]}.weight has shape [",
        ),
    ],
)
def test_what_does_not_fit_is_named(model_and_folder, change, problem):
    model, folder = model_and_folder
    kind = Checkpoint(folder).config["model_type"]
    with pytest.raises(CheckpointError) as caught:
        model.load_weights(change(kind)(stored(folder)))
    assert str(caught.value).startswith(str(folder))
    assert problem(kind) in str(caught.value)


def test_many_missing_tensors_are_counted(model_and_folder):
    model, _ = model_and_folder
    with pytest.raises(CheckpointError, match=r"lacks tensor model.embed_tokens.weight, .* and \d+ more, which a "):
        model.load_weights([])
