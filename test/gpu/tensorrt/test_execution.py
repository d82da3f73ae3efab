"""How TensorRT runs plugins: captured, on other streams, again and again."""

import time

import pytest
import torch
from engine import Engine, inputs_of, plugin_name, settings
from layers import make_layer, repeated

TOKENS = [1, 4, 16, 64, 200]


@pytest.fixture
def engine(registry, driver):
    def make(layer):
        return Engine(registry, driver, plugin_name(layer), settings(layer), inputs_of(layer))

    return make


def many(model, tokens, **sizes):
    """A layer on so many tokens; those beyond 64 are the first ones again."""
    return repeated(make_layer(model, "cuda", tokens=min(tokens, 64), **sizes), tokens)


@pytest.mark.parametrize("tokens", TOKENS)
def test_one_graph_serves_every_input_and_density(engine, model, tokens):
    static = engine(many(model, tokens))
    static.run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        static.launch()
    for seed, density in enumerate([0.1, 0.0, 0.5, 1.0, 0.02]):
        layer = many(model, tokens, density=density, seed=seed)
        for mine, given in zip(static.inputs, inputs_of(layer), strict=True):
            mine.copy_(given)
        graph.replay()
        replayed = static.out.clone()
        assert torch.equal(replayed, engine(layer).run())


@pytest.mark.parametrize("tokens", [1, 16])
def test_ten_thousand_calls_take_no_memory(engine, model, tokens):
    one = engine(make_layer(model, "cuda", tokens=tokens))
    first = one.run().clone()
    for _ in range(100):
        one.launch()
    torch.cuda.synchronize()
    before, _ = torch.cuda.mem_get_info()
    for _ in range(10_000):
        one.launch()
    torch.cuda.synchronize()
    after, _ = torch.cuda.mem_get_info()
    assert after >= before
    assert torch.equal(one.out, first)


def test_enqueue_does_not_wait_for_the_device(engine, model):
    one = engine(make_layer(model, "cuda", tokens=4))
    one.run()
    torch.cuda.synchronize()
    # About a second: longer than any launch takes.
    torch.cuda._sleep(2_000_000_000)
    start = time.monotonic()
    one.launch()
    queued = time.monotonic() - start
    torch.cuda.synchronize()
    assert queued < 0.2 < time.monotonic() - start


def test_side_stream(engine, model):
    one = engine(make_layer(model, "cuda", tokens=3))
    first = one.run().clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        # An enqueue on another stream would read x before it is restored.
        x = one.inputs[0].clone()
        one.inputs[0].zero_()
        torch.cuda._sleep(20_000_000)
        one.inputs[0].copy_(x)
        one.launch()
    stream.synchronize()
    assert torch.equal(one.out, first)


def test_two_contexts_take_turns(engine, model):
    layers = [make_layer(model, "cuda", tokens=4, seed=seed) for seed in range(2)]
    alone = [engine(layer).run().clone() for layer in layers]
    together = [engine(layer) for layer in layers]
    for _ in range(50):
        for one in together:
            one.launch()
    torch.cuda.synchronize()
    assert all(torch.equal(one.out, result) for one, result in zip(together, alone))
