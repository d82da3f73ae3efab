"""One ONNX graph while it is made, its weights in a file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor

from turbosparse import __version__

DOMAIN = "turbosparse"
# The first that compares strings, which the definitions of the nodes do.
OPSET = 19
IR_VERSION = 10

ELEMENT_TYPES = {
    torch.bfloat16: TensorProto.BFLOAT16,
    torch.float16: TensorProto.FLOAT16,
    torch.float32: TensorProto.FLOAT,
    torch.int64: TensorProto.INT64,
    torch.int32: TensorProto.INT32,
}

# Weights begin at pages, so that a runtime can map them.
_ALIGNMENT = 4096

Shape = Sequence[int | str]


class Graph:
    """Values are names. `dtype` is that of the activations and weights."""

    def __init__(self, name: str, dtype: torch.dtype, weights: IO[bytes]) -> None:
        """`weights` is a named file open for writing, which is to lie beside the graph's."""
        self.dtype = dtype
        self._name, self._weights, self._location = name, weights, Path(weights.name).name
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._known: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: torch.dtype, shape: Shape) -> str:
        """A value that the caller gives; names among the sizes are unknown ones."""
        self._inputs.append(helper.make_tensor_value_info(name, ELEMENT_TYPES[dtype], shape))
        return name

    def output(self, value: str, name: str, shape: Shape) -> None:
        """Return a value of the graph's dtype to the caller."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=name))
        self._outputs.append(helper.make_tensor_value_info(name, ELEMENT_TYPES[self.dtype], shape))

    def weight(self, name: str, tensor: Tensor) -> str:
        """A tensor, written to the file of the weights at once."""
        self._weights.write(b"\0" * (-self._weights.tell() % _ALIGNMENT))
        stored = TensorProto(name=name, data_type=ELEMENT_TYPES[tensor.dtype], dims=tensor.shape)
        stored.data_location = TensorProto.EXTERNAL
        place = {"location": self._location, "offset": self._weights.tell(), "length": tensor.nbytes}
        for key, value in place.items():
            stored.external_data.add(key=key, value=str(value))
        self._weights.write(memoryview(tensor.cpu().contiguous().view(torch.uint8).numpy()))
        self._initializers[name] = stored
        return name

    def constant(self, values: int | float | Sequence[int], dtype: torch.dtype = torch.int64) -> str:
        """A scalar or a list of sizes, one initializer for all its uses."""
        shape = [len(values)] if isinstance(values, Sequence) else []
        flat = list(values) if isinstance(values, Sequence) else [values]
        kind = f"{str(dtype).removeprefix('torch.')}{'_list' if shape else ''}"
        name = "_".join(map(str, (kind, *flat)))
        self._initializers[name] = helper.make_tensor(name, ELEMENT_TYPES[dtype], shape, flat)
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The only output of an operator of ONNX."""
        return self.nodes(operator, *inputs, outputs=1, **attributes)[0]

    def nodes(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """All outputs of an operator of ONNX."""
        name = f"{operator}_{len(self._nodes)}"
        values = [name] if outputs == 1 else [f"{name}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(operator, inputs, values, name=name, **attributes))
        return values

    def plugin(self, operator: str, inputs: Sequence[str], name: str, shape: Shape, **attributes: Any) -> str:
        """The output, of the graph's dtype, of an operator that only the plugin has."""
        attributes |= {"plugin_version": "1", "plugin_namespace": "turbosparse"}
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, domain=DOMAIN, **attributes))
        self._known.append(helper.make_tensor_value_info(name, ELEMENT_TYPES[self.dtype], shape))
        return name

    def cast(self, value: str, dtype: torch.dtype) -> str:
        return self.node("Cast", value, to=ELEMENT_TYPES[dtype])

    def linear(self, value: str, matrix: str, bias: str | None = None) -> str:
        """`value @ matrix.T + bias` of `[tokens, columns]` and `[rows, columns]`."""
        return self.node("Gemm", value, matrix, *([] if bias is None else [bias]), transB=1)

    def model(self) -> onnx.ModelProto:
        """The whole. Its weights are in the file when that is closed."""
        graph = helper.make_graph(
            self._nodes,
            self._name,
            self._inputs,
            self._outputs,
            list(self._initializers.values()),
            value_info=self._known,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
        return helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=IR_VERSION,
            producer_name="turbosparse",
            producer_version=__version__,
        )
