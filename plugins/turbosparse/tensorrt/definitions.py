"""What the plugin's nodes compute, as ONNX functions: for runtimes that lack the plugin, and to say it exactly."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import torch
from onnx import TensorProto, helper, parser

from turbosparse.reference.predictor import default_threshold
from turbosparse.tensorrt.graph import DOMAIN, ELEMENT_TYPES, OPSET

# Inputs of a node without a predictor.
_GATE_FIRST_INPUTS = {"TurboSparseFFN": 2, "TurboSparseMoE": 4}

_HEADER = f'domain: "{DOMAIN}", opset_import: ["": {OPSET}, "{DOMAIN}": 1]'
_ATTRIBUTES = "plugin_version, plugin_namespace, activation, gate_threshold"
_FUNCTION = "activation: string = @activation, gate_threshold: float = @gate_threshold"

# x [tokens, hidden], weights [experts, intermediate, 3, hidden] => [experts, tokens, intermediate]
_ACTIVATIONS = f"""
<{_HEADER}>
Activations <activation, gate_threshold> (x, weights) => (out) {{
    gate_rows, up_rows, down_rows = Split <axis = 2, num_outputs = 3> (weights)
    axis = Constant <value_ints: ints = [2]> ()
    gate_matrix = Squeeze (gate_rows, axis)
    gate_columns = Transpose <perm = [0, 2, 1]> (gate_matrix)
    gate = MatMul (x, gate_columns)
    up_matrix = Squeeze (up_rows, axis)
    up_columns = Transpose <perm = [0, 2, 1]> (up_matrix)
    up = MatMul (x, up_columns)
    zero = Constant <value_float: float = 0.0> ()
    threshold = Constant <value_float: float = @gate_threshold> ()
    closed = LessOrEqual (gate, threshold)
    opened = Where (closed, zero, gate)
    name = Constant <value_string: string = @activation> ()
    drelu = Constant <value_string: string = "drelu"> ()
    is_drelu = Equal (name, drelu)
    positive = Relu (up)
    factor = Where (is_drelu, positive, up)
    out = Mul (opened, factor)
}}
"""

# p [tokens, hidden], fc1 [experts, rank, hidden], fc2 [experts, intermediate, rank]
# => bool [experts, tokens, intermediate]
_KEPT = f"""
<{_HEADER}>
Kept <threshold> (p, fc1, fc2) => (out) {{
    first = Transpose <perm = [0, 2, 1]> (fc1)
    product = MatMul (p, first)
    hidden = Relu (product)
    second = Transpose <perm = [0, 2, 1]> (fc2)
    logits = MatMul (hidden, second)
    least = Constant <value_float: float = @threshold> ()
    dropped = LessOrEqual (logits, least)
    out = Not (dropped)
}}
"""

# act [experts, tokens, intermediate], weights [experts, intermediate, 3, hidden] => [experts, tokens, hidden]
_DOWN = f"""
<{_HEADER}>
Down (act, weights) => (out) {{
    gate_rows, up_rows, down_rows = Split <axis = 2, num_outputs = 3> (weights)
    axis = Constant <value_ints: ints = [2]> ()
    matrix = Squeeze (down_rows, axis)
    out = MatMul (act, matrix)
}}
"""

# topk_ids, topk_weights [tokens, top_k], weights [experts, ..] => float32 and bool [experts, tokens, 1]
_ROUTING = f"""
<{_HEADER}>
Routing (topk_ids, topk_weights, weights) => (scale, routed) {{
    sizes = Shape <start = 0, end = 1> (weights)
    experts = Squeeze (sizes)
    zero = Constant <value_int: int = 0> ()
    one = Constant <value_int: int = 1> ()
    all = Range (zero, experts, one)
    shape = Constant <value_ints: ints = [-1, 1, 1]> ()
    expert = Reshape (all, shape)
    ids = Cast <to = {TensorProto.INT64}> (topk_ids)
    assigned = Equal (ids, expert)
    nothing = Constant <value_float: float = 0.0> ()
    slots = Where (assigned, topk_weights, nothing)
    last = Constant <value_ints: ints = [-1]> ()
    scale = ReduceSum (slots, last)
    flags = Cast <to = {TensorProto.INT32}> (assigned)
    most = ReduceMax (flags, last)
    routed = Cast <to = {TensorProto.BOOL}> (most)
}}
"""

_FFN = f"""
<{_HEADER}, overload: "%(overload)s">
TurboSparseFFN <{_ATTRIBUTES}> (x, %(inputs)s) => (out) {{
    axis = Constant <value_ints: ints = [0]> ()
    x_wide = Cast <to = {TensorProto.FLOAT}> (x)
    w = Cast <to = {TensorProto.FLOAT}> (weights)
    neurons = Unsqueeze (w, axis)
    act = {DOMAIN}.Activations <{_FUNCTION}> (x_wide, neurons)
    %(masked)s
    parts = {DOMAIN}.Down (masked, neurons)
    sum = Squeeze (parts, axis)
    out = CastLike (sum, x)
}}
"""

_FFN_KEPT = f"""
    p = Cast <to = {TensorProto.FLOAT}> (predictor_input)
    first = Cast <to = {TensorProto.FLOAT}> (fc1)
    second = Cast <to = {TensorProto.FLOAT}> (fc2)
    first_of_one = Unsqueeze (first, axis)
    second_of_one = Unsqueeze (second, axis)
    kept = {DOMAIN}.Kept <threshold: float = %(threshold)s> (p, first_of_one, second_of_one)
    zero = Constant <value_float: float = 0.0> ()
    masked = Where (kept, act, zero)
"""

_MOE = f"""
<{_HEADER}, overload: "%(overload)s">
TurboSparseMoE <{_ATTRIBUTES}> (x, topk_ids, topk_weights, %(inputs)s) => (out) {{
    x_wide = Cast <to = {TensorProto.FLOAT}> (x)
    neurons = Cast <to = {TensorProto.FLOAT}> (weights)
    act = {DOMAIN}.Activations <{_FUNCTION}> (x_wide, neurons)
    %(masked)s
    parts = {DOMAIN}.Down (masked, neurons)
    scale, routed = {DOMAIN}.Routing (topk_ids, topk_weights, weights)
    scaled = Mul (parts, scale)
    nothing = Constant <value_float: float = 0.0> ()
    own = Where (routed, scaled, nothing)
    experts = Constant <value_ints: ints = [0]> ()
    sum = ReduceSum <keepdims = 0> (own, experts)
    out = CastLike (sum, x)
}}
"""

_MOE_KEPT = f"""
    first = Cast <to = {TensorProto.FLOAT}> (fc1)
    second = Cast <to = {TensorProto.FLOAT}> (fc2)
    kept = {DOMAIN}.Kept <threshold: float = %(threshold)s> (x_wide, first, second)
    zero = Constant <value_float: float = 0.0> ()
    masked = Where (kept, act, zero)
"""

_ALL = "masked = Identity (act)"


def functions(dtype: torch.dtype) -> list[onnx.FunctionProto]:
    """The definitions, in float32, of nodes in a model of `dtype`, which decides the predictor's threshold.

    A node's overload says whether it has a predictor: `"predictor"` or `"gate_first"`.
    """
    threshold = {"threshold": default_threshold(dtype)}
    texts = [_ACTIVATIONS, _KEPT, _DOWN, _ROUTING]
    for node, kept, more in ((_FFN, _FFN_KEPT, "predictor_input, "), (_MOE, _MOE_KEPT, "")):
        predictor = {"inputs": f"{more}weights, fc1, fc2", "masked": kept % threshold, "overload": "predictor"}
        texts += [node % predictor, node % {"inputs": "weights", "masked": _ALL, "overload": "gate_first"}]
    return [parser.parse_function(text) for text in texts]


def reference_model(model: onnx.ModelProto, dtype: torch.dtype) -> onnx.ModelProto:
    """The model of `dtype` in float32, with its nodes defined: what any ONNX runtime computes. Weights stay as stored.

    In 16 bits it would run in few: ONNX Runtime computes bfloat16 on no CPU.
    """
    narrow = ELEMENT_TYPES[dtype]
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == narrow:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    wide = {tensor.name: f"{tensor.name}.float32" for tensor in graph.initializer if tensor.data_type == narrow}
    nodes = [helper.make_node("Cast", [name], [cast], name=cast, to=TensorProto.FLOAT) for name, cast in wide.items()]
    nodes += [_widened(node, wide, narrow) for node in graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    result.functions.extend(functions(dtype))
    return result


def _widened(node: onnx.NodeProto, wide: Mapping[str, str], narrow: int) -> onnx.NodeProto:
    """The node on inputs by their names in float32, with the overload that defines it."""
    result = onnx.NodeProto()
    result.CopyFrom(node)
    result.input[:] = [wide.get(name, name) for name in node.input]
    if node.op_type == "Cast" and result.attribute[0].i == narrow:
        result.attribute[0].i = TensorProto.FLOAT
    if node.domain == DOMAIN:
        result.overload = "gate_first" if len(node.input) == _GATE_FIRST_INPUTS[node.op_type] else "predictor"
    return result
