"""The references against loops over single numbers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from turbosparse import reference
from turbosparse.reference.predictor import kept

DTYPES = [torch.bfloat16, torch.float16]


def act(gate: float, up: float, activation: str, threshold: float) -> float:
    if activation == "drelu":
        return max(gate, 0.0) * max(up, 0.0)
    return (gate if gate > threshold else 0.0) * up


def naive_ffn(x, weights, mask, activation, threshold):
    """`down(where(mask, act, 0))` one neuron at a time."""
    out = [[0.0] * x.shape[1] for _ in range(x.shape[0])]
    for t in range(x.shape[0]):
        for n in range(weights.shape[0]):
            gate, up = (math.fsum(a * b for a, b in zip(x[t].tolist(), weights[n, r].tolist())) for r in (0, 1))
            value = act(gate, up, activation, threshold) if mask[t, n] else 0.0
            for h in range(x.shape[1]):
                out[t][h] += value * float(weights[n, 2, h])
    return torch.tensor(out, dtype=torch.float64)


@pytest.mark.parametrize(("activation", "threshold"), [("drelu", 0.0), ("reglu", 0.0), ("reglu", 0.3)])
def test_float64_ffn_is_the_loop(activation, threshold):
    torch.manual_seed(0)
    x, weights = torch.randn(3, 8), torch.randn(1, 5, 3, 8)
    mask = torch.rand(3, 1, 5) < 0.6
    expected = naive_ffn(x, weights[0], mask[:, 0], activation, threshold)
    torch.testing.assert_close(reference.float64.ffn(x, weights, mask, activation, threshold), expected)


def test_float64_moe_is_the_loop():
    torch.manual_seed(1)
    x, weights, mask = torch.randn(4, 8), torch.randn(3, 5, 3, 8), torch.rand(4, 3, 5) < 0.6
    ids = torch.tensor([[0, 2], [1, -1], [2, 2], [7, -1]], dtype=torch.int32)
    scores = torch.rand(4, 2)
    expected = torch.zeros(4, 8, dtype=torch.float64)
    for t in range(4):
        for k in range(2):
            expert = int(ids[t, k])
            if 0 <= expert < 3:
                one = naive_ffn(x[t : t + 1], weights[expert], mask[t : t + 1, expert], "drelu", 0.0)
                expected[t] += float(scores[t, k]) * one[0]
    result = reference.float64.moe(x, weights, ids, scores, mask)
    torch.testing.assert_close(result, expected)
    assert torch.equal(result[3], torch.zeros(8, dtype=torch.float64))


@pytest.mark.parametrize("activation", ["drelu", "reglu"])
def test_dense_path_in_float64_is_the_reference(activation):
    torch.manual_seed(2)
    x, weights, mask = torch.randn(6, 16).double(), torch.randn(3, 9, 3, 16).double(), torch.rand(6, 3, 9) < 0.5
    ids = torch.randint(-1, 3, (6, 2), dtype=torch.int32)
    scores = torch.rand(6, 2).double()
    torch.testing.assert_close(
        reference.masked_ffn(x, weights, mask, activation), reference.float64.ffn(x, weights, mask, activation)
    )
    torch.testing.assert_close(
        reference.masked_moe(x, weights, ids, scores, mask, activation),
        reference.float64.moe(x, weights, ids, scores, mask, activation),
    )


def test_unselected_neurons_hide_their_nan_and_infinity():
    x, weights = torch.ones(1, 4), torch.ones(1, 3, 3, 4)
    weights[0, 0, 1], weights[0, 1, 0] = float("nan"), float("inf")
    mask = torch.tensor([[[False, False, True]]])
    expected = torch.full((1, 4), 16.0)
    assert torch.equal(reference.float64.ffn(x, weights, mask), expected.double())
    assert torch.equal(reference.masked_ffn(x, weights, mask), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_threshold_is_that_of_round_sigmoid_for_every_value(dtype):
    values = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(dtype)
    values = values[~values.isnan()]
    assert len(values) > 60_000
    assert torch.equal(~(values <= reference.default_threshold(dtype)), torch.round(torch.sigmoid(values)) == 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_mask_is_the_released_predictor(dtype):
    torch.manual_seed(3)
    x, fc1, fc2 = torch.randn(7, 64).to(dtype), torch.randn(2, 32, 64).to(dtype), torch.randn(2, 50, 32).to(dtype)
    mask = reference.predict_mask(x, fc1, fc2 / 64, reference.default_threshold(dtype))
    for expert in range(2):
        hidden = torch.relu(torch.nn.functional.linear(x, fc1[expert]))
        released = torch.round(torch.sigmoid(torch.nn.functional.linear(hidden, fc2[expert] / 64)))
        assert torch.equal(mask[:, expert], released == 1)
    assert 0.2 < mask.float().mean() < 0.8


def test_thresholds_are_not_rounded_to_the_dtype_of_the_logits():
    logits = torch.tensor([0.1, 0.125], dtype=torch.bfloat16)
    assert logits[0].item() > 0.1
    assert kept(logits, 0.1).tolist() == [True, True]
    assert kept(logits, 0.125).tolist() == [False, False]


def test_nan_logits_keep_the_neuron():
    x = torch.tensor([[float("nan"), 1.0]])
    assert reference.predict_mask(x, -torch.ones(1, 2, 2), torch.ones(1, 3, 2), 0.0).all()


def test_default_threshold_of_other_dtypes_is_refused():
    with pytest.raises(ValueError, match="float32"):
        reference.default_threshold(torch.float32)


@given(
    tokens=st.integers(0, 200),
    experts=st.integers(1, 4),
    intermediate=st.integers(1, 100),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=60, deadline=None)
def test_active_set_round_trip(tokens, experts, intermediate, density, seed):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand((tokens, experts, intermediate), generator=generator) < density
    union, bits = reference.pack_mask(mask)
    assert union.shape == (experts, 4 * math.ceil(intermediate / 32))
    assert bits.shape == (math.ceil(tokens / 64) * experts, intermediate)
    assert torch.equal(reference.unpack_union(union, intermediate), mask.any(0))
    if tokens > 0:
        assert torch.equal(reference.unpack_mask(bits, tokens), mask)
    padding_bits = reference.unpack_union(union, 8 * union.shape[1])[:, intermediate:]
    assert not padding_bits.any()


def test_active_set_bits_are_where_the_kernels_read_them():
    mask = torch.zeros(130, 2, 40, dtype=torch.bool)
    mask[63, 1, 33] = mask[64, 1, 33] = mask[2, 0, 0] = True
    union, bits = reference.pack_mask(mask)
    assert union[1].tolist() == [0, 0, 0, 0, 2, 0, 0, 0]
    assert bits[1, 33] == -(2**63)
    assert bits[2 + 1, 33] == 1
    assert bits[0, 0] == 4
    assert bits.ne(0).sum() == 3


def test_routing_ignores_foreign_experts_and_adds_repeated_ones():
    ids = torch.tensor([[1, 1], [-1, 0], [5, 2]], dtype=torch.int32)
    scores = torch.tensor([[0.25, 0.5], [float("nan"), 1.0], [9.0, 0.5]])
    assert reference.routing_scale(ids, scores, 3).tolist() == [[0, 0.75, 0], [1, 0, 0], [0, 0, 0.5]]
    assert reference.routed_mask(ids, 3).tolist() == [[False, True, False], [True, False, False], [False, False, True]]
