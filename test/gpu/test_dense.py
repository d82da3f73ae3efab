"""The dense path: calls of more than 64 tokens, and shorter ones beyond the crossover."""

import pytest
import torch
from layers import check, make_layer, repeated, waiting_is_an_error
from turbosparse import crossover, ops, reference
from turbosparse.weights import quantize_rows

SHORT, LONG = [1, 16, 64], [65, 300]


def layer_of(model, device, tokens, **sizes):
    """Longer layers repeat 64 tokens; of fewer neurons where rows are not aligned for a grouped GEMM."""
    return repeated(make_layer(model, device, tokens=min(tokens, 64), **sizes), tokens)


@pytest.fixture(autouse=True)
def dense():
    with crossover.override(1):
        yield


@pytest.mark.parametrize("tokens", SHORT + LONG)
@pytest.mark.parametrize("intermediate", [1000, 333])
def test_layer(model, device, tokens, intermediate):
    check(layer_of(model, device, tokens, intermediate=intermediate))


@pytest.mark.parametrize("tokens", SHORT + LONG)
def test_padding(model, device, tokens):
    layer = layer_of(model, device, tokens)
    padding = torch.arange(tokens, device=device) % 3 == 0
    layer.x[padding] = 1.0
    check(layer, padding)
    # Nor does what padded rows hold get into others, or out of them.
    layer.x[padding] = torch.nan
    if layer.ids is not None:
        layer.scores[padding] = torch.nan
    result = layer.run(padding)
    assert not result[padding].any()
    assert result[~padding].isfinite().all()


@pytest.mark.parametrize("tokens", SHORT + LONG)
@pytest.mark.parametrize("intermediate", [1000, 333])
def test_predictor_in_planes(any_predictor_model, device, tokens, intermediate):
    layer = layer_of(any_predictor_model, device, tokens, intermediate=intermediate)
    layer.fc2, layer.fc2_low, layer.fc2_scale = quantize_rows(layer.fc2)
    check(layer)


@pytest.mark.parametrize("tokens", LONG)
@pytest.mark.parametrize("quantized", [False, True], ids=["16 bits", "two planes"])
def test_active_set_of_long_calls(any_predictor_model, device, tokens, quantized):
    layer = layer_of(any_predictor_model, device, tokens)
    if quantized:
        layer.fc2, layer.fc2_low, layer.fc2_scale = quantize_rows(layer.fc2)
    padding = torch.arange(tokens, device=device) % 3 == 0
    layer.x[padding] = torch.nan
    layer.x[1] = torch.nan
    layer.mask[1] = True
    wanted = layer.routed() & ~padding[:, None, None]
    union, bits = layer.predict(padding)
    assert torch.equal(reference.unpack_mask(bits, tokens), wanted)
    assert torch.equal(union, reference.pack_mask(wanted)[0])


@pytest.mark.parametrize("tokens", SHORT + LONG)
def test_tokens_of_no_expert_are_zero_and_others_as_before(mixture_model, device, tokens):
    layer = layer_of(mixture_model, device, tokens)
    layer.ids[::2, 0] = -1
    layer.ids[1::4] = mixture_model.experts
    check(layer)
    assert not layer.run()[1::4].any()


@pytest.mark.parametrize("tokens", SHORT)
def test_given_mask(predictor_model, device, tokens):
    """The dense path leaves out what the mask does, though it reads every neuron."""
    layer = make_layer(predictor_model, device, tokens=tokens)
    nothing = ops.pack_mask(torch.zeros_like(layer.mask))
    assert not ops.ffn(layer.x, layer.weights, *nothing, *predictor_model.function).any()


@pytest.mark.parametrize("tokens", SHORT)
def test_agrees_with_the_sparse_kernels(model, device, tokens):
    layer = make_layer(model, device, tokens=tokens)
    dense = layer.run()
    with crossover.override(crossover.MOST_SPARSE_TOKENS + 1):
        sparse = layer.run()
    # Outputs are sums of many terms of either sign: differences are those of their size, not of each element's.
    assert (dense.double() - sparse.double()).norm() <= 2 * reference.unit_roundoff(dense.dtype) * dense.double().norm()


@pytest.mark.parametrize("tokens", SHORT + LONG)
def test_same_input_same_bits(model, device, tokens):
    layer = layer_of(model, device, tokens)
    first = layer.run()
    for _ in range(5):
        assert torch.equal(layer.run(), first)


@pytest.mark.cuda
@pytest.mark.parametrize("tokens", SHORT + LONG)
def test_does_not_wait_for_the_device(model, device, tokens):
    layer = layer_of(model, device, tokens)
    layer.run()
    with waiting_is_an_error():
        layer.run()


@pytest.mark.cuda
@pytest.mark.parametrize("tokens", SHORT + LONG)
def test_one_graph_serves_every_input_and_routing(model, device, tokens):
    layers = [layer_of(model, device, tokens, density=density, seed=seed) for seed, density in enumerate([0.1, 0.5])]
    static = layer_of(model, device, tokens, seed=2)
    static.run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = static.run()
    for layer in layers:
        for name in ("x", "weights", *reference.PredictorWeights._fields, "ids", "scores"):
            if getattr(static, name) is not None:
                getattr(static, name).copy_(getattr(layer, name))
        graph.replay()
        assert torch.equal(out, layer.run())


@pytest.mark.cuda
def test_memory_of_a_long_call_is_bounded(model, device):
    """Activations of all tokens at once would take several times the chunk that is allowed."""
    layer = layer_of(model, device, 20_000)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    layer.run()
    inputs = layer.x.nbytes * (1 if layer.ids is None else layer.ids.shape[1])
    token_bits = layer.mask.numel()
    assert torch.cuda.max_memory_allocated() - before < 2**29 + 8 * inputs + 4 * token_bits
