"""Folders without weights, and the command that makes them."""

import json

import pytest
from turbosparse.synthetic import PRESETS
from turbosparse.vllm.synthetic.__main__ import main
from turbosparse.vllm.synthetic.configs import dense_config, sparse_config
from turbosparse.vllm.synthetic.folder import write_folder
from turbosparse.vllm.synthetic.tokenizer import tokenizer_files
from turbosparse.vllm.synthetic.unions import named_overlap


def read(folder, name="config.json"):
    return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "twin"), [("turbosparse-mistral-7b", "Mistral"), ("turbosparse-mixtral-47b", "Mixtral")]
)
def test_dense_twin_has_the_same_sizes(name, twin):
    shape = PRESETS[name]
    sparse, dense = sparse_config(shape, 0.45), dense_config(shape)
    assert dense["architectures"] == [f"{twin}ForCausalLM"]
    assert (dense["model_type"], dense["hidden_act"]) == (twin.lower(), "silu")
    differing = {key for key in sparse | dense if sparse.get(key) != dense.get(key)}
    assert differing == {"architectures", "model_type", "hidden_act", "turbosparse"}
    assert sparse["turbosparse"]["predictor_ranks"] == list(shape.ranks)


def test_command_writes_both(tmp_path, capsys):
    main(["--model", "bamboo-tiny", "--out", str(tmp_path / "sparse"), "--density", "0.2", "--layers", "1"])
    config = read(tmp_path / "sparse")
    assert config["num_hidden_layers"] == 1
    assert config["turbosparse"] == {"density": 0.2, "overlap": named_overlap(), "predictor_ranks": [64]}
    assert capsys.readouterr().out == f"vllm serve {tmp_path / 'sparse'} --load-format turbosparse_synthetic\n"
    main(["--model", "bamboo-tiny", "--out", str(tmp_path / "dense"), "--dense"])
    assert "turbosparse" not in read(tmp_path / "dense")
    assert capsys.readouterr().out.endswith("--load-format dummy\n")
    assert read(tmp_path / "dense", "generation_config.json") == {"bos_token_id": 1, "eos_token_id": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layers", "0"], "layers must be at least 1"),
        (["--density", "1"], "density 1.0"),
        (["--overlap", "2"], "overlap 2.0"),
    ],
)
def test_refusals_leave_nothing(tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main(["--model", "bamboo-tiny", "--out", str(tmp_path / "m"), *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_kept(tmp_path):
    with pytest.raises(FileExistsError, match="give a folder that does not"):
        write_folder(tmp_path, dense_config(PRESETS["bamboo-tiny"]))


def test_failure_leaves_nothing(tmp_path):
    config = dense_config(PRESETS["bamboo-tiny"]) | {"rms_norm_eps": {1, 2}}
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_folder(tmp_path / "m", config)
    assert list(tmp_path.iterdir()) == []


def test_every_id_has_a_token_and_bytes_come_first():
    vocab = tokenizer_files(32064)["tokenizer.json"]["model"]["vocab"]
    assert sorted(vocab.values()) == list(range(32064))
    assert [vocab["<s>"], vocab["</s>"], vocab["A"], vocab["ÿ"], vocab["Ġ"]] == [1, 2, 3 + 65, 3 + 255, 3 + 32]
    with pytest.raises(ValueError, match="258 tokens is less than the 259 of bytes"):
        tokenizer_files(258)
