"""The comparison with other ways to read fewer bytes, on the CPU, which lacks cuSPARSELt."""

import json
from pathlib import Path

import comparison
import pytest
import torch
from bench_machine import machine
from comparison_rivals import CuSparseLt, Fp8, SemiStructured, keep_two_of_four
from comparison_table import table
from turbosparse.bench.options import shape_model
from turbosparse.bench.verify import WrongResultError
from turbosparse.synthetic import random_inputs

SHAPE = "hidden=256,intermediate=320,rank=64,density=0.1"
MODEL = shape_model(SHAPE)


def inputs(tokens):
    return random_inputs(tokens, 256, torch.bfloat16, torch.Generator().manual_seed(1))


class Dense(CuSparseLt):
    """What cuSPARSELt computes, without it."""

    def __init__(self):
        self.options = []

    def compress(self, matrix):
        return matrix

    def multiply(self, packed, x, **options):
        assert len(x) % 8 == 0
        self.options.append(options)
        return x @ packed.T

    def search(self, packed, x):
        return {"alg_id": len(packed), "split_k": 1, "split_k_mode": -1}


@pytest.mark.parametrize("tokens", [1, 8, 33])
def test_semi_structured_layers_compute_what_their_pruned_weights_say(tokens):
    library, x = Dense(), inputs(tokens)
    rival = SemiStructured(machine(), MODEL, 2, library)
    for variant in rival.variants(tokens):
        first, second = (rival.layer(rival.prepare(x, variant), index, variant)[:tokens] for index in range(2))
        assert first.shape == x.shape
        rival.verify(x, first)
        with pytest.raises(WrongResultError, match="an element errs by"):
            rival.verify(x, second)
    found = [options.get("alg_id") for options in library.options]
    assert found == [None, None] * 2 + [640, 256] * 2


def test_two_of_four_neighbours_are_kept():
    matrix = torch.tensor([[1.0, -4.0, 2.0, 3.0, 0.5, 0.5, 0.5, 0.5]])
    kept = keep_two_of_four(matrix)
    assert kept[0, :4].tolist() == [0, -4, 0, 3]
    assert kept[0, 4:].count_nonzero() == 2


@pytest.mark.parametrize("tokens", [1, 33])
def test_fp8_layers_compute_what_their_rounded_weights_say(tokens):
    rival, x = Fp8(machine(), MODEL, 2), inputs(tokens)
    assert list(rival.variants(tokens)) == ([1, 32] if tokens == 1 else [33])
    for variant in rival.variants(tokens):
        first, second = (rival.layer(rival.prepare(x, variant), index, variant)[:tokens] for index in range(2))
        assert first.dtype == torch.bfloat16
        rival.verify(x, first)
        with pytest.raises(WrongResultError, match="of its norm"):
            rival.verify(x, second)


@pytest.fixture
def measured(tmp_path, capsys):
    arguments = ["--shape", SHAPE, "--tokens", "1", "65", "--layers", "2", "--out", str(tmp_path / "record.json")]
    assert comparison.main(arguments, lambda commit: machine()) == 0
    return json.loads((tmp_path / "record.json").read_text()), capsys.readouterr()


def test_every_form_is_measured_and_what_fails_says_why(measured):
    record, _ = measured
    assert (record["kind"], record["schemaVersion"]) == ("turbosparse-comparison", 1)
    assert record["shape"] == {"hidden": 256, "intermediate": 320, "rank": 64, "density": 0.1, "layers": 2}
    forms = ["dense", "ffn", "ffn_predicted", "semi_structured", "fp8"]
    results = {(result["form"], result["tokens"]): result for result in record["results"]}
    assert sorted(results) == sorted((form, tokens) for form in forms for tokens in (1, 65))
    for (form, _), result in results.items():
        if form == "semi_structured":
            assert result["microseconds"] is None
            (reason,) = result["leftOut"]
            assert reason.startswith("NotImplementedError: Could not run 'aten::_cslt_compress'")
        else:
            assert result["microseconds"] >= 10
            assert result["leftOut"] == []
    neurons = 320 * 256
    assert results["dense", 1]["bytes"] == 6 * neurons
    assert results["fp8", 1]["bytes"] == 3 * neurons
    assert results["ffn", 1]["bytes"] == 6 * neurons // 10


def test_the_table_is_printed_with_the_fastest_in_bold(measured):
    record, said = measured
    assert said.out.strip() == table(record)
    lines = said.out.splitlines()
    assert lines[0].startswith("| tokens | dense bf16 | 2:4 bf16 | dense FP8 |")
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 1", "| 65"]
    assert all(line.count("**") == 2 and "| - |" in line for line in lines[2:])
    assert len({line.count("|") for line in lines}) == 1


def test_the_page_has_the_table_of_the_record():
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "comparison.md").read_text(encoding="utf-8")
    records = [json.loads(path.read_text()) for path in docs.glob("measurements/*-comparison.json")]
    assert page.count("| tokens |") == len(records)
    assert all(table(record) in page for record in records)


def test_a_file_that_cannot_be_written_is_known_first(tmp_path, capsys):
    out = tmp_path / "none" / "record.json"
    assert comparison.main(["--shape", SHAPE, "--tokens", "1", "--out", str(out)], lambda commit: machine()) == 2
    assert f"{out} cannot be written" in capsys.readouterr().err


def test_without_a_gpu(python, tmp_path):
    script = Path(__file__).parents[1] / "gpu" / "comparison.py"
    result = python(script, "--out", tmp_path / "record.json")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == "comparison: measuring needs a CUDA device, and torch finds none\n"
    assert list(tmp_path.iterdir()) == []
