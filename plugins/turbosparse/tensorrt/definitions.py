"""What the plugin's nodes compute, as ONNX functions: for runtimes that lack the plugin, and to say it exactly."""

from __future__ import annotations

import onnx
import torch
from onnx import TensorProto, parser

from turbosparse.reference.predictor import default_threshold
from turbosparse.tensorrt.graph import DOMAIN, OPSET

_HEADER = f'domain: "{DOMAIN}", opset_import: ["": {OPSET}, "{DOMAIN}": 1]'
# Declared by the nodes, of which the last two matter.
_ATTRIBUTES = "plugin_version, plugin_namespace, activation, gate_threshold"
_FUNCTION = "activation: string = @activation, gate_threshold: float = @gate_threshold"

# x [tokens, hidden], weights [experts, intermediate, 3, hidden], kept bool, one or [experts, tokens, intermediate]
# => float32 [experts, tokens, hidden]
_FEED_FORWARD = f"""
<{_HEADER}>
FeedForward <activation, gate_threshold> (x, weights, kept) => (out) {{
    x_wide = Cast <to = {TensorProto.FLOAT}> (x)
    wide = Cast <to = {TensorProto.FLOAT}> (weights)
    gate_rows, up_rows, down_rows = Split <axis = 2, num_outputs = 3> (wide)
    axis = Constant <value_ints: ints = [2]> ()
    gate_matrix = Squeeze (gate_rows, axis)
    gate_columns = Transpose <perm = [0, 2, 1]> (gate_matrix)
    gate = MatMul (x_wide, gate_columns)
    up_matrix = Squeeze (up_rows, axis)
    up_columns = Transpose <perm = [0, 2, 1]> (up_matrix)
    up = MatMul (x_wide, up_columns)
    zero = Constant <value_float: float = 0.0> ()
    threshold = Constant <value_float: float = @gate_threshold> ()
    closed = LessOrEqual (gate, threshold)
    opened = Where (closed, zero, gate)
    name = Constant <value_string: string = @activation> ()
    drelu = Constant <value_string: string = "drelu"> ()
    is_drelu = Equal (name, drelu)
    positive = Relu (up)
    factor = Where (is_drelu, positive, up)
    act = Mul (opened, factor)
    masked = Where (kept, act, zero)
    down_matrix = Squeeze (down_rows, axis)
    out = MatMul (masked, down_matrix)
}}
"""

# topk_ids, topk_weights [tokens, top_k], parts [experts, tokens, hidden] => float32 [tokens, hidden]
_ROUTED = f"""
<{_HEADER}>
Routed (topk_ids, topk_weights, parts) => (out) {{
    sizes = Shape <start = 0, end = 1> (parts)
    experts = Squeeze (sizes)
    first = Constant <value_int: int = 0> ()
    step = Constant <value_int: int = 1> ()
    range = Range (first, experts, step)
    shape = Constant <value_ints: ints = [-1, 1, 1]> ()
    expert = Reshape (range, shape)
    ids = Cast <to = {TensorProto.INT64}> (topk_ids)
    assigned = Equal (ids, expert)
    zero = Constant <value_float: float = 0.0> ()
    slots = Where (assigned, topk_weights, zero)
    last = Constant <value_ints: ints = [-1]> ()
    scale = ReduceSum (slots, last)
    scaled = Mul (parts, scale)
    flags = Cast <to = {TensorProto.INT32}> (assigned)
    most = ReduceMax (flags, last)
    routed = Cast <to = {TensorProto.BOOL}> (most)
    own = Where (routed, scaled, zero)
    all = Constant <value_ints: ints = [0]> ()
    out = ReduceSum <keepdims = 0> (own, all)
}}
"""

_NODES = f"""
<{_HEADER}, overload: "predictor">
TurboSparseFFN <{_ATTRIBUTES}> (x, predictor_input, weights, fc1, fc2) => (out) {{
    axis = Constant <value_ints: ints = [0]> ()
    neurons = Unsqueeze (weights, axis)
    first = Unsqueeze (fc1, axis)
    second = Unsqueeze (fc2, axis)
    kept = {DOMAIN}.Kept (predictor_input, first, second)
    parts = {DOMAIN}.FeedForward <{_FUNCTION}> (x, neurons, kept)
    sum = Squeeze (parts, axis)
    out = CastLike (sum, x)
}}

<{_HEADER}, overload: "gate_first">
TurboSparseFFN <{_ATTRIBUTES}> (x, weights) => (out) {{
    axis = Constant <value_ints: ints = [0]> ()
    neurons = Unsqueeze (weights, axis)
    kept = Constant <value = bool {{1}}> ()
    parts = {DOMAIN}.FeedForward <{_FUNCTION}> (x, neurons, kept)
    sum = Squeeze (parts, axis)
    out = CastLike (sum, x)
}}

<{_HEADER}, overload: "predictor">
TurboSparseMoE <{_ATTRIBUTES}> (x, topk_ids, topk_weights, weights, fc1, fc2) => (out) {{
    kept = {DOMAIN}.Kept (x, fc1, fc2)
    parts = {DOMAIN}.FeedForward <{_FUNCTION}> (x, weights, kept)
    sum = {DOMAIN}.Routed (topk_ids, topk_weights, parts)
    out = CastLike (sum, x)
}}

<{_HEADER}, overload: "gate_first">
TurboSparseMoE <{_ATTRIBUTES}> (x, topk_ids, topk_weights, weights) => (out) {{
    kept = Constant <value = bool {{1}}> ()
    parts = {DOMAIN}.FeedForward <{_FUNCTION}> (x, weights, kept)
    sum = {DOMAIN}.Routed (topk_ids, topk_weights, parts)
    out = CastLike (sum, x)
}}
"""


def _kept(threshold: float) -> str:
    """p [tokens, hidden], fc1 [experts, rank, hidden], fc2 [experts, intermediate, rank]
    => bool [experts, tokens, intermediate]; NaN is kept."""
    return f"""
<{_HEADER}>
Kept (p, fc1, fc2) => (out) {{
    wide = Cast <to = {TensorProto.FLOAT}> (p)
    fc1_wide = Cast <to = {TensorProto.FLOAT}> (fc1)
    fc1_columns = Transpose <perm = [0, 2, 1]> (fc1_wide)
    product = MatMul (wide, fc1_columns)
    hidden = Relu (product)
    fc2_wide = Cast <to = {TensorProto.FLOAT}> (fc2)
    fc2_columns = Transpose <perm = [0, 2, 1]> (fc2_wide)
    logits = MatMul (hidden, fc2_columns)
    threshold = Constant <value_float: float = {threshold}> ()
    dropped = LessOrEqual (logits, threshold)
    out = Not (dropped)
}}
"""


def functions(dtype: torch.dtype) -> list[onnx.FunctionProto]:
    """The definitions, in float32, of nodes in a model of `dtype`, which decides the predictor's threshold.

    A node's overload says whether it has a predictor: `"predictor"` or `"gate_first"`.
    """
    nodes = _NODES.strip().split("\n\n")
    texts = [_FEED_FORWARD, _kept(default_threshold(dtype)), _ROUTED, *nodes]
    return [parser.parse_function(text) for text in texts]
