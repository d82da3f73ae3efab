"""The nodes of the plugin, with what routes tokens to experts."""

from __future__ import annotations

import torch

from turbosparse.reference.decoder import DecoderConfig, DecoderLayer
from turbosparse.tensorrt.graph import Graph


def feed_forward(
    graph: Graph, x: str, predictor_input: str | None, layer: DecoderLayer, config: DecoderConfig, prefix: str
) -> str:
    """What the FFN or the mixture adds to the residual stream, `[tokens, hidden]`.

    Args:
        x: `[tokens, hidden]`, normed.
        predictor_input: `[tokens, hidden]`, what an FFN's predictor reads; None where there is none, or a mixture.
    """
    if layer.router is not None:
        return _mixture(graph, x, layer, config, prefix)
    predictor = [] if predictor_input is None else [predictor_input]
    inputs = [x, *predictor, *_weights(graph, layer, prefix, whole=False)]
    return graph.plugin("TurboSparseFFN", inputs, prefix, ["tokens", config.hidden], **_function(config))


def _mixture(graph: Graph, x: str, layer: DecoderLayer, config: DecoderConfig, prefix: str) -> str:
    logits = graph.linear(x, graph.weight(f"{prefix}.router", layer.router))
    chances = graph.node("Softmax", graph.cast(logits, torch.float32), axis=-1)
    weights, ids = graph.nodes("TopK", chances, graph.constant([config.top_k]), outputs=2, axis=-1)
    sums = graph.node("ReduceSum", weights, graph.constant([-1]))
    routing = [graph.cast(ids, torch.int32), graph.node("Div", weights, sums)]
    inputs = [x, *routing, *_weights(graph, layer, prefix, whole=True)]
    return graph.plugin("TurboSparseMoE", inputs, prefix, ["tokens", config.hidden], **_function(config))


def _function(config: DecoderConfig) -> dict[str, str | float]:
    return {"activation": config.activation, "gate_threshold": config.gate_threshold}


def _weights(graph: Graph, layer: DecoderLayer, prefix: str, *, whole: bool) -> list[str]:
    """Those of all experts, or of the only one without their dimension."""
    tensors = {"weights": layer.weights}
    if layer.predictor is not None:
        tensors |= {"fc1": layer.predictor.fc1, "fc2": layer.predictor.fc2}
    return [graph.weight(f"{prefix}.{name}", tensor if whole else tensor[0]) for name, tensor in tensors.items()]
