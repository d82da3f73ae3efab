"""The crossover measurement without a GPU."""

import json

import pytest
from bench_machine import DESCRIPTION, Clock, machine
from turbosparse import ops
from turbosparse.bench.options import shape_model
from turbosparse.bench.verify import WrongResultError
from turbosparse.crossover import Measured, table
from turbosparse.tune import __main__ as command
from turbosparse.tune import measure

FFN = "hidden=256,intermediate=300,rank=64"
MOE = "hidden=256,intermediate=200,experts=4,top_k=2,rank=64,density=0.15"
GATE_FIRST = "hidden=256,intermediate=300,activation=reglu,gate_threshold=0.03,dtype=fp16"
GATE_FIRST_MOE = "hidden=256,intermediate=200,experts=4,top_k=2"


@pytest.mark.parametrize(
    ("shape", "operator", "rank", "bits"),
    [
        (FFN, "ffn", None, None),
        (GATE_FIRST, "ffn_gate_first", None, None),
        (MOE, "moe", 64, 16),
        (GATE_FIRST_MOE, "moe_gate_first", None, None),
    ],
)
def test_measures_both_paths_of_the_operator_that_chooses(shape, operator, rank, bits):
    notes, clock = [], Clock()
    entry = measure.tune(machine(clock), shape_model(shape), notes.append)
    assert (entry.operator, entry.shape.rank, entry.shape.predictor_bits) == (operator, rank, bits)
    many = [tokens for tokens in measure.TOKENS if tokens >= 16]
    assert [one.tokens for one in entry.measured] == [*measure.TOKENS, *many]
    assert len(notes) == len(entry.measured)
    assert len(clock.measured) == 2 * len(entry.measured)
    # The clock makes every second measurement, the dense one, half a us longer.
    assert entry.measured[0] == Measured(1, entry.measured[0].union_density, 10.0, 10.5)
    assert entry.dense_from_tokens == 65
    expected, denser = entry.measured[len(measure.TOKENS) - 1], entry.measured[-1]
    assert 0 < entry.measured[0].union_density < expected.union_density < denser.union_density < 1


def test_measures_the_overlap_that_is_known():
    usual, known = (
        measure.tune(machine(), shape_model(FFN), lambda note: None, [64], overlap=overlap) for overlap in (0.45, 0.05)
    )
    assert [one.tokens for one in known.measured] == [64]
    assert usual.measured[0].union_density + 0.1 < known.measured[0].union_density


def measured(*times):
    return [Measured(tokens, 0.5, sparse, dense) for tokens, sparse, dense in times]


@pytest.mark.parametrize(
    ("times", "tokens"),
    [
        ([(1, 10, 90), (8, 50, 90), (64, 80, 90)], 65),
        ([(1, 10, 90), (8, 50, 90), (64, 100, 90)], 64),
        ([(1, 100, 90), (8, 150, 90), (64, 200, 90)], 1),
        ([(1, 10, 90), (8, 50, 90), (9, 99, 90), (16, 100, 90)], 9),
        # 9 tokens lose a tenth on the sparse path, and 16 would lose more on the dense one.
        ([(1, 10, 90), (9, 99, 90), (16, 60, 90), (33, 120, 90)], 33),
        ([(1, 90, 90), (8, 90, 90)], 65),
    ],
)
def test_chooses_the_least_worst_loss(times, tokens):
    assert measure.dense_from_tokens(measured(*times)) == tokens


def test_a_wrong_path_is_named(monkeypatch):
    monkeypatch.setattr(ops, "ffn", lambda *arguments: arguments[0] + 1)
    with pytest.raises(WrongResultError, match=r"ffn, 1 tokens, sparse: an element errs by"):
        measure.tune(machine(), shape_model(FFN), lambda note: None)


@pytest.fixture
def built(monkeypatch):
    monkeypatch.setattr(command, "built_models", lambda: [shape_model(FFN), shape_model(MOE)])


@pytest.mark.usefixtures("built")
def test_prints_a_table_that_operators_can_read(capsys):
    assert command.main(["--models", FFN], machine) == 0
    found = table.parse(capsys.readouterr().out, "stdout")
    assert found.gpu == DESCRIPTION["gpu"]
    assert [entry.operator for entry in found.entries] == ["ffn"]


@pytest.mark.usefixtures("built")
def test_installs_the_table_under_the_name_of_the_gpu(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "TABLES", tmp_path)
    assert command.main(["--install"], machine) == 0
    written = tmp_path / "nvidia-test.json"
    assert capsys.readouterr().err.endswith(f"wrote {written}\n")
    entries = json.loads(written.read_text())["entries"]
    assert [entry["operator"] for entry in entries] == ["ffn", "moe"]


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "x"], "the wheel was not built for 'x', only for "),
        (["--models", FFN, "--out", "no/such/table.json"], "table.json cannot be written: No such file"),
    ],
)
def test_what_cannot_be_done_is_named(arguments, message, capsys):
    assert command.main(arguments, machine) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("text", ["1.1", "-0.1", "nan", "much"])
def test_an_impossible_overlap_is_refused(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["--overlap", text], machine)
    assert "argument --overlap: " in capsys.readouterr().err


@pytest.mark.usefixtures("built")
def test_tunes_for_an_overlap(capsys):
    assert command.main(["--models", FFN, "--overlap", "0.05"], machine) == 0
    (entry,) = table.parse(capsys.readouterr().out, "stdout").entries
    assert [one.tokens for one in entry.measured] == list(measure.TOKENS)


def test_without_a_gpu(python):
    result = python("-m", "turbosparse.tune")
    assert result.returncode == 3
    assert result.stderr == "python -m turbosparse.tune: measuring needs a CUDA device, and torch finds none\n"
