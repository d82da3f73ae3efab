"""The two kinds of graphs: one layer's FFN or mixture, and a whole decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

import onnx
import torch

from turbosparse.tensorrt.attention import attention, positions, rms_norm
from turbosparse.tensorrt.feed_forward import feed_forward
from turbosparse.tensorrt.graph import Graph
from turbosparse.weights.decoder import Decoder


def layer_graph(decoder: Decoder, index: int, weights: IO[bytes]) -> onnx.ModelProto:
    """`out [tokens, hidden]` of `x`, what the experts or the neurons read, and `predictor_input` of that shape.

    The latter is the residual stream before the norm; it is an input only of an FFN with a predictor.
    """
    layer, rows = decoder.layer(index), ["tokens", decoder.config.hidden]
    graph = Graph(f"layer_{index}", decoder.dtype, weights)
    x = graph.input("x", graph.dtype, rows)
    reads_residual = layer.predictor is not None and layer.router is None
    predictor_input = graph.input("predictor_input", graph.dtype, rows) if reads_residual else None
    out = feed_forward(graph, x, predictor_input, layer, decoder.config, f"layers.{index}.feed_forward")
    graph.output(out, "out", rows)
    return graph.model()


def model_graph(decoder: Decoder, most_tokens: int, weights: IO[bytes], done: Callable[[int], None]) -> onnx.ModelProto:
    """`logits [tokens, vocab]` of `input_ids` int64 `[tokens]`, one whole sequence of at most `most_tokens`.

    `done` is told of each layer. One layer is in memory at a time.
    """
    config = decoder.config
    graph = Graph("decoder", decoder.dtype, weights)
    ids = graph.input("input_ids", torch.int64, ["tokens"])
    table = graph.weight("embedding", decoder.embed(range(config.vocab)))
    hidden = graph.node("Gather", table, ids)
    at = positions(graph, hidden, config, most_tokens)
    for index, layer in enumerate(decoder.layers()):
        prefix = f"layers.{index}"
        normed = rms_norm(graph, hidden, graph.weight(f"{prefix}.input_norm", layer.input_norm), config.rms_eps)
        mixed = attention(graph, normed, layer.attention, at, config, f"{prefix}.attention")
        residual = graph.node("Add", hidden, mixed)
        norm = graph.weight(f"{prefix}.post_attention_norm", layer.post_attention_norm)
        normed = rms_norm(graph, residual, norm, config.rms_eps)
        seen = residual if layer.predictor is not None and layer.router is None else None
        out = feed_forward(graph, normed, seen, layer, config, f"{prefix}.feed_forward")
        hidden = graph.node("Add", residual, out)
        done(index)
    normed = rms_norm(graph, hidden, graph.weight("norm", decoder.norm()), config.rms_eps)
    logits = graph.linear(normed, graph.weight("head", decoder.head()))
    graph.output(logits, "logits", ["tokens", config.vocab])
    return graph.model()
