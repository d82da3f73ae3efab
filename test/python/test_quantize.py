"""Predictors in int8: what quantising a row does, and loading checkpoints that way."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from turbosparse import reference, synthetic
from turbosparse.errors import CheckpointError
from turbosparse.reference import PredictorWeights
from turbosparse.synthetic import PRESETS
from turbosparse.weights import Checkpoint, layout_for, load_predictor, quantize_rows

DTYPES = [torch.bfloat16, torch.float16, torch.float32]


@given(seed=st.integers(0, 2**20), dtype=st.sampled_from(DTYPES), scale=st.sampled_from([1e-4, 1.0, 300.0]))
@settings(max_examples=40, deadline=None)
def test_values_are_within_half_a_step_and_the_largest_is_exact(seed, dtype, scale):
    generator = torch.Generator().manual_seed(seed)
    weight = (torch.randn((2, 70, 33), generator=generator) * scale).to(dtype)
    quantized, factor = quantize_rows(weight)
    assert quantized.dtype == torch.int8
    assert quantized.shape == weight.shape
    assert factor.dtype == torch.float32
    assert factor.shape == (2, 70)
    assert (quantized.abs().amax(-1) == 127).all()
    torch.testing.assert_close(factor * 127, weight.float().abs().amax(-1), rtol=1e-6, atol=0)
    error = (reference.dequantized(quantized, factor) - weight.double()).abs()
    assert (error <= 0.5001 * factor.unsqueeze(-1).double()).all()


def test_halves_go_to_the_even_integer():
    weight = torch.tensor([[127.0, 0.5, 1.5, -2.5, -3.5, 2.49]])
    quantized, factor = quantize_rows(weight)
    assert factor.tolist() == [1.0]
    assert quantized.tolist() == [[127, 0, 2, -2, -4, 2]]
    assert weight[0, 1] == 0.5, "the weights themselves are left alone"


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_nothing_have_scale_0(dtype):
    weight = torch.zeros((3, 4), dtype=dtype)
    weight[1, 2] = torch.finfo(torch.float32).tiny
    weight[2, 0] = -1.0
    quantized, factor = quantize_rows(weight)
    assert factor[:2].tolist() == [0, 0]
    assert quantized.tolist() == [[0] * 4, [0] * 4, [-127, 0, 0, 0]]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_int8_cannot_hold_is_refused(value):
    weight = torch.ones((2000, 8), dtype=torch.bfloat16)
    weight[1999, 7] = float(value)
    with pytest.raises(CheckpointError, match="fc2 holds NaN or infinity, which int8 cannot"):
        quantize_rows(weight, name="fc2")


def test_rows_do_not_depend_on_each_other():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn((3000, 16), generator=generator)
    quantized, factor = quantize_rows(weight)
    part, part_factor = quantize_rows(weight[1500:1600])
    assert torch.equal(part, quantized[1500:1600])
    assert torch.equal(part_factor, factor[1500:1600])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "m"
    synthetic.write_model(folder, PRESETS["mixtral-tiny"])
    opened = Checkpoint(folder)
    return opened, layout_for(opened.config["model_type"])


@pytest.mark.parametrize(("fc1_bits", "fc2_bits"), [(16, 8), (8, 16), (8, 8)])
def test_loaded_matrices_are_the_quantised_rows(checkpoint, fc1_bits, fc2_bits):
    exact = load_predictor(*checkpoint, 1, fc1_bits=16, fc2_bits=16)
    loaded = load_predictor(*checkpoint, 1, fc1_bits=fc1_bits, fc2_bits=fc2_bits)
    for name, bits in (("fc1", fc1_bits), ("fc2", fc2_bits)):
        matrix, scale = getattr(loaded, name), getattr(loaded, f"{name}_scale")
        if bits == 16:
            assert torch.equal(matrix, getattr(exact, name))
            assert scale is None
        else:
            quantized, factor = quantize_rows(getattr(exact, name))
            assert torch.equal(matrix, quantized)
            assert torch.equal(scale, factor)


def test_quantised_shards_are_rows_of_the_whole(checkpoint):
    whole = load_predictor(*checkpoint, 0, fc1_bits=8, fc2_bits=8)
    parts = [load_predictor(*checkpoint, 0, fc1_bits=8, fc2_bits=8, tensor_parallel=(rank, 3)) for rank in range(3)]
    assert torch.equal(torch.cat([part.fc2 for part in parts], 1), whole.fc2)
    assert torch.equal(torch.cat([part.fc2_scale for part in parts], 1), whole.fc2_scale)
    assert all(torch.equal(part.fc1_scale, whole.fc1_scale) for part in parts)


def test_loading_int8_into_a_given_place(checkpoint):
    made = load_predictor(*checkpoint, 0, fc1_bits=16, fc2_bits=8)
    place = PredictorWeights(*(None if tensor is None else torch.zeros_like(tensor) for tensor in made))
    loaded = load_predictor(*checkpoint, 0, fc1_bits=16, fc2_bits=8, out=place)
    assert loaded.fc2 is place.fc2
    assert loaded.fc2_scale is place.fc2_scale
    assert torch.equal(place.fc2, made.fc2)
    assert torch.equal(place.fc2_scale, made.fc2_scale)
    for bits, message in (
        ({"fc1_bits": 16, "fc2_bits": 16}, "out must have no fc2_scale, because fc2 is loaded with 16 bits"),
        ({"fc1_bits": 8, "fc2_bits": 8}, "out must have fc1_scale, because fc1 is loaded with 8 bits"),
        ({"fc1_bits": 4, "fc2_bits": 8}, "fc1_bits must be 8 or 16, not 4"),
    ):
        with pytest.raises(ValueError, match=message):
            load_predictor(*checkpoint, 0, out=place, **bits)


def test_a_tensor_that_int8_cannot_hold_is_named(tmp_path):
    shape = dataclasses.replace(PRESETS["bamboo-tiny"], layers=1, ranks=(64,))
    synthetic.write_model(tmp_path / "m", shape)
    opened = Checkpoint(tmp_path / "m")
    layout = layout_for("bamboo")
    name = "model.layers.0.mlp.predictor.fc2.weight"
    file = next((tmp_path / "m").glob("*.safetensors"))
    entry = opened.entry(name)
    with file.open("r+b") as stream:
        stream.seek(entry.begin)
        stream.write(b"\x80\x7f")
    opened = Checkpoint(tmp_path / "m")
    with pytest.raises(CheckpointError, match=rf"m: tensor {name} holds NaN or infinity.*keep it in 16 bits"):
        load_predictor(opened, layout, 0, fc1_bits=16, fc2_bits=8)
    assert load_predictor(opened, layout, 0, fc1_bits=16, fc2_bits=16).fc2[0, 0, 0].isinf()
