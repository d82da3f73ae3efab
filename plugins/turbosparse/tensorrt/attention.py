"""The graph of `turbosparse.reference.attention`: one whole sequence without a cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from turbosparse.reference.attention import AttentionWeights
from turbosparse.reference.decoder import DecoderConfig
from turbosparse.tensorrt.graph import Graph


@dataclass(frozen=True)
class Positions:
    """What all layers of a graph share.

    cos, sin: `[tokens, head_dim / 2]` of the rotary embedding.
    visible: bool `[tokens, tokens]`, the row attends to the column.
    """

    cos: str
    sin: str
    visible: str


def positions(graph: Graph, hidden: str, config: DecoderConfig, most: int) -> Positions:
    """Of the rows of `hidden [tokens, hidden]`, at most `most` of them.

    Angles are looked up: those of late positions, computed in float32 by the runtime, would lose digits.
    """
    half = config.head_dim // 2
    exponents = torch.arange(half, dtype=torch.float64) / half
    angles = torch.arange(most, dtype=torch.float64)[:, None] * config.rope_theta**-exponents
    count = graph.node("Squeeze", graph.node("Shape", hidden, start=0, end=1))
    rows = graph.node("Range", graph.constant(0), count, graph.constant(1))
    queries, keys = (graph.node("Unsqueeze", rows, graph.constant([axis])) for axis in (1, 0))
    visible = graph.node("LessOrEqual", keys, queries)
    if config.sliding_window is not None:
        first = graph.node("Sub", queries, graph.constant(config.sliding_window))
        visible = graph.node("And", visible, graph.node("Greater", keys, first))
    tables = [graph.weight("rotary.cos", angles.cos().float()), graph.weight("rotary.sin", angles.sin().float())]
    cos, sin = (graph.cast(graph.node("Gather", table, rows), graph.dtype) for table in tables)
    return Positions(cos, sin, visible)


def rms_norm(graph: Graph, value: str, weight: str, eps: float) -> str:
    """Over the last dimension in float32, rounded before the product with the weight."""
    wide = graph.cast(value, torch.float32)
    mean = graph.node("ReduceMean", graph.node("Mul", wide, wide), graph.constant([-1]))
    root = graph.node("Sqrt", graph.node("Add", mean, graph.constant(eps, torch.float32)))
    return graph.node("Mul", graph.cast(graph.node("Div", wide, root), graph.dtype), weight)


def attention(
    graph: Graph, normed: str, weights: AttentionWeights, at: Positions, config: DecoderConfig, prefix: str
) -> str:
    """What attention adds to the residual stream, `[tokens, hidden]`."""
    names = {
        name: graph.weight(f"{prefix}.{name}", tensor)
        for name, tensor in weights._asdict().items()
        if tensor is not None
    }
    query, key, value = (
        graph.linear(normed, names[name], names.get(f"{name}_bias")) for name in ("query", "key", "value")
    )
    # Heads that share keys lie side by side: [kv_heads, group, tokens, head_dim], with a group of 1 for keys.
    shared = [config.kv_heads, config.heads // config.kv_heads, config.head_dim]
    query = _rotated(graph, _heads(graph, query, shared), at)
    key = _rotated(graph, _heads(graph, key, [config.kv_heads, 1, config.head_dim]), at)
    value = _heads(graph, value, [config.kv_heads, 1, config.head_dim])

    scores = graph.node("MatMul", query, graph.node("Transpose", key, perm=[0, 1, 3, 2]))
    scale = graph.constant(config.head_dim**-0.5, torch.float32)
    scores = graph.node("Mul", graph.cast(scores, torch.float32), scale)
    scores = graph.node("Where", at.visible, scores, graph.constant(float("-inf"), torch.float32))
    shares = graph.cast(graph.node("Softmax", scores, axis=-1), graph.dtype)
    mixed = graph.node("Transpose", graph.node("MatMul", shares, value), perm=[2, 0, 1, 3])
    return graph.linear(graph.node("Reshape", mixed, graph.constant([0, -1])), names["output"])


def _heads(graph: Graph, rows: str, sizes: list[int]) -> str:
    split = graph.node("Reshape", rows, graph.constant([0, *sizes]))
    return graph.node("Transpose", split, perm=[1, 2, 0, 3])


def _rotated(graph: Graph, value: str, at: Positions) -> str:
    first, second = graph.nodes("Split", value, outputs=2, axis=-1, num_outputs=2)
    turned = (
        graph.node("Sub", graph.node("Mul", first, at.cos), graph.node("Mul", second, at.sin)),
        graph.node("Add", graph.node("Mul", second, at.cos), graph.node("Mul", first, at.sin)),
    )
    return graph.node("Concat", *turned, axis=-1)
