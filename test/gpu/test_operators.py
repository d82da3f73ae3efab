"""Every operator against float64, over tokens, densities, neurons, ranks and dtypes."""

import pytest
import torch
from layers import NEURONS, TOKENS, check, compare, expected, make_layer
from turbosparse import ops, reference, synthetic

DENSITIES = {"none": 0.0, "one neuron": 1 / 1000, "5%": 0.05, "10%": 0.1, "15%": 0.15, "50%": 0.5, "all": 1.0}
by_density = pytest.mark.parametrize("density", DENSITIES.values(), ids=DENSITIES.keys())


@by_density
@pytest.mark.parametrize("tokens", TOKENS)
def test_layer(model, device, tokens, density):
    check(make_layer(model, device, tokens=tokens, density=density))


@pytest.mark.parametrize("tokens", TOKENS)
def test_layer_of_odd_size(model, device, tokens):
    check(make_layer(model, device, tokens=tokens, intermediate=NEURONS["odd"], seed=1))


@pytest.mark.parametrize("intermediate", [1, 15, 17, 31, 32, 33, 2049])
@pytest.mark.parametrize("tokens", [1, 16])
def test_layer_around_tiles(dense_model, device, tokens, intermediate):
    check(make_layer(dense_model, device, tokens=tokens, intermediate=intermediate, density=0.6))


@by_density
@pytest.mark.parametrize("tokens", TOKENS)
def test_ffn_with_a_given_mask(predictor_model, device, tokens, density):
    layer = make_layer(predictor_model, device, tokens=tokens, density=density, seed=2)
    union, bits = ops.pack_mask(layer.mask)
    compare(ops.ffn(layer.x, layer.weights, union, bits, *predictor_model.function), *expected(layer))


@pytest.mark.parametrize("tokens", [1, 4, 8, 64])
def test_full_width(predictor_model, device, tokens):
    neurons = 14336 if device == "cuda" else 2000
    rank = max(predictor_model.ranks)
    check(make_layer(predictor_model, device, tokens=tokens, intermediate=neurons, rank=rank))


@pytest.mark.parametrize("tokens", [1, 3, 33])
def test_unplanted_gates(gate_first_model, device, tokens):
    layer = make_layer(gate_first_model, device, tokens=tokens)
    generator = torch.Generator(device).manual_seed(3)
    shape = layer.weights.shape
    layer.weights = synthetic.random_weights(1, shape[1], shape[3], gate_first_model.dtype, generator)
    check(layer)


@pytest.mark.parametrize("tokens", [65, 200])
def test_more_tokens_than_the_kernels_hold(model, device, tokens):
    layer = make_layer(model, device, tokens=64)
    extra = make_layer(model, device, tokens=tokens - 64 if tokens < 128 else 64, seed=4)
    pieces = [layer, extra] if tokens < 128 else [layer, extra, layer, extra]

    def joined(name):
        values = [getattr(piece, name) for piece in pieces]
        return None if values[0] is None else torch.cat(values)[:tokens].contiguous()

    for name in ("x", "mask", "ids", "scores"):
        setattr(layer, name, joined(name))
    if model.predictor:
        # The second half was not planted: take what the torch predictor says of it.
        threshold = reference.default_threshold(model.dtype)
        layer.mask = reference.predict_mask(layer.x, layer.fc1, layer.fc2, threshold)
    check(layer)


def test_no_tokens(model, device):
    layer = make_layer(model, device, tokens=2)
    for name in ("x", "mask", "ids", "scores"):
        value = getattr(layer, name)
        setattr(layer, name, None if value is None else value[:0])
    assert layer.run().shape == (0, model.hidden)


@pytest.mark.parametrize("tokens", [*TOKENS, 65, 200])
@pytest.mark.parametrize("intermediate", [1, 40, 1000])
def test_pack_mask(device, tokens, intermediate):
    generator = torch.Generator(device).manual_seed(tokens)
    mask = torch.rand((tokens, 3, intermediate), generator=generator, device=device) < 0.03
    mask[-1, 2, -1] = True
    for given, back in zip(ops.pack_mask(mask), reference.pack_mask(mask)):
        assert torch.equal(given, back)
