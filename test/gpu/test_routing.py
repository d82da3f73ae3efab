"""Mixtures: experts without tokens, foreign experts, tokens without experts, padded rows."""

import pytest
import torch
from layers import check, compare, crowd, expected, make_layer, repeated

TOKENS = [1, 3, 16, 64, 65]


def layer_of(model, device, tokens):
    return repeated(make_layer(model, device, tokens=min(tokens, 64)), tokens)


@pytest.mark.parametrize("tokens", TOKENS)
def test_foreign_and_missing_experts(mixture_model, device, tokens):
    layer = layer_of(mixture_model, device, tokens)
    layer.ids[:, -1] = -1
    layer.ids[::2, 0] = mixture_model.experts
    check(layer)


@pytest.mark.parametrize("tokens", TOKENS)
def test_tokens_without_any_expert_give_zero(mixture_model, device, tokens):
    layer = layer_of(mixture_model, device, tokens)
    layer.ids.fill_(-1)
    assert not layer.run().any()


@pytest.mark.parametrize("tokens", TOKENS)
def test_all_tokens_to_one_expert_named_twice(mixture_model, device, tokens):
    layer = layer_of(mixture_model, device, tokens)
    layer.ids.fill_(mixture_model.experts - 1)
    check(layer)


@pytest.mark.parametrize("tokens", [8, 16, 33, 64])
@pytest.mark.parametrize("density", [0.1, 1.0])
def test_experts_with_few_and_with_all_tokens(mixture_model, device, tokens, density):
    layer = make_layer(mixture_model, device, tokens=tokens, density=density)
    crowd(layer.ids)
    check(layer)


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_padded_rows_keep_their_values(model, device, tokens, value):
    layer = layer_of(model, device, tokens)
    padding = torch.arange(len(layer.x), device=device) % 2 == 0
    clean = layer.run(padding)
    layer.x[padding] = value
    if layer.scores is not None:
        layer.scores[padding] = value
    result = layer.run(padding)
    assert torch.equal(result, clean)
    assert not result[padding].any()


@pytest.mark.parametrize("tokens", [2, 4, 5, 16, 64])
def test_rows_not_marked_keep_their_nan_to_themselves(model, device, tokens):
    layer = make_layer(model, device, tokens=tokens)
    truth = expected(layer)
    layer.x[1] = float("nan")
    result = layer.run()
    others = [row for row in range(tokens) if row != 1]
    assert result[1].isnan().all()
    # More neurons are in the union, so sums are split differently: as right as without the NaN, but not the same bits.
    compare(result[others], *(part[others] for part in truth))
