"""An exported graph for runtimes without the plugin."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import torch
from onnx import TensorProto, helper

from turbosparse.tensorrt.definitions import functions
from turbosparse.tensorrt.graph import DOMAIN, ELEMENT_TYPES

# Inputs of a node without a predictor.
_GATE_FIRST_INPUTS = {"TurboSparseFFN": 2, "TurboSparseMoE": 4}


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
