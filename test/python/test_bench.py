"""The benchmark without a GPU: what it plans, measures, writes and says."""

import dataclasses
import io
import json
from pathlib import Path

import pytest
import torch
from bench_machine import DESCRIPTION, Clock, machine
from turbosparse import ops
from turbosparse.bench import model as model_module
from turbosparse.bench import operators, plan, timing
from turbosparse.bench.__main__ import main
from turbosparse.bench.model import Model, from_manifest, select_models
from turbosparse.bench.options import shape_model
from turbosparse.bench.progress import create_progress
from turbosparse.bench.workload import Workload

RECORD = Path(__file__).parents[2] / "docs/measurements/h200-bench-mistral-7b.json"
FFN = "hidden=256,intermediate=300,rank=64"
MOE = "hidden=256,intermediate=200,experts=4,top_k=2,rank=64,density=0.15"
GATE_FIRST = "hidden=256,intermediate=300,activation=reglu,gate_threshold=0.03,dtype=fp16"
GATE_FIRST_MOE = "hidden=256,intermediate=200,experts=4,top_k=2"
SMALL = ["--layers", "2", "--tokens", "1,3,65", "--densities", "0.1", "--predictor-bits", "16"]


def bench(*arguments, on=None, capsys=None):
    code = main([*map(str, arguments)], lambda commit: on or machine())
    return code, *(capsys.readouterr() if capsys else ())


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        (FFN, ["ffn", "predict", "ffn_predicted"]),
        (GATE_FIRST, ["ffn", "ffn_gate_first"]),
        (MOE, ["predict", "moe"]),
        (GATE_FIRST_MOE, ["moe_gate_first"]),
    ],
)
def test_every_operator_of_a_model_is_measured(shape, names, tmp_path, capsys):
    out = tmp_path / "record.json"
    code, text, log = bench("--shape", shape, *SMALL, "--out", out, "--json", capsys=capsys)
    assert code == 0, log
    record = json.loads(out.read_text())
    assert record == json.loads(text)
    assert {key: record[key] for key in DESCRIPTION} == DESCRIPTION
    assert (record["schemaVersion"], record["kind"]) == (1, "turbosparse-bench")
    assert record["copyGigabytesPerSecond"] == 4000
    found = {(result["operator"], result["tokens"]) for result in record["results"]}
    assert found == {(name, tokens) for name in names for tokens in (1, 3, 65)}
    assert log.count("\n") == len(found) + 3
    for result in record["results"]:
        assert result["verified"] is True
        assert result["shape"]["layers"] == 2
        assert result["path"] == ("dense" if result["tokens"] > 8 else "sparse")
        assert (result["denseMicroseconds"] is None) == (result["operator"] == "predict")
        if result["speedup"] is not None:
            assert result["speedup"] == round(result["denseMicroseconds"] / result["microseconds"], 2)
        rate = result["bytes"] / result["microseconds"] * 1e6
        assert result["gigabytesPerSecond"] == round(rate / 1e9)
        assert result["roofShare"] == round(rate / 4e12, 3)


def test_records_have_the_keys_that_reports_read(tmp_path):
    out = tmp_path / "record.json"
    assert bench("--shape", MOE, *SMALL, "--out", out)[0] == 0
    written, read = (json.loads(path.read_text()) for path in (out, RECORD))
    assert written.keys() == read.keys()
    assert written["results"][0].keys() == read["results"][0].keys()
    assert written["results"][0]["shape"].keys() == read["results"][0]["shape"].keys()


def test_predictors_are_measured_in_each_form_and_masks_once(tmp_path):
    out, clock = tmp_path / "record.json", Clock()
    arguments = ["--shape", FFN, "--layers", 2, "--tokens", 3, "--densities", "0.1", "--out", out]
    assert bench(*arguments, on=machine(clock))[0] == 0
    results = json.loads(out.read_text())["results"]
    common = {"hidden": 256, "intermediate": 300, "experts": 1, "topK": 1, "dtype": "bf16", "activation": "drelu"}
    common |= {"layers": 2, "rank": 64}
    assert [(result["operator"], result["shape"]) for result in results] == [
        ("ffn", common | {"rank": None, "predictorBits": None}),
        ("predict", common | {"predictorBits": 16}),
        ("ffn_predicted", common | {"predictorBits": 16}),
        ("predict", common | {"predictorBits": 8}),
        ("ffn_predicted", common | {"predictorBits": 8}),
    ]
    # The dense layers, whose weights no predictor changes, once.
    assert len(clock.measured) == 1 + 5


def layer_of(shape, bits=16):
    model = dataclasses.replace(shape_model(shape), predictor_bits=bits)
    return Workload(model, "cpu", 2).layers(1, 0.1)[0]


def test_bytes_of_one_token():
    neuron = 3 * 256 * 2
    fc1, fc2 = 64 * 256, 300 * 64
    ffn, moe, gates = layer_of(FFN), layer_of(MOE), layer_of(GATE_FIRST)
    assert operators.OPERATORS["ffn"].bytes_read(ffn) == 30 * neuron
    assert operators.OPERATORS["predict"].bytes_read(ffn) == 2 * (fc1 + fc2)
    assert operators.OPERATORS["predict"].bytes_read(layer_of(FFN, 8)) == 2 * fc1 + fc2 + 4 * 300
    assert operators.OPERATORS["ffn_predicted"].bytes_read(ffn) == 30 * neuron + 2 * (fc1 + fc2)
    # Two experts, and of each 10 % of its neurons.
    assert operators.OPERATORS["moe"].bytes_read(moe) == 2 * (20 * neuron + 2 * 64 * (256 + 200))
    assert operators.OPERATORS["ffn_gate_first"].bytes_read(gates) == (300 + 2 * 30) * 256 * 2


@pytest.mark.parametrize(("shape", "experts", "neurons"), [(FFN, [0], 300), (MOE, [0, 2], 200)])
def test_bytes_of_a_predictor_count_the_low_plane_rows_that_a_token_needs(shape, experts, neurons):
    """With one hidden unit of 1 and steps of 1 the band is 6 / sqrt(12) = 1.73: logits of 2 are decided, of 1 not."""
    layer = layer_of(shape, 8)
    if layer.ids is not None:
        layer.ids[:] = torch.tensor(experts)
    layer.x[:], layer.fc1[:], layer.fc2[:], layer.fc2_scale[:] = 0, 0, 0, 1
    layer.x[0, 0] = layer.fc1[:, 0, 0] = 1
    layer.fc2[..., 0] = 2
    whole = operators.OPERATORS["predict"].bytes_read(layer)
    assert whole == len(experts) * (2 * 64 * 256 + neurons * (64 + 4))
    layer.fc2[:, 5:8, 0] = 1
    assert operators.OPERATORS["predict"].bytes_read(layer) == whole + len(experts) * 3 * 64


def test_bytes_of_gate_first_count_down_columns_of_open_neurons_only():
    layer = layer_of("hidden=256,intermediate=300")
    up = layer.x.float() @ layer.weights[0, :, 1].float().T > 0
    product = int((up & layer.mask[:, 0]).sum())
    assert 0 < product < 30
    assert operators.OPERATORS["ffn_gate_first"].bytes_read(layer) == (300 + 30 + product) * 256 * 2


def test_least_bytes_are_those_of_one_token():
    for layer in (layer_of(FFN), layer_of(FFN, 8), layer_of(MOE)):
        for operator in operators.OPERATORS.values():
            if operator.belongs_to(layer.model):
                least, read = operator.least_bytes_read(layer.model, 0.1), operator.bytes_read(layer)
                # Scales are not counted beforehand.
                assert read - 4 * (64 + 300) <= least <= read + 1


def test_layers_have_weights_and_masks_of_their_own_and_share_tokens():
    first, second = Workload(shape_model(MOE), "cpu", 2).layers(70, 0.1)
    assert first.x.shape == (70, 256)
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.x[64:], first.x[:6])
    for name in ("weights", "mask", "fc1", "ids"):
        assert not torch.equal(getattr(first, name), getattr(second, name))


def test_resumes_where_it_stopped(tmp_path, capsys):
    out, stopped = tmp_path / "record.json", Clock()

    def stop(steps):
        if len(stopped.measured) == 5:
            raise KeyboardInterrupt
        return stopped(steps)

    code, _, log = bench("--shape", FFN, *SMALL, "--out", out, on=machine(stop), capsys=capsys)
    assert code == 130
    assert f"--resume {out} goes on" in log
    before = json.loads(out.read_text())["results"]
    assert [(result["operator"], result["tokens"]) for result in before] == [("ffn", 1), ("predict", 1)]

    clock = Clock()
    assert bench("--shape", FFN, *SMALL, "--resume", out, on=machine(clock))[0] == 0
    results = json.loads(out.read_text())["results"]
    assert results[:2] == before
    assert len(results) == 9
    # Dense layers of 1 token were measured before, those of 3 and 65 were too, but nothing was kept of them.
    assert len(clock.measured) == 7 + 2
    assert results[2]["denseMicroseconds"] == before[0]["denseMicroseconds"]

    clock = Clock()
    assert bench("--shape", FFN, *SMALL, "--resume", out, on=machine(clock))[0] == 0
    assert clock.measured == []


@pytest.mark.parametrize(("key", "other"), [("gpu", "NVIDIA Other"), ("sourcesSha256", "1" * 64), ("torch", "3.0.0")])
def test_refuses_to_resume_elsewhere(key, other, tmp_path, capsys):
    out = tmp_path / "record.json"
    assert bench("--shape", FFN, "--layers", 2, "--tokens", 1, "--operators", "predict", "--out", out)[0] == 0
    text = out.read_text()
    elsewhere = machine(description=DESCRIPTION | {key: other})
    capsys.readouterr()
    code, _, log = bench("--shape", FFN, "--resume", out, on=elsewhere, capsys=capsys)
    assert code == 2
    assert f"measured with {key} {DESCRIPTION[key]!r}, and here it is {other!r}" in log
    assert out.read_text() == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not JSON"),
        ("[]", "is not a turbosparse-bench record of schema version 1"),
        ('{"kind": "turbosparse-bench", "schemaVersion": 2}', "is not a turbosparse-bench record of schema version 1"),
    ],
)
def test_refuses_to_resume_what_is_no_record(content, message, tmp_path, capsys):
    path = tmp_path / "record.json"
    if content is not None:
        path.write_text(content)
    code, _, log = bench("--shape", FFN, "--resume", path, capsys=capsys)
    assert code == 2
    assert message in log


def test_stops_at_a_wrong_result_and_keeps_the_right_ones(tmp_path, capsys, monkeypatch):
    out, calls = tmp_path / "record.json", []
    right = ops.predict

    def wrong_later(*arguments, **options):
        calls.append(arguments)
        union, bits = right(*arguments, **options)
        return union, bits ^ (len(calls) > 4)

    monkeypatch.setattr(ops, "predict", wrong_later)
    code, _, log = bench("--shape", FFN, *SMALL, "--operators", "predict", "--out", out, capsys=capsys)
    assert code == 1
    assert f"wrong result: {FFN} predict (16 bits), 3 tokens, density 0.1: " in log
    assert [result["tokens"] for result in json.loads(out.read_text())["results"]] == [1]


def test_refuses_layers_that_l2_holds(capsys):
    small = machine(l2_bytes=100_000)
    code, _, log = bench("--shape", FFN, "--layers", 4, "--operators", "ffn", on=small, capsys=capsys)
    assert code == 2
    # At 5 % one token reads 15 neurons of 1536 bytes.
    assert "4 layers of" in log
    assert "are too few" in log
    assert "Measure at least 9 layers" in log


def test_takes_as_many_layers_as_l2_and_memory_want():
    model = shape_model(FFN)
    by = {"operators": ["ffn"], "tokens": [1]}
    layer = plan.layer_bytes(model)
    assert plan.cases(machine(), [model], **by)[0].layers == 16
    assert plan.cases(machine(l2_bytes=400_000), [model], **by)[0].layers == 35
    assert plan.cases(machine(free_bytes=round(10.1 * layer / 0.7)), [model], **by)[0].layers == 10
    with pytest.raises(plan.PlanError, match=r"35 layers of .* take 0.0 GB, and of 0.0 GB free memory 70% may be"):
        plan.cases(machine(l2_bytes=400_000, free_bytes=round(10.1 * layer / 0.7)), [model], **by)


def test_a_given_mask_is_swept_over_densities_where_kernels_run():
    model = shape_model(f"{FFN},density=0.12")
    planned = plan.cases(machine(), [model], tokens=[1, 128], predictors=[8])
    found = {(case.operator.name, case.tokens): [] for case in planned}
    for case in planned:
        found[case.operator.name, case.tokens].append(case.density)
    assert found["ffn", 1] == [0.05, 0.1, 0.12, 0.15, 0.2]
    assert found["ffn", 128] == found["predict", 1] == found["ffn_predicted", 128] == [0.12]
    quick = plan.cases(machine(), [model], tokens=[1], sweep=False)
    assert {case.density for case in quick} == {0.12}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--operators", "ffn,fnn"], "'fnn' is no operator: there are ffn, predict,"),
        (["--tokens", "1,0"], "'0' is not a whole number above 0"),
        (["--densities", "1.5"], "'1.5' is not a share above 0"),
        (["--densities", "nan"], "'nan' is not a share above 0"),
        (["--shape", "hidden=256"], "lacks intermediate"),
        (["--shape", f"{FFN},width=3"], "'width' is no size of a shape"),
        (["--shape", f"{FFN},dtype=fp8"], "'fp8' is none of bf16, fp16"),
        (["--predictor-bits", "8,4"], "'4' is neither 8 nor 16"),
        (["--shape", f"{FFN},top_k=2"], "routes to more experts than it has"),
        (["--shape", FFN, "--models", "a"], "not allowed with"),
    ],
)
def test_wrong_options_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        bench(*arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "turbosparse-9b"], "was not built for 'turbosparse-9b', only for no model"),
        (["--shape", FFN, "--operators", "moe"], "none of the models has any of the operators moe"),
        (["--shape", FFN, "--out", "no/such/folder.json"], "folder.json cannot be written: No such file"),
    ],
)
def test_what_cannot_be_measured_is_named(arguments, message, capsys):
    code, _, log = bench(*arguments, capsys=capsys)
    assert code == 2
    assert message in log


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    code, _, log = bench("--shape", FFN, "--out", tmp_path / "taken", capsys=capsys)
    assert code == 2
    assert "taken cannot be written" in log
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_without_a_gpu(python):
    result = python("-m", "turbosparse.bench", "--quick")
    assert result.returncode == 3
    assert result.stderr.endswith("measuring needs a CUDA device, and torch finds none\n")
    assert "Traceback" not in result.stderr


def test_a_source_tree_has_nothing_to_measure(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert main(["--quick"]) == 3
    assert "needs an installed wheel, and this turbosparse is a source tree. Build" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("replay_seconds", "replays"), [(0.0002, 50), (0.003, 20), (0.5, 2)], ids=["short", "medium", "long"]
)
def test_time_is_the_median_of_repeats_of_bounded_length(replay_seconds, replays, monkeypatch):
    asked, slow = [], iter([1, 3, 1, 9, 1, 1])

    def seconds(graph, count):
        asked.append(count)
        return replay_seconds * count * next(slow)

    monkeypatch.setattr(timing, "graph_of", lambda steps: None)
    monkeypatch.setattr(timing, "_seconds", seconds)
    assert timing.microseconds([None] * 16) == pytest.approx(replay_seconds * 1e6 / 16)
    assert asked[1:] == [replays] * 5


def test_table(capsys):
    code, text, _ = bench("--shape", MOE, *SMALL, "--operators", "moe,predict", capsys=capsys)
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == "NVIDIA Test, roof 4000 GB/s, torch 2.11.0, turbosparse 0.1.0"
    assert lines[2] == "256 x 200, 4 experts, top 2, drelu, bf16, 2 layers"
    assert lines[3].split("  ")[0] == "operator"
    rows = [line.split() for line in lines[4:]]
    assert [(row[0], row[1], row[4]) for row in rows[:3]] == [
        ("moe", "1", "sparse"),
        ("predict", "1", "sparse"),
        ("moe", "3", "sparse"),
    ]
    assert rows[1][6:8] == ["-", "-"]
    assert len({len(line) for line in lines[3:]}) == 1


def test_models_are_chosen_by_name():
    spec = {"name": "a", "hidden": 256, "intermediate": 300, "experts": 1, "topK": 1, "activation": "drelu"}
    spec |= {"gateThreshold": 0.0, "selection": "predictor", "predictorRanks": [64, 128, 128], "dtype": "bf16"}
    model = from_manifest(spec | {"density": 0.1})
    assert isinstance(model, Model)
    assert model.rank == 128
    other = from_manifest(spec | {"name": "b", "density": 0.1, "selection": "gate-first"})
    assert other.rank is None
    half = from_manifest(spec | {"density": 0.1}, shards=2)
    assert (half.name, half.intermediate) == ("a/2", 150)
    assert select_models([model, other], ["b", "b"]) == [other]
    assert select_models([model, other], None) == [model, other]


def test_models_and_shards_of_the_wheel_are_measured(monkeypatch):
    spec = {"name": "a", "hidden": 256, "intermediate": 300, "experts": 1, "topK": 1, "activation": "drelu"}
    spec |= {"gateThreshold": 0.0, "selection": "gate-first", "predictorRanks": [], "dtype": "bf16", "density": 0.1}
    monkeypatch.setattr(model_module, "manifest", lambda: {"models": [spec | {"tensorParallel": [1, 2]}]})
    assert [(one.name, one.intermediate) for one in model_module.built_models()] == [("a", 300), ("a/2", 150)]
    monkeypatch.setattr(model_module, "manifest", lambda: None)
    assert model_module.built_models() == []


def test_progress_says_how_long_it_will_take():
    stream, times = io.StringIO(), iter([0.0, 10.0, 20.0])
    progress = create_progress(stream, lambda: next(times))
    case = plan.cases(machine(), [shape_model(FFN)], operators=["ffn"], tokens=[1], densities=[0.1])[0]
    result = {"microseconds": 13.654, "speedup": 6.35, "roofShare": 0.607}
    progress.start(3)
    progress.finished(case, result)
    progress.finished(case, result | {"speedup": None})
    assert stream.getvalue().splitlines() == [
        f"[1/3] {FFN} ffn, 1 token, density 0.1: 13.65 us, 6.35 times dense, 61% of the roof; about 20 s left",
        f"[2/3] {FFN} ffn, 1 token, density 0.1: 13.65 us, 61% of the roof; about 10 s left",
    ]
