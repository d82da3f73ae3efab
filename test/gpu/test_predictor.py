"""Which neurons the predictor keeps."""

import pytest
import torch
from layers import NEURONS, OVERLAP, TOKENS, compare, crowd, expected, make_layer
from turbosparse import ops, reference, synthetic
from turbosparse.weights import quantize_rows

by_quantized = pytest.mark.parametrize("quantized", [False, True], ids=["16 bits", "two planes"])


def quantize(layer, quantized=True):
    """Put fc2 into planes if so asked; returns what goes with the high one as arguments."""
    if not quantized:
        return {}
    layer.fc2, low, scale = quantize_rows(layer.fc2)
    return {"fc2_low": low, "fc2_scale": scale}


def selected(layer, **options):
    """The mask that `predict` returns, checked for a union that agrees."""
    union, bits = ops.predict(layer.x, layer.fc1, layer.fc2, topk_ids=layer.ids, **options)
    mask = reference.unpack_mask(bits, len(layer.x))
    assert torch.equal(reference.unpack_union(union, mask.shape[2]), mask.any(0))
    assert torch.equal(union, reference.pack_mask(mask)[0])
    return mask


def routed(layer):
    if layer.ids is None:
        return torch.ones((), dtype=torch.bool, device=layer.x.device)
    return reference.routed_mask(layer.ids, layer.model.experts).unsqueeze(-1)


@by_quantized
@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("intermediate", NEURONS.values(), ids=NEURONS.keys())
def test_planted_masks_are_found(any_predictor_model, device, tokens, intermediate, quantized):
    for rank in {64, *any_predictor_model.ranks}:
        layer = make_layer(any_predictor_model, device, tokens=tokens, intermediate=intermediate, rank=rank)
        planes = quantize(layer, quantized)
        assert torch.equal(selected(layer, **planes), layer.mask & routed(layer))


@by_quantized
@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("rank", [64, 192, 320, 448])
def test_agrees_with_torch_outside_the_rounding_margin(any_predictor_model, device, tokens, rank, quantized):
    if rank > max(any_predictor_model.ranks):
        rank = max(any_predictor_model.ranks)
    model, generator = any_predictor_model, torch.Generator(device).manual_seed(rank)
    layer = make_layer(model, device, tokens=tokens, rank=rank)
    layer.fc1, layer.fc2 = synthetic.plant_predictor(layer.x, layer.mask, rank, generator, hard=True)
    assert_agreement(layer, quantize(layer, quantized), least_certain=0.3)


@by_quantized
@pytest.mark.parametrize("tokens", [1, 8, 64])
def test_agrees_with_torch_for_random_predictors(any_predictor_model, device, tokens, quantized):
    model, generator = any_predictor_model, torch.Generator(device).manual_seed(tokens)
    layer = make_layer(model, device, tokens=tokens)
    rank, neurons = max(model.ranks), layer.mask.shape[2]
    each = range(model.experts)
    layer.fc1 = torch.stack([synthetic.population_fc1(model.hidden, rank, model.dtype, generator) for _ in each])
    layer.fc2 = torch.stack(
        [synthetic.population_fc2(neurons, rank, 0.1, OVERLAP, model.dtype, generator) for _ in each]
    )
    assert_agreement(layer, quantize(layer, quantized), least_certain=0.9)


@by_quantized
@pytest.mark.parametrize("tokens", [8, 16, 33, 64])
def test_experts_with_few_and_with_all_tokens(predictor_mixture_model, device, tokens, quantized):
    layer = make_layer(predictor_mixture_model, device, tokens=tokens)
    crowd(layer.ids)
    assert torch.equal(selected(layer, **quantize(layer, quantized)), layer.mask & routed(layer))


def crowded_layer(model, device, tokens):
    """Logits as close to the threshold as the high plane alone would move them."""
    generator = torch.Generator(device).manual_seed(tokens)
    layer = make_layer(model, device, tokens=tokens, intermediate=8192)
    rank = max(model.ranks)
    layer.fc1 = synthetic.population_fc1(model.hidden, rank, model.dtype, generator)[None]
    layer.fc2 = synthetic.population_fc2(layer.mask.shape[2], rank, 0.1, OVERLAP, model.dtype, generator)[None]
    synthetic.crowd_threshold(layer.x, layer.fc1, layer.fc2, generator)
    return layer


@by_quantized
@pytest.mark.parametrize("tokens", [1, 8, 33, 64])
def test_agrees_with_torch_near_the_threshold(predictor_model, device, tokens, quantized):
    layer = crowded_layer(predictor_model, device, tokens)
    assert_agreement(layer, quantize(layer, quantized), least_certain=0.6)


@pytest.mark.parametrize("tokens", [1, 8, 33, 64])
def test_planes_select_what_16_bits_do(predictor_model, device, tokens):
    layer = crowded_layer(predictor_model, device, tokens)
    exact = selected(layer)
    planes = quantize(layer)
    assert (selected(layer, **planes) == exact).double().mean() >= 0.999
    # The high plane alone is not enough, so that this has read the low one.
    high_only = planes | {"fc2_low": torch.zeros_like(planes["fc2_low"])}
    assert (selected(layer, **high_only) == exact).double().mean() < 0.995


@by_quantized
@pytest.mark.parametrize("exponent", [-20, 20])
@pytest.mark.parametrize("tokens", [1, 8, 33])
def test_powers_of_two_scale_logits_and_threshold_alike(predictor_model, device, tokens, exponent, quantized):
    """Also where int8 kernels, which multiply a hidden layer as fp16, find it below or beyond the range of fp16."""
    layer = crowded_layer(predictor_model, device, tokens)
    planes = quantize(layer, quantized)
    threshold = reference.default_threshold(layer.model.dtype)
    plain = selected(layer, threshold=threshold, **planes)
    # The hidden layer of an fp16 model cannot leave that range.
    factor = 2.0 ** (exponent if layer.model.dtype == torch.bfloat16 else exponent // 10)
    layer.x = layer.x * factor
    assert torch.equal(selected(layer, threshold=threshold * factor, **planes), plain)
    assert 0 < plain.double().mean() < 1


def assert_agreement(layer, planes, least_certain):
    threshold = reference.default_threshold(layer.model.dtype)
    logits, margin = reference.logit_margin(layer.x, layer.fc1, layer.fc2, **planes)
    certain = ((logits - threshold).abs() > margin) & routed(layer)
    assert certain.sum() > least_certain * routed(layer).expand_as(certain).sum()
    torch_mask = reference.predict_mask(layer.x, layer.fc1, layer.fc2, threshold, **planes)
    mine = selected(layer, **planes)
    assert torch.equal(torch_mask[certain], (logits > threshold)[certain])
    assert torch.equal(mine[certain], torch_mask[certain])
    assert not (mine & ~routed(layer)).any()


@by_quantized
@pytest.mark.parametrize("tokens", [1, 7, 64, 65])
def test_padding_selects_nothing(any_predictor_model, device, tokens, quantized):
    layer = make_layer(any_predictor_model, device, tokens=min(tokens, 64))
    if tokens > 64:
        layer.x = torch.cat([layer.x, layer.x[: tokens - 64]])
        layer.mask = torch.cat([layer.mask, layer.mask[: tokens - 64]])
        if layer.ids is not None:
            layer.ids = torch.cat([layer.ids, layer.ids[: tokens - 64]])
    padding = torch.arange(tokens, device=device) % 3 == 0
    layer.x[padding] = float("nan")
    planes = quantize(layer, quantized)
    assert torch.equal(selected(layer, padding=padding, **planes), layer.mask & routed(layer) & ~padding[:, None, None])


@by_quantized
@pytest.mark.parametrize("tokens", [1, 3, 16])
def test_nan_logits_keep_every_neuron(any_predictor_model, device, tokens, quantized):
    layer = make_layer(any_predictor_model, device, tokens=tokens)
    layer.x[-1] = float("nan")
    layer.mask[-1] = True
    assert torch.equal(selected(layer, **quantize(layer, quantized)), layer.mask & routed(layer))


def test_threshold_is_exclusive(predictor_model, device):
    """Logits of exactly the threshold are dropped, the next larger value is kept."""
    model = predictor_model
    threshold = reference.default_threshold(model.dtype)
    x = torch.zeros((1, model.hidden), dtype=model.dtype, device=device)
    x[0, 0] = 1
    fc1 = torch.zeros((1, 64, model.hidden), dtype=model.dtype, device=device)
    fc1[0, 5, 0] = 1
    fc2 = torch.zeros((1, 4, 64), dtype=model.dtype, device=device)
    levels = torch.tensor([threshold, -threshold, 0.0, threshold], dtype=model.dtype, device=device)
    fc2[0, :, 5] = levels
    fc2[0, 3, 5] = torch.nextafter(levels[3], levels.new_tensor(1.0))
    _, bits = ops.predict(x, fc1, fc2)
    assert bits.tolist() == [[0, 0, 0, 1]]


@by_quantized
@pytest.mark.parametrize("tokens", [1, 9])
def test_layer_with_its_predictor(any_predictor_model, device, tokens, quantized):
    model, layer = any_predictor_model, make_layer(any_predictor_model, device, tokens=tokens)
    answer = expected(layer)
    planes = quantize(layer, quantized)
    if model.experts > 1:
        predictor = (layer.fc1, layer.fc2)
        result = ops.moe(layer.x, layer.weights, layer.ids, layer.scores, *predictor, None, *model.function, **planes)
    else:
        active = ops.predict(layer.x, layer.fc1, layer.fc2, **planes)
        result = ops.ffn(layer.x, layer.weights, *active, *model.function)
    compare(result, *answer)


@pytest.mark.parametrize("tokens", [1, 16])
def test_rows_of_scale_0_follow_the_threshold(predictor_model, device, tokens):
    """Rows of zeros have logit 0: dropped by a threshold of 0, kept by a lower one."""
    layer = make_layer(predictor_model, device, tokens=tokens)
    layer.fc2[:, ::3] = 0
    planes = quantize(layer)
    assert not selected(layer, threshold=0.0, **planes)[:, :, ::3].any()
    assert selected(layer, threshold=-1e-3, **planes)[:, :, ::3].all()
