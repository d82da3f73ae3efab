"""The error bounds hold for real evaluations and are not so wide that they mean nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from turbosparse import reference, synthetic
from turbosparse.reference.predictor import predict_logits

DTYPES = [torch.bfloat16, torch.float16]
shapes = {"seed": st.integers(0, 2**20), "dtype": st.sampled_from(DTYPES), "scale": st.sampled_from([0.01, 1.0, 20.0])}


@given(**shapes, activation=st.sampled_from([("drelu", 0.0), ("reglu", 0.0), ("reglu", 0.5)]))
@settings(max_examples=40, deadline=None)
def test_dense_ffn_keeps_its_bound(seed, dtype, scale, activation):
    generator = torch.Generator().manual_seed(seed)
    weights = synthetic.random_weights(2, 90, 128, dtype, generator)
    x = synthetic.random_inputs(4, 128, dtype, generator) * scale
    mask = torch.rand((4, 2, 90), generator=generator) < 0.3
    exact = reference.float64.ffn(x, weights, mask, *activation)
    error = (reference.masked_ffn(x, weights, mask, *activation).double() - exact).abs()
    for confidence in (8.0, None):
        bound = reference.ffn_error_bound(x, weights, mask, *activation, confidence=confidence)
        assert (error <= bound).all()


@given(**shapes)
@settings(max_examples=40, deadline=None)
def test_predictor_agrees_outside_the_margin_in_any_order_of_summation(seed, dtype, scale):
    generator = torch.Generator().manual_seed(seed)
    x = synthetic.random_inputs(3, 256, dtype, generator) * scale
    fc1 = torch.randn((1, 64, 256), generator=generator).to(dtype) / 16
    fc2 = torch.randn((1, 200, 64), generator=generator).to(dtype) / 8
    threshold = reference.default_threshold(dtype)
    order = torch.randperm(256, generator=generator)
    for confidence in (8.0, None):
        logits, margin = reference.logit_margin(x, fc1, fc2, confidence)
        certain = (logits - threshold).abs() > margin
        for mine in (predict_logits(x, fc1, fc2), predict_logits(x[:, order], fc1[:, :, order], fc2)):
            assert ((mine.double() - logits).abs() <= margin).all()
            assert torch.equal(~(mine <= threshold)[certain], (logits > threshold)[certain])


@pytest.mark.parametrize("dtype", DTYPES)
def test_margin_leaves_nearly_every_neuron_certain(dtype):
    generator = torch.Generator().manual_seed(0)
    x = synthetic.random_inputs(2, 4096, dtype, generator)
    fc1 = synthetic.population_fc1(4096, 1024, dtype, generator)
    fc2 = synthetic.population_fc2(2048, 1024, 0.1, 0.45, dtype, generator)
    logits, margin = reference.logit_margin(x, fc1[None], fc2[None])
    certain = (logits - reference.default_threshold(dtype)).abs() > margin
    assert certain.float().mean() > 0.97


def test_a_wrong_neuron_exceeds_the_bound():
    generator = torch.Generator().manual_seed(1)
    weights = synthetic.random_weights(1, 200, 256, torch.bfloat16, generator)
    x = synthetic.random_inputs(1, 256, torch.bfloat16, generator)
    mask = synthetic.plant_mask(1, 1, 200, 0.1, 0.0, generator)
    synthetic.plant_gate(weights, x, mask, generator)
    active = (reference.float64.ffn(x, weights, mask) != 0).any()
    assert active
    bound = reference.ffn_error_bound(x, weights, mask)
    contributing = [
        n for n in mask[0, 0].nonzero().flatten().tolist() if (x.double() @ weights[0, n, :2].double().T).min() > 0.5
    ]
    assert contributing
    for neuron in contributing:
        without = mask.clone()
        without[0, 0, neuron] = False
        error = (reference.float64.ffn(x, weights, without) - reference.float64.ffn(x, weights, mask)).abs()
        assert (error > bound).any()
