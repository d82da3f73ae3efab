"""What the command refuses, what it leaves behind, and the script that builds engines."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from runtimes import checkpoint, export
from turbosparse import synthetic
from turbosparse.synthetic import PRESETS
from turbosparse.tensorrt.command import main


@pytest.fixture
def source(tmp_path):
    synthetic.write_model(tmp_path / "m", PRESETS["bamboo-tiny"])
    return tmp_path / "m"


def refused(capsys, *arguments):
    """The sentence on stderr."""
    assert main(["export", *map(str, arguments)]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("python -m turbosparse.tensorrt export: ")
    return last.removeprefix("python -m turbosparse.tensorrt export: ")


def test_what_cannot_be_written_is_named_and_leaves_nothing(source, tmp_path, capsys):
    out = tmp_path / "graphs"
    assert refused(capsys, tmp_path / "none", "--out", out).startswith(f"{tmp_path / 'none' / 'config.json'} cannot be")
    assert refused(capsys, source, "--out", source) == f"{source} exists: give a folder that does not"
    assert refused(capsys, source, "--out", out, "--layers=0,2") == f"{source} has layers 0 to 1, and no layer 2"
    both = ("--graph=model", "--layers=0")
    assert refused(capsys, source, "--out", out, *both).startswith("--layers is for a graph of each layer")
    (tmp_path / "file").write_text("")
    assert (
        refused(capsys, source, "--out", tmp_path / "file" / "x")
        == f"{tmp_path / 'file' / 'x'} cannot be written: File exists"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "m"]


def test_a_checkpoint_that_ends_early_leaves_nothing(source, tmp_path, capsys):
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    sentence = refused(capsys, source, "--out", tmp_path / "graphs", "--graph=model")
    assert sentence == f"{source} has no tensor model.layers.2.mlp.gate_proj.weight"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"max_position_embeddings": "many"}, "must have a positive number max_position_embeddings, found 'many'"),
        ({"model_type": "minicpm"}, "has model_type 'minicpm', expected one of bamboo"),
    ],
)
def test_what_config_json_lacks_is_named(changes, problem, source, tmp_path, capsys):
    path = source / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    assert problem in refused(capsys, source, "--out", tmp_path / "graphs")


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--layers=1,x", "'x' is not the number of a layer"),
        ("--max-tokens=0", "'0' is not a whole number above 0"),
        ("--graph=half", "invalid choice: 'half'"),
    ],
)
def test_wrong_options_are_named(argument, sentence, source, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(source), "--out", str(tmp_path / "graphs"), argument])
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


def test_without_onnx_it_says_so(python, source, tmp_path):
    code = "import sys; sys.modules['onnx'] = None; from turbosparse.tensorrt.command import main; sys.exit(main())"
    result = python("-c", code, "export", str(source), "--out", str(tmp_path / "graphs"))
    assert (result.returncode, result.stdout) == (2, "")
    sentence = "python -m turbosparse.tensorrt export: writing graphs needs the package onnx, which is not installed"
    assert result.stderr.startswith(sentence)


def test_the_command_is_a_module(python, source, tmp_path):
    result = python("-m", "turbosparse.tensorrt", "export", str(source), "--out", str(tmp_path / "g"), "--layers", "1")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert result.stderr.splitlines() == ["layer-001.onnx", f"wrote {tmp_path / 'g'}"]


def test_script_builds_an_engine_of_each_graph_for_its_inputs(source, tmp_path):
    out = export(source, tmp_path / "graphs", "--max-tokens=32")
    trtexec = tmp_path / "trtexec"
    trtexec.write_text('#!/bin/sh\necho "$@"\n')
    trtexec.chmod(0o755)
    plugin = tmp_path / "libturbosparse_trt.so"
    plugin.write_bytes(b"")
    command = ["sh", out / "build-engine.sh", "libturbosparse_trt.so"]
    called = subprocess.run(
        command,
        cwd=tmp_path,
        env={"TRTEXEC": str(trtexec), "PATH": "/bin:/usr/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    few, many = (f"x:{tokens}x256,predictor_input:{tokens}x256" for tokens in (1, 32))
    common = f"--stronglyTyped --dynamicPlugins={plugin} --minShapes={few} --optShapes={few} --maxShapes={many}"
    assert called.stdout.splitlines() == [
        f"--onnx=layer-{layer}.onnx --saveEngine=layer-{layer}.plan {common}" for layer in ("000", "001")
    ]


def test_script_for_a_model_allows_no_more_tokens_than_the_model(tmp_path):
    source, _ = checkpoint("the trained model", tmp_path)
    script = (export(source, tmp_path / "graphs", "--graph=model") / "build-engine.sh").read_text()
    assert script.endswith("\nbuild model input_ids:1 input_ids:1 input_ids:512\n")


def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / "docs" / "onnx.md").read_text(encoding="utf-8")
    source, _ = checkpoint("the trained model", tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("MODEL").symlink_to(source)
    commands = re.findall(r"^python -m turbosparse\.tensorrt (.*)$", page, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert main(shlex.split(command)) == 0
    example = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "onnxruntime" in block)
    names = {}
    exec(example, names)
    assert names["logits"].shape == (3, 1024)
    assert np.isfinite(names["logits"]).all()
