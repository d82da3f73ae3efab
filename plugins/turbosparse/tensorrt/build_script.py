"""The shell script that builds engines of exported graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx

_HEAD = """\
#!/bin/sh
# Builds a TensorRT engine, NAME.plan, of each graph in this folder: sh build-engine.sh path/to/libturbosparse_trt.so
# Written for TensorRT 10.13 to 11.4 from the documentation of trtexec, and not run with it.
set -eu
plugin=$(realpath "$1")
cd "$(dirname "$0")"

build() {
    "${TRTEXEC:-trtexec}" --onnx="$1.onnx" --saveEngine="$1.plan" --stronglyTyped --dynamicPlugins="$plugin" \\
        --minShapes="$2" --optShapes="$3" --maxShapes="$4"
}

"""


def build_script(graphs: Mapping[str, onnx.ModelProto], most_tokens: int) -> str:
    """The script for graphs by name, for calls of 1 to `most_tokens` tokens, fastest at one, a decoding step."""
    lines = []
    for name, model in graphs.items():
        few, many = (_shapes(model.graph.input, tokens) for tokens in (1, most_tokens))
        lines.append(f"build {name} {few} {few} {many}\n")
    return _HEAD + "".join(lines)


def _shapes(inputs: Sequence[onnx.ValueInfoProto], tokens: int) -> str:
    """As trtexec takes them: `x:1x4096,predictor_input:1x4096`."""
    sizes = ((value.name, [dim.dim_value or tokens for dim in value.type.tensor_type.shape.dim]) for value in inputs)
    return ",".join(f"{name}:{'x'.join(map(str, shape))}" for name, shape in sizes)
