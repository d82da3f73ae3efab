"""What the plugins say to shapes, types and formats."""

import dataclasses
import re

import pytest
from harness.driver import BF16, FLOAT, HALF, INT32, Recorder, Tensor
from harness.registry import number

NAMES = ["TurboSparseFFN", "TurboSparseMoE"]
by_plugin = pytest.mark.parametrize("name", NAMES)
by_predictor = pytest.mark.parametrize("predicts", [True, False], ids=["predictor", "gate first"])


@by_plugin
@by_predictor
@pytest.mark.parametrize("type_", [BF16, HALF], ids=["bf16", "fp16"])
def test_configures_dynamic_tokens_and_leading_dimensions(registry, tensors, name, predicts, type_):
    plugin = registry.create(name)
    assert plugin.configure(tensors(name, predicts, type_)) == 0
    assert plugin.configure(tensors(name, predicts, type_, leading=(1,), most=(4096,))) == 0
    assert plugin.configure(tensors(name, predicts, type_, leading=(1, 1), most=(8, 512))) == 0
    assert plugin.configure(tensors(name, predicts, type_, leading=(0,), most=(7,))) == 0


@by_plugin
@by_predictor
def test_formats(registry, tensors, name, predicts):
    plugin = registry.create(name)
    for type_, other in ((BF16, HALF), (HALF, BF16)):
        right = tensors(name, predicts, type_)
        for position, tensor in enumerate(right):
            assert plugin.supports(position, right), position
            assert not plugin.supports(position, right, linear=False), position
            wrong = [*right]
            wrong[position] = dataclasses.replace(tensor, type=other if position > 0 else FLOAT)
            assert not plugin.supports(position, wrong), position


# Each: the plugin, whether it predicts, the input that is changed, its new shape or type, what is said of it.
WRONG = {
    "x without rows": ("TurboSparseFFN", False, 0, (4096,), r"input 0 \(x\) must have shape \[.., hidden\]"),
    "x in float32": ("TurboSparseFFN", False, 0, FLOAT, r"input 0 \(x\) must be bfloat16 or float16"),
    "predictor of other rows": (
        "TurboSparseFFN",
        True,
        1,
        (2, 4096),
        r"input 1 \(predictor_input\) must have shape \[.., hidden\] with the leading dimensions of x \[1, 4096\], "
        r"not \[2, 4096\]",
    ),
    "predictor of shorter rows": (
        "TurboSparseFFN",
        True,
        1,
        (1, 64),
        r"input 1 \(predictor_input\) must have 4096 elements a row, as x has, not 64",
    ),
    "two rows a neuron": (
        "TurboSparseFFN",
        True,
        2,
        (1000, 2, 4096),
        r"\(weights\) must have shape \[intermediate, 3, hidden\], here \[any, 3, 4096\], not \[1000, 2, 4096\]",
    ),
    "weights of other rows": ("TurboSparseFFN", False, 1, (1000, 3, 64), r"here \[any, 3, 4096\]"),
    "weights of another type": ("TurboSparseFFN", False, 1, HALF, r"input 1 \(weights\) must be of the type of x"),
    "rank no multiple of 64": (
        "TurboSparseFFN",
        True,
        3,
        (100, 4096),
        r"\(fc2\) must have shape \[intermediate, rank\]",
    ),
    "fc2 of other neurons": ("TurboSparseFFN", True, 4, (999, 128), r"here \[1000, 128\], not \[999, 128\]"),
    "ids in float32": ("TurboSparseMoE", True, 1, FLOAT, r"input 1 \(topk_ids\) must be int32"),
    "ids of too many experts": ("TurboSparseMoE", True, 1, (1, 65), r"must have 1 to 64 experts a token, not 65"),
    "scores in int32": ("TurboSparseMoE", True, 2, INT32, r"input 2 \(topk_weights\) must be float32"),
    "scores of another top_k": (
        "TurboSparseMoE",
        True,
        2,
        (1, 3),
        r"must have 2 experts a token, as topk_ids has, not 3",
    ),
    "one expert": ("TurboSparseMoE", True, 3, (1, 1000, 3, 4096), r"\(weights\) must have 2 to 64 experts, not 1"),
    "fc1 of other experts": (
        "TurboSparseMoE",
        True,
        4,
        (4, 128, 4096),
        r"input 4 \(fc1\) must have shape \[experts, rank, hidden\], here \[8, any, 4096\], not \[4, 128, 4096\]",
    ),
}


@pytest.mark.parametrize(("name", "predicts", "position", "change", "said"), WRONG.values(), ids=WRONG.keys())
def test_wrong_tensors_are_refused_by_name(registry, driver, tensors, name, predicts, position, change, said):
    recorder = Recorder(driver)
    plugin = registry.create(name).attach(recorder)
    wrong = tensors(name, predicts)
    shape = {"shape": change} if isinstance(change, tuple) else {"type": change}
    wrong[position] = dataclasses.replace(wrong[position], **shape)
    for method in (plugin.configure, plugin.shape_change):
        assert method(wrong) != 0
    errors = recorder.errors
    assert [code for code, _ in errors] == [3, 3]
    for _, text in errors:
        assert text.startswith(f"{name}: ")
        assert text.endswith(".")
        assert re.search(said, text), text


def test_rank_is_checked_where_all_shapes_agree(registry, driver, tensors):
    recorder = Recorder(driver)
    plugin = registry.create("TurboSparseFFN").attach(recorder)
    wrong = tensors("TurboSparseFFN", True)
    wrong[3:5] = [Tensor(BF16, (100, 4096)), Tensor(BF16, (1000, 100))]
    assert plugin.configure(wrong) != 0
    assert "the predictor's rank must be a multiple of 64 up to 8192, not 100" in recorder.errors[0][1]


@by_plugin
def test_numbers_of_inputs(registry, driver, tensors, name):
    recorder = Recorder(driver)
    plugin = registry.create(name).attach(recorder)
    for predicts in (True, False):
        for extra in (1, -1):
            right = tensors(name, predicts)
            wrong = [*right[:-1], right[-2], right[-1]] if extra == 1 else [*right[:-2], right[-1]]
            if name == "TurboSparseFFN" and len(wrong) - 1 in (2, 5):
                continue
            assert plugin.configure(wrong) != 0
            assert plugin.output_type(wrong[:-1]) == -1
            assert not plugin.output_is_like_x(wrong[:-1])
    shown = {"TurboSparseFFN": "x, predictor_input, weights, fc1, fc2"}.get(
        name, "x, topk_ids, topk_weights, weights, fc1, fc2"
    )
    assert recorder.errors
    assert all(f"or with a predictor {shown}, not" in text for _, text in recorder.errors)


@by_plugin
@by_predictor
def test_without_a_device_nothing_runs(registry, driver, tensors, name, predicts):
    recorder = Recorder(driver)
    plugin = registry.create(name).attach(recorder)
    right = tensors(name, predicts)
    assert plugin.shape_change(right) != 0
    assert plugin.workspace_size(right) == 0
    assert plugin.enqueue(right, [0] * (len(right) - 1), 0, 0) != 0
    texts = [text for _, text in recorder.errors]
    assert texts[:2] == [f"{name}: there is no usable CUDA device."] * 2
    assert texts[2:] == [f"{name}: onShapeChange must come before enqueue."]


def test_a_threshold_needs_a_predictor(registry, driver, tensors):
    recorder = Recorder(driver)
    plugin = registry.create("TurboSparseFFN", [number("threshold", 0.5)]).attach(recorder)
    assert plugin.configure(tensors("TurboSparseFFN", True)) == 0
    assert plugin.configure(tensors("TurboSparseFFN", False)) != 0
    assert "field `threshold` is for a predictor, and there is none" in recorder.errors[0][1]
