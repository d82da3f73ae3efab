"""What a checkpoint's tensors become, and which checkpoints and settings are refused."""

import dataclasses
import json

import pytest
import torch
from checkpoints import SHAPES, write
from serving import load, logits
from turbosparse.errors import CheckpointError, TurboSparseError
from turbosparse.weights import Checkpoint, layout_for, load_ffn, load_predictor

GATE = {"bamboo": "mlp.gate_proj", "mixtral": "block_sparse_moe.experts.2.w1"}
FC1 = {"bamboo": "mlp.predictor.fc1", "mixtral": "block_sparse_moe.experts.2.predictor.fc1"}


@pytest.fixture(scope="module", params=GATE)
def kind_and_folder(request, tmp_path_factory):
    return request.param, write(tmp_path_factory.mktemp("model") / "m", SHAPES[request.param])


def loaded(folder, **options):
    from tensorrt_llm.mapping import Mapping

    return load(folder, Mapping(), **options)


def sparse_block(model, layer):
    block = model.model.layers[layer]
    return block.mlp if hasattr(block, "mlp") else block.block_sparse_moe.experts


def test_parameters_are_the_checkpoints(version, kind_and_folder):
    _, folder = kind_and_folder
    model, checkpoint = loaded(folder, dtype=torch.bfloat16), Checkpoint(folder)
    layout = layout_for(checkpoint.config["model_type"])
    for layer in range(2):
        block = sparse_block(model, layer)
        fc1, fc2, *_ = load_predictor(checkpoint, layout, layer)
        assert torch.equal(block.weights, load_ffn(checkpoint, layout, layer))
        assert torch.equal(block.fc1, fc1)
        assert torch.equal(block.fc2, fc2)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_predictor_in_planes(version, kind_and_folder):
    _, folder = kind_and_folder
    path = folder / "config.json"
    text = path.read_text()
    path.write_text(json.dumps(json.loads(text) | {"turbosparse": {"predictor_bits": 8}}))
    try:
        model = loaded(folder)
    finally:
        path.write_text(text)
    assert sparse_block(model, 1).fc2.dtype == sparse_block(model, 1).fc2_low.dtype == torch.int8
    tokens = [[7, 8, 9, 10]]
    torch.testing.assert_close(logits(model, tokens), logits(loaded(folder), tokens), rtol=1e-3, atol=1e-3)


def without(name):
    return lambda weights: {key: tensor for key, tensor in weights.items() if key != name}


def renamed(old, new):
    return lambda weights: {key.replace(old, new): tensor for key, tensor in weights.items()}


def cut(name):
    return lambda weights: weights | {name: weights[name][1:]}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda kind: without("model.norm.weight"), lambda kind: " lacks tensor model.norm.weight, which a "),
        (
            lambda kind: without(f"model.layers.1.{GATE[kind]}.weight"),
            lambda kind: f" lacks tensor model.layers.1.{GATE[kind]}.weight, which a ",
        ),
        (
            lambda kind: without(f"model.layers.0.{FC1[kind]}.weight"),
            lambda kind: f" lacks tensor model.layers.0.{FC1[kind]}.weight, which a ",
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
def test_what_does_not_fit_is_named(version, kind_and_folder, change, problem):
    kind, folder = kind_and_folder
    with pytest.raises(CheckpointError) as caught:
        loaded(folder, change=change(kind))
    said = str(caught.value)
    assert said.startswith(str(folder) + problem(kind))
    assert said.count(str(folder)) == 1


def test_frequencies_and_a_tied_head_are_passed_over(version, tmp_path):
    folder = write(tmp_path / "m", SHAPES["bamboo"], tie_word_embeddings=True)
    stored = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(32)}
    model = loaded(folder, change=lambda weights: weights | stored)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"lora_config": object()}, "do not support LoRA"),
        ({"quant_config": "FP8"}, "served in 16 bits, but the checkpoint or quant_config asks for FP8"),
        ({"spec_config": object()}, "speculative decoding of TurboSparse models is not supported here"),
        ({"moe_load_balancer": object()}, "do not move experts between ranks"),
        ({"mapping": {"enable_attention_dp": True}}, "leave enable_attention_dp out"),
        ({"mapping": {"world_size": 2, "pp_size": 2}}, "leave pipeline_parallel_size and context_parallel_size at 1"),
        ({"mapping": {"world_size": 2, "cp_size": 2}}, "leave pipeline_parallel_size and context_parallel_size at 1"),
        ({"mapping": {"world_size": 2, "tp_size": 2, "moe_cluster_size": 2}}, "do not split experts over clusters"),
        ({"mapping": {"world_size": 4, "tp_size": 4, "moe_ep_size": 4}}, "2 experts do not fill 4 ranks: lower moe_"),
        ({"config": {"hidden_act": "silu"}}, '"hidden_act" is \'silu\', expected "relu" or "fatrelu"'),
        (
            {"config": {"turbosparse": {"activation": "reglu"}}},
            'the key "activation" of "turbosparse" in config.json must be drelu, found \'reglu\'',
        ),
        ({"config": {"turbosparse": {"densty": 1}}}, 'the key "densty" of "turbosparse" in config.json is not known'),
    ],
    ids=str,
)
def test_settings_that_cannot_be_had_are_refused(version, settings, problem, tmp_path):
    from tensorrt_llm._torch.model_config import QuantConfig
    from tensorrt_llm.mapping import Mapping

    options = dict(settings)
    shape = dataclasses.replace(SHAPES["mixtral"], experts=2)
    folder = write(tmp_path / "m", shape, **options.pop("config", {}))
    mapping = Mapping(**options.pop("mapping", {}))
    if "quant_config" in options:
        options["quant_config"] = QuantConfig(options["quant_config"])
    with pytest.raises(TurboSparseError) as caught:
        load(folder, mapping, **options)
    assert problem in str(caught.value)
