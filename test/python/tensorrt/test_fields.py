"""Fields: which are known, what they may say, and weights among them."""

import pytest
from harness.driver import BF16, HALF, Field, Recorder, Tensor
from harness.registry import number, text

FFN, MOE = "TurboSparseFFN", "TurboSparseMoE"
FLOAT16_FIELD, BF16_FIELD = 0, 9

ACCEPTED = {
    "none": [],
    "activation": [text("activation", "reglu")],
    "a closing zero": [Field("activation", 6, b"reglu\0")],
    "all numbers": [text("activation", "reglu"), number("gate_threshold", 0.03), number("threshold", -1.5)],
    "sizes without weights": [number("hidden", 4096, "int32")],
    "an int64": [number("hidden", 4096, "int64")],
}
REFUSED = {
    "unknown field `activaton`; known are activation,": [text("activaton", "drelu")],
    "field `activation` must be drelu or reglu, not `silu`": [text("activation", "silu")],
    "field `activation` must be drelu or reglu, not ``": [text("activation", "")],
    "field `activation` must be text": [number("activation", 1, "int32")],
    "field `threshold` must be a float32": [number("threshold", 1, "int32")],
    "field `gate_threshold` must be 0 with `activation` drelu": [number("gate_threshold", 0.03)],
    "field `gate_threshold` must not be negative": [text("activation", "reglu"), number("gate_threshold", -0.03)],
    "field `threshold` must be finite": [number("threshold", float("nan"))],
    "field `activation` is given twice": [text("activation", "drelu"), text("activation", "drelu")],
    "field `hidden` must be within 8 and 131072, not 0": [number("hidden", 0, "int32")],
    "unknown field `format_version`": [number("format_version", 1, "int32")],
    "unknown field `experts`": [number("experts", 8, "int32")],
    "field `hidden`, the length of a row, is needed": [Field("weights", BF16_FIELD, bytes(2 * 3 * 64))],
    "field `weights` must be bfloat16 or float16": [Field("weights", 1, bytes(12)), number("hidden", 64, "int32")],
    "field `weights` is empty": [Field("weights", BF16_FIELD, b""), number("hidden", 64, "int32")],
    "fields `fc1` and `fc2` must be given together": [
        Field("fc1", BF16_FIELD, bytes(8192)),
        number("hidden", 64, "int32"),
    ],
}


@pytest.mark.parametrize("fields", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(registry, fields):
    assert registry.create(FFN, fields) is not None


@pytest.mark.parametrize(("said", "fields"), REFUSED.items(), ids=REFUSED.keys())
def test_refused(registry, logged, said, fields):
    last = logged("finder_of_11", 1)
    assert registry.create(FFN, fields) is None
    assert last().startswith(f"{FFN}: {said}")


def test_a_mixture_has_more_than_one_expert(registry, logged):
    last = logged("finder_of_11", 1)
    assert registry.create(MOE, [number("experts", 8, "int32")]) is not None
    for experts in (1, 65):
        assert registry.create(MOE, [number("experts", experts, "int32")]) is None
        assert last() == f"{MOE}: field `experts` must be within 2 and 64, not {experts}."


def weights(hidden: int, neurons: int, rank: int, experts: int = 1, kind: int = BF16_FIELD) -> list[Field]:
    """Fields of a layer with a predictor."""
    sizes = {"weights": neurons * 3 * hidden, "fc1": rank * hidden, "fc2": neurons * rank}
    fields = [Field(name, kind, bytes(2 * experts * size)) for name, size in sizes.items()]
    return [*fields, number("hidden", hidden, "int32")]


def test_weights_in_fields_are_no_inputs(registry):
    x = Tensor(BF16, (4, 64))
    fields = weights(64, 10, 64)
    assert registry.create(FFN, fields).configure([x, x, x]) == 0
    only_weights = [fields[0], fields[3]]
    fc1, fc2 = Tensor(BF16, (64, 64)), Tensor(BF16, (10, 64))
    assert registry.create(FFN, only_weights).configure([x, x]) == 0
    assert registry.create(FFN, only_weights).configure([x, x, fc1, fc2, x]) == 0
    given = Tensor(BF16, (10, 3, 64))
    assert registry.create(FFN, fields[1:]).configure([x, x, given, x]) == 0


def test_weights_of_a_mixture_in_fields(registry):
    x, ids, scores = Tensor(BF16, (4, 64)), Tensor(3, (4, 2)), Tensor(0, (4, 2))
    fields = weights(64, 10, 64, experts=8)
    assert registry.create(MOE, fields) is None
    plugin = registry.create(MOE, [*fields, number("experts", 8, "int32")])
    assert plugin.configure([x, ids, scores, x]) == 0


def test_weights_in_fields_need_a_device(registry, driver):
    recorder = Recorder(driver)
    assert registry.create(FFN, weights(64, 10, 64)).attach(recorder) is None
    [(code, said)] = recorder.errors
    assert code == 5
    assert said.startswith("TurboSparseFFN: the weights in fields find no device")


LAYER = weights(64, 10, 64)
X = Tensor(BF16, (4, 64))
UNFIT = {
    "field `hidden` must be 128, the length of the rows of x, not 64": (LAYER, Tensor(BF16, (4, 128))),
    "field `weights` must be of the type of x": (LAYER, Tensor(HALF, (4, 64))),
    "field `weights` must have the elements of [experts, intermediate, 3, hidden], a multiple of 192, not 100": (
        [Field("weights", BF16_FIELD, bytes(2 * 100)), *LAYER[1:]],
        X,
    ),
    "field `fc2` must have the 640 elements of [experts, intermediate, rank], not 576": (
        [*LAYER[:2], Field("fc2", BF16_FIELD, bytes(2 * 9 * 64)), LAYER[3]],
        X,
    ),
    "the predictor's rank must be a multiple of 64 up to 8192, not 32": (weights(64, 10, 32), X),
}


@pytest.mark.parametrize(("said", "case"), UNFIT.items(), ids=UNFIT.keys())
def test_weights_in_fields_must_fit_x(registry, logged, said, case):
    fields, x = case
    last = logged("finder_of_11", 1)
    assert registry.create(FFN, fields).configure([x, x, x]) != 0
    assert last() == f"{FFN}: {said}."


def test_types_of_weights_in_fields_decide_the_format(registry):
    for kind, type_ in ((BF16_FIELD, BF16), (FLOAT16_FIELD, HALF)):
        plugin = registry.create(FFN, weights(64, 10, 64, kind=kind))
        for other in (BF16, HALF):
            x = Tensor(other, (4, 64))
            assert plugin.supports(0, [x, x, x]) == (other == type_)
