"""Where dense GEMMs begin: tables, the formula, and that operators follow them."""

import json
import math

import pytest
import torch
from bench_machine import DESCRIPTION
from torch._subclasses import FakeTensorMode
from turbosparse import crossover
from turbosparse.crossover import Entry, Measured, OperatorShape, Table, TableError, choice, formula, table
from turbosparse.ops import cuda

FFN = OperatorShape(4096, 14336, 1, 1, None, None, "bf16", "drelu")
MOE = OperatorShape(4096, 14336, 8, 2, 1024, 8, "bf16", "drelu")
H200 = formula.Roofline(bandwidth=4.8e12, peak=9.9e14)
MEASURED = (Measured(1, 0.1, 13.65, 86.7), Measured(64, 0.728, 172.4, 100.2))


def entry(shape=FFN, density=0.1, dense_from=17, operator="ffn"):
    return Entry(operator, shape, density, dense_from, MEASURED)


def test_a_table_survives_its_file():
    entries = (entry(), entry(MOE, 0.15, 33, "moe"))
    text = json.dumps(table.table_json(DESCRIPTION, entries))
    assert table.parse(text, "a file") == Table("NVIDIA Test", entries)
    assert json.loads(text)["entries"][0] == {
        "operator": "ffn",
        "shape": {
            "hidden": 4096,
            "intermediate": 14336,
            "experts": 1,
            "topK": 1,
            "rank": None,
            "predictorBits": None,
            "dtype": "bf16",
            "activation": "drelu",
        },
        "density": 0.1,
        "denseFromTokens": 17,
        "measured": [
            {"tokens": 1, "unionDensity": 0.1, "sparseMicroseconds": 13.65, "denseMicroseconds": 86.7},
            {"tokens": 64, "unionDensity": 0.728, "sparseMicroseconds": 172.4, "denseMicroseconds": 100.2},
        ],
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: value | {"schemaVersion": 2}, "a file is a turbosparse-crossover of schema version 2, not"),
        (lambda value: value | {"kind": "turbosparse-bench"}, "a file is a turbosparse-bench of"),
        (lambda value: {key: value[key] for key in value if key != "gpu"}, "a file has no 'gpu'"),
        (lambda value: value | {"entries": [{"operator": "ffn"}]}, "a file has no 'measured'"),
        (lambda value: [value], "a file cannot be read: list indices"),
    ],
)
def test_a_bad_table_is_named(change, message):
    text = json.dumps(change(table.table_json(DESCRIPTION, [entry()])))
    with pytest.raises(TableError, match=rf"{message}.*turbosparse\.tune`"):
        table.parse(text, "a file")


def test_an_entry_is_found_by_gpu_operator_shape_and_class_of_density():
    tables = [Table("A", (entry(), entry(density=0.2, dense_from=9))), Table("B", (entry(dense_from=33),))]

    def found(gpu="A", operator="ffn", shape=FFN, density=0.1):
        one = table.find(tables, gpu, operator, shape, density)
        return None if one is None else one.dense_from_tokens

    assert (found(), found("B"), found(density=0.2), found(density=0.12)) == (17, 33, 9, 17)
    assert found("C") is None
    assert found(operator="ffn_gate_first") is None
    assert found(density=0.05) is None
    assert found(shape=OperatorShape(4096, 7168, 1, 1, None, None, "bf16", "drelu")) is None


def test_of_several_ranks_the_nearest_is_taken():
    tables = [
        Table("A", tuple(entry(OperatorShape(*MOE.values()[:4], rank, *MOE.values()[5:])) for rank in (896, 1344)))
    ]
    for rank, nearest in ((1024, 896), (1280, 1344)):
        shape = OperatorShape(*MOE.values()[:4], rank, *MOE.values()[5:])
        assert table.find(tables, "A", "ffn", shape, 0.1).shape.rank == nearest


def test_shipped_tables_are_of_this_version():
    for one in table.shipped():
        assert one.entries
        for shipped in one.entries:
            assert 1 <= shipped.dense_from_tokens <= 65
            tokens = [measured.tokens for measured in shipped.measured]
            # Those of a denser layer follow.
            assert tokens == [*sorted(set(tokens)), *sorted(count for count in set(tokens) if tokens.count(count) == 2)]


def by_formula(operator="ffn", shape=FFN, density=0.1, roofline=H200):
    return formula.dense_from_tokens(roofline, operator, shape, density, 64)


def test_formula_stays_sparse_while_the_union_is_small():
    assert 8 < by_formula() < 65
    assert by_formula(density=0.2) < by_formula(density=0.1) < by_formula(density=0.02) == 65
    assert by_formula("ffn_gate_first", density=0.2) < by_formula(density=0.2)
    # A mixture's experts each see few of the tokens.
    assert by_formula("moe", MOE) > by_formula()


def test_formula_counts_overheads_and_compute():
    small = OperatorShape(256, 1000, 1, 1, None, None, "bf16", "drelu")
    assert by_formula(shape=small) == 1
    # Where compute is scarce dense GEMMs take longer, and the sparse kernels win longer.
    assert by_formula(roofline=formula.Roofline(4.8e12, 1e13)) > by_formula()


def test_formula_is_dense_where_everything_is_active():
    assert by_formula(density=1.0) == 1


class Device:
    major, minor, multi_processor_count = 9, 0, 132
    memory_clock_rate, memory_bus_width, clock_rate = 3_201_000, 6144, 1_980_000


def test_roofline_of_a_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Device)
    roofline = formula.device_roofline(0)
    assert roofline.bandwidth == pytest.approx(4.92e12, rel=0.01)
    assert roofline.peak == pytest.approx(1.07e15, rel=0.01)
    monkeypatch.setattr(Device, "major", 13)
    assert formula.device_roofline(0).peak == pytest.approx(1.07e15 / 8, rel=0.01)


def test_roofline_of_a_device_that_does_not_say(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Device)
    monkeypatch.setattr(Device, "memory_clock_rate", 0)
    monkeypatch.delattr(Device, "clock_rate")
    roofline = formula.device_roofline(0)
    assert roofline == formula.Roofline(8e12, math.inf)
    assert 1 < by_formula(roofline=roofline) <= by_formula()


@pytest.fixture
def gpu(monkeypatch):
    """A device that torch describes but does not have."""
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Device)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "NVIDIA Test")
    monkeypatch.setattr(table, "shipped", lambda: (Table("NVIDIA Test", (entry(MOE, 0.15, 40, "moe"),)),))
    choice._cached.cache_clear()
    yield
    choice._cached.cache_clear()


@pytest.mark.usefixtures("gpu")
def test_measured_shapes_follow_the_table_and_others_the_formula():
    roofline = formula.device_roofline(0)
    assert crossover.dense_from_tokens(0, "moe", MOE) == 40
    assert crossover.dense_from_tokens(0, "moe", MOE, density=0.05) == 65
    assert crossover.dense_from_tokens(0, "ffn", FFN) == by_formula(density=0.15, roofline=roofline)
    assert [crossover.runs_dense(0, "moe", tokens, *MOE.values()) for tokens in (0, 1, 39, 40, 64, 65)] == [
        True,
        False,
        False,
        True,
        True,
        True,
    ]


@pytest.mark.usefixtures("gpu")
def test_override_ends_with_its_context():
    def runs_dense(tokens):
        return crossover.runs_dense(0, "moe", tokens, *MOE.values())

    with crossover.override(1):
        assert runs_dense(1)
        with crossover.override(65):
            assert not runs_dense(64)
            assert runs_dense(65)
        assert runs_dense(1)
    assert not runs_dense(1)
    with pytest.raises(ValueError, match="tokens must be at least 1, not 0"), crossover.override(0):
        pass


def test_operators_take_the_path_that_is_chosen(monkeypatch):
    """Tensors without data, as on a GPU; kernels say so, dense GEMMs return a tensor."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    for kernels in ("_active_only", "_gate_first"):
        monkeypatch.setattr(cuda, kernels, lambda *arguments: "kernels")
    with FakeTensorMode(), torch.device("cuda"):
        weights = torch.empty((4, 208, 3, 256), dtype=torch.bfloat16)
        set_of = {"union_bits": torch.empty((1, 28), dtype=torch.uint8)}

        def calls(tokens):
            x = torch.empty((tokens, 256), dtype=torch.bfloat16)
            bits = torch.empty((1, 208), dtype=torch.int64)
            ids, scores = torch.empty((tokens, 2), dtype=torch.int32), torch.empty((tokens, 2))
            fc1, fc2 = (torch.empty((4, rows, depth), dtype=x.dtype) for rows, depth in ((64, 256), (208, 64)))
            monkeypatch.setattr(cuda, "_select", lambda *arguments: (None, torch.empty((4, 208), dtype=torch.int64)))
            yield cuda.ffn(x, weights[:1], token_bits=bits, **set_of)
            yield cuda.ffn_gate_first(x, weights[:1])
            yield cuda.moe(x, weights, ids, scores)
            yield cuda.moe(x, weights, ids, scores, fc1, fc2)

        with crossover.override(9):
            assert list(calls(8)) == ["kernels"] * 4
            assert [result.shape for result in calls(9)] == [(9, 256)] * 4


def test_the_expected_density_is_that_of_the_manifest(monkeypatch):
    spec = {"hidden": 4096, "intermediate": 14336, "experts": 1, "dtype": "bf16", "activation": "drelu"}
    models = [spec | {"density": 0.1, "tensorParallel": [1, 2]}, spec | {"density": 0.12, "tensorParallel": [2]}]
    monkeypatch.setattr(choice, "manifest", lambda: {"models": models})
    half = OperatorShape(4096, 7168, *FFN.values()[2:])
    other = OperatorShape(4096, 14000, *FFN.values()[2:])
    assert [choice.expected_density(shape) for shape in (FFN, half, other)] == [0.1, 0.12, 0.15]
