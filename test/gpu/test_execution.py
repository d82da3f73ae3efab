"""How servers run operators: captured, compiled, on side streams, over stale memory, again and again."""

import pytest
import torch
from layers import expected, make_layer, waiting_is_an_error
from turbosparse import ops, reference

TOKENS = [1, 4, 16, 64]


@pytest.mark.parametrize("tokens", TOKENS)
def test_same_input_same_bits(model, device, tokens):
    layer = make_layer(model, device, tokens=tokens)
    first = layer.run()
    for _ in range(5):
        assert torch.equal(layer.run(), first)


@pytest.mark.cuda
@pytest.mark.parametrize("tokens", TOKENS)
def test_stale_memory_is_never_read(model, device, tokens):
    layer = make_layer(model, device, tokens=tokens)
    first = layer.run()
    torch.cuda.empty_cache()
    # Bytes 0xff are NaN in every float format, set bits in every bitmap and -1 as an index. Blocks of many sizes, so
    # that the allocator serves outputs and workspaces from them.
    stale = [torch.full((size,), 255, dtype=torch.uint8, device=device) for size in [2**n for n in range(9, 28)] * 3]
    torch.cuda.synchronize()
    del stale
    assert torch.equal(layer.run(), first)


@pytest.mark.cuda
def test_side_stream(model, device):
    layer = make_layer(model, device, tokens=3)
    first = layer.run()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        # Busy work ahead on this stream: an operator on another stream would read x before it is restored.
        x = layer.x.clone()
        layer.x.zero_()
        torch.cuda._sleep(20_000_000)
        layer.x.copy_(x)
        result = layer.run()
    stream.synchronize()
    assert torch.equal(result, first)


@pytest.mark.cuda
@pytest.mark.parametrize("tokens", TOKENS)
def test_one_graph_serves_every_input_and_density(model, device, tokens):
    layers = [
        make_layer(model, device, tokens=tokens, density=density, seed=seed)
        for seed, density in enumerate([0.1, 0.0, 0.5, 1.0, 0.02, 0.1])
    ]
    static = make_layer(model, device, tokens=tokens, density=0.1)
    static.run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = static.run()
    for layer in layers:
        for name in ("x", "weights", "fc1", "fc2", "ids", "scores"):
            if getattr(static, name) is not None:
                getattr(static, name).copy_(getattr(layer, name))
        graph.replay()
        assert torch.equal(out, layer.run())


@pytest.mark.cuda
@pytest.mark.parametrize("tokens", TOKENS)
def test_graph_of_a_given_mask(predictor_model, device, tokens):
    layer = make_layer(predictor_model, device, tokens=tokens)
    mask = layer.mask.clone()

    def run():
        return ops.ffn(layer.x, layer.weights, *ops.pack_mask(mask), *predictor_model.function)

    run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = run()
    for density in (0.0, 0.001, 0.3, 1.0):
        mask.copy_(make_layer(predictor_model, device, tokens=tokens, density=density, seed=7).mask)
        graph.replay()
        assert torch.equal(out, run())


def test_compiled(model, device):
    layer = make_layer(model, device, tokens=7)

    def decode(x):
        layer.x = x
        return layer.run() + x

    x = layer.x
    torch._dynamo.reset()
    assert torch.equal(torch.compile(decode, fullgraph=True, dynamic=True)(x), decode(x))


@pytest.mark.cuda
def test_compiled_into_cuda_graphs(predictor_model, device):
    layer = make_layer(predictor_model, device, tokens=4)
    weights, fc1, fc2 = layer.weights, layer.fc1, layer.fc2

    def decode(x):
        return ops.ffn(x, weights, *ops.predict(x, fc1, fc2), *predictor_model.function) + x

    torch._dynamo.reset()
    compiled = torch.compile(decode, mode="reduce-overhead", fullgraph=True)
    for seed in range(4):
        x = make_layer(predictor_model, device, tokens=4, seed=seed).x
        torch.compiler.cudagraph_mark_step_begin()
        assert torch.equal(compiled(x), decode(x))


@pytest.mark.parametrize("tokens", [1, 7])
def test_opcheck(model, device, tokens):
    layer = make_layer(model, device, tokens=tokens)
    padding = torch.zeros(tokens, dtype=torch.bool, device=device)
    calls = torch.ops.turbosparse
    if model.experts > 1:
        threshold = reference.default_threshold(model.dtype) if model.predictor else 0.0
        args = (layer.x, layer.weights, layer.ids, layer.scores, layer.fc1, layer.fc2, threshold)
        torch.library.opcheck(calls.moe, (*args, *model.function, padding))
    else:
        torch.library.opcheck(calls.ffn_gate_first if not model.predictor else calls.ffn, ffn_args(layer, padding))
    if model.predictor:
        args = (layer.x, layer.fc1, layer.fc2, reference.default_threshold(model.dtype), layer.ids, padding)
        torch.library.opcheck(calls.predict, args)
    torch.library.opcheck(calls.pack_mask, (layer.mask,))


def ffn_args(layer, padding):
    if layer.model.predictor:
        return (layer.x, layer.weights, *ops.pack_mask(layer.mask), *layer.model.function)
    return (layer.x, layer.weights, *layer.model.function, padding)


@pytest.mark.cuda
def test_operators_do_not_wait_for_the_device(model, device):
    layer = make_layer(model, device, tokens=4)
    layer.run()
    with waiting_is_an_error():
        layer.run()


@pytest.mark.cuda
def test_padding_may_change_between_replays(model, device):
    layer = make_layer(model, device, tokens=16)
    padding = torch.zeros(16, dtype=torch.bool, device=device)
    layer.run(padding)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = layer.run(padding)
    for real in (16, 9, 1, 0):
        padding.copy_(torch.arange(16, device=device) >= real)
        graph.replay()
        exact, _, bound = expected(layer, padding)
        assert ((out.double() - exact).abs() <= bound).all()
        assert not out[real:].any()
