"""What the plugins compute, against float64, over tokens, densities, dtypes and ways to give the weights."""

import dataclasses

import pytest
import torch
from engine import Engine, inputs_of, plugin_name, settings, with_range
from harness.driver import Field, Recorder
from harness.registry import number
from harness.serialised import with_multiprocessors
from layers import TOKENS, compare, expected, make_layer, repeated

DENSITIES = {"none": 0.0, "10%": 0.1, "50%": 0.5, "all": 1.0}


@pytest.fixture
def engine(registry, driver):
    def make(layer, inputs=None, fields=()):
        given = inputs_of(layer) if inputs is None else inputs
        return Engine(registry, driver, plugin_name(layer), [*settings(layer), *fields], given)

    return make


@pytest.mark.parametrize("density", DENSITIES.values(), ids=DENSITIES.keys())
@pytest.mark.parametrize("tokens", TOKENS)
def test_result(engine, model, tokens, density):
    layer = make_layer(model, "cuda", tokens=tokens, density=density)
    compare(engine(layer).run(), *expected(layer))


@pytest.mark.parametrize("tokens", [65, 128, 200])
def test_more_tokens_than_one_call_of_the_kernels(engine, model, tokens):
    layer = repeated(make_layer(model, "cuda", tokens=64), tokens)
    compare(engine(layer).run(), *expected(layer))


def test_leading_dimensions(engine, model):
    layer = make_layer(model, "cuda", tokens=6)
    inputs = [one.view(2, 3, -1) if one.dim() == 2 and len(one) == 6 else one for one in inputs_of(layer)]
    compare(engine(layer, inputs).run().view(6, -1), *expected(layer))


def test_no_tokens(engine, model):
    layer = make_layer(model, "cuda", tokens=1)
    empty = [one[:0] if one.dim() == 2 and len(one) == 1 else one for one in inputs_of(layer)]
    assert engine(layer, empty).run().shape == (0, model.hidden)


def test_the_predictor_reads_its_own_input(engine, predictor_ffn):
    layer = make_layer(predictor_ffn, "cuda", tokens=5)
    other = dataclasses.replace(layer, x=make_layer(predictor_ffn, "cuda", tokens=5, seed=1).x)
    compare(engine(other, inputs_of(other, predictor_input=layer.x)).run(), *expected(other))


@pytest.mark.parametrize("tokens", [1, 16])
def test_weights_in_fields_give_the_same_bits(engine, model, tokens):
    layer = make_layer(model, "cuda", tokens=tokens)
    inputs = inputs_of(layer)
    kind = {torch.bfloat16: 9, torch.float16: 0}[model.dtype]
    names = {"weights": layer.weights, "fc1": layer.fc1, "fc2": layer.fc2}
    fields = [
        Field(name, kind, one.cpu().view(torch.int16).numpy().tobytes())
        for name, one in names.items()
        if one is not None
    ]
    fields.append(number("hidden", model.hidden, "int32"))
    if model.experts > 1:
        fields.append(number("experts", model.experts, "int32"))
    others = inputs[: len(inputs) - sum(one is not None for one in names.values())]
    assert torch.equal(engine(layer, others, fields).run(), engine(layer).run())


@pytest.mark.parametrize("threshold", [-1e30, 1e30])
def test_a_given_threshold(engine, predictor_ffn, threshold):
    layer = make_layer(predictor_ffn, "cuda", tokens=3)
    layer.mask = torch.full_like(layer.mask, threshold < 0)
    compare(engine(layer, fields=[number("threshold", threshold)]).run(), *expected(layer))


def test_the_workspace_is_that_of_the_largest_call(registry, model):
    plugin = registry.create(plugin_name(layer := make_layer(model, "cuda", tokens=1)), settings(layer))

    def size(least: int, most: int) -> int:
        inputs = inputs_of(repeated(layer, least))
        return plugin.workspace_size(with_range(inputs, least, most))

    each = [size(tokens, tokens) for tokens in range(1, 65)]
    assert min(each) > 0
    assert size(1, 64) == max(each)
    assert size(3, 8) == max(each[2:8])
    assert size(65, 65) == size(1, 1000) == max(each)


def test_a_shape_without_a_kernel_is_named(engine, model):
    layer = make_layer(dataclasses.replace(model, hidden=512), "cuda", tokens=2)
    missing = engine(layer)
    assert missing.enqueue() != 0
    [(code, said)] = missing.recorder.errors
    assert code == 7
    assert said.startswith(f"{plugin_name(layer)}: no ")
    assert "kernel is built for" in said


def test_a_device_with_more_multiprocessors_than_that_of_the_build_is_refused(registry, driver, model):
    layer = make_layer(model, "cuda", tokens=2)
    name, inputs = plugin_name(layer), inputs_of(layer)
    kept = registry.create(name, settings(layer)).serialize()
    here = torch.cuda.get_device_properties(0).multi_processor_count
    assert dict((one.name, one.data) for one in kept)["multiprocessors"] == here.to_bytes(4, "little")
    for built_on, refused in ((here, False), (here - 1, True), (here + 1, False)):
        recorder = Recorder(driver)
        plugin = registry.create(name, with_multiprocessors(kept, built_on), "RUNTIME").attach(recorder)
        assert (plugin.shape_change(with_range(inputs, 2, 2)) != 0) == refused
        assert all("build it on this device" in said for _, said in recorder.errors)
