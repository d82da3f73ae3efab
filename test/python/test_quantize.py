"""Matrices in two int8 planes: what quantising a row does, and loading checkpoints that way."""

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
def test_high_plane_is_nearest_and_both_are_within_a_512th(seed, dtype, scale):
    generator = torch.Generator().manual_seed(seed)
    weight = (torch.randn((2, 70, 33), generator=generator) * scale).to(dtype)
    high, low, factor = quantize_rows(weight)
    assert high.dtype == low.dtype == torch.int8
    assert high.shape == low.shape == weight.shape
    assert factor.dtype == torch.float32
    assert factor.shape == (2, 70)
    assert (high.abs().amax(-1) == 127).all()
    torch.testing.assert_close(factor * 127, weight.float().abs().amax(-1), rtol=1e-6, atol=0)
    step = factor.unsqueeze(-1).double()
    assert ((high.double() * step - weight.double()).abs() <= 0.5001 * step).all()
    error = (reference.dequantized(high, low, factor) - weight.double()).abs()
    assert (error <= torch.where(low == 127, 1.02 / 256, 1.02 / 512) * step).all()


def test_halves_go_to_the_even_integer():
    weight = torch.tensor([[127.0, 0.5, 1.5, -2.5, -3.5, 2.25]])
    high, low, factor = quantize_rows(weight)
    assert factor.tolist() == [1.0]
    assert high.tolist() == [[127, 0, 2, -2, -4, 2]]
    # int8 has no 128.
    assert low.tolist() == [[0, 127, -128, -128, 127, 64]]
    assert weight[0, 1] == 0.5, "the weights themselves are left alone"


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_nothing_have_scale_0(dtype):
    weight = torch.zeros((3, 4), dtype=dtype)
    weight[1, 2] = torch.finfo(torch.float32).tiny
    weight[2, 0] = -1.0
    high, low, factor = quantize_rows(weight)
    assert factor[:2].tolist() == [0, 0]
    assert high.tolist() == [[0] * 4, [0] * 4, [-127, 0, 0, 0]]
    assert not low.any()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_int8_cannot_hold_is_refused(value):
    weight = torch.ones((2000, 8), dtype=torch.bfloat16)
    weight[1999, 7] = float(value)
    with pytest.raises(CheckpointError, match="fc2 holds NaN or infinity, which int8 cannot"):
        quantize_rows(weight, name="fc2")


def test_rows_do_not_depend_on_each_other():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn((3000, 16), generator=generator)
    whole, part = quantize_rows(weight), quantize_rows(weight[1500:1600])
    assert all(torch.equal(some, every[1500:1600]) for some, every in zip(part, whole))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "m"
    synthetic.write_model(folder, PRESETS["mixtral-tiny"])
    opened = Checkpoint(folder)
    return opened, layout_for(opened.config["model_type"])


def test_loaded_planes_are_the_quantised_rows(checkpoint):
    exact = load_predictor(*checkpoint, 1)
    assert exact.fc2_low is None
    assert exact.fc2_scale is None
    loaded = load_predictor(*checkpoint, 1, fc2_bits=8)
    assert torch.equal(loaded.fc1, exact.fc1)
    assert all(torch.equal(*pair) for pair in zip(loaded[1:], quantize_rows(exact.fc2)))


def test_quantised_shards_are_rows_of_the_whole(checkpoint):
    whole = load_predictor(*checkpoint, 0, fc2_bits=8)
    parts = [load_predictor(*checkpoint, 0, fc2_bits=8, tensor_parallel=(rank, 3)) for rank in range(3)]
    for name in ("fc2", "fc2_low", "fc2_scale"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts], 1), getattr(whole, name))
    assert all(torch.equal(part.fc1, whole.fc1) for part in parts)


def test_loading_planes_into_a_given_place(checkpoint):
    made = load_predictor(*checkpoint, 0, fc2_bits=8)
    place = PredictorWeights(*(torch.zeros_like(tensor) for tensor in made))
    loaded = load_predictor(*checkpoint, 0, fc2_bits=8, out=place)
    for given_tensor, tensor, expected in zip(place, loaded, made):
        assert tensor is given_tensor
        assert torch.equal(tensor, expected)
    for out, bits, message in (
        (place, 16, "out must have no fc2_low, because fc2 is loaded with 16 bits"),
        (place._replace(fc2_low=None), 8, "out must have fc2_low, because fc2 is loaded with 8 bits"),
        (place._replace(fc2_scale=None), 8, "out must have fc2_scale, because fc2 is loaded with 8 bits"),
        (place._replace(fc2=made.fc2.float()), 8, "out must be torch.int8 .*, not torch.float32"),
        (place, 4, "fc2_bits must be 8 or 16, not 4"),
    ):
        with pytest.raises(ValueError, match=message):
            load_predictor(*checkpoint, 0, fc2_bits=bits, out=out)


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
        load_predictor(opened, layout, 0, fc2_bits=8)
    assert load_predictor(opened, layout, 0).fc2[0, 0, 0].isinf()
