"""Exported graphs, and the two ways to run them here: ONNX Runtime, and the evaluator that comes with onnx."""

import dataclasses
from pathlib import Path

import ml_dtypes
import numpy as np
import onnxruntime
import torch
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from turbosparse import ops, synthetic
from turbosparse.synthetic import PRESETS
from turbosparse.tensorrt.command import main
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder

_LLAMA = dataclasses.replace(PRESETS["bamboo-tiny"], family="llama", ranks=())
_WINDOW = dataclasses.replace(PRESETS["bamboo-tiny"], dtype="float16", sliding_window=7)
# Synthetic models, and what of them config.json does not say.
SYNTHETIC = {
    "bamboo in fp16, with a window": (
        dataclasses.replace(PRESETS["bamboo-tiny"], dtype="float16", sliding_window=7),
        {},
    ),
    "mixtral": (PRESETS["mixtral-tiny"], {}),
    "mixtral without predictor": (dataclasses.replace(PRESETS["mixtral-tiny"], ranks=()), {}),
    "llama": (_LLAMA, {"activation": "reglu", "gate_threshold": 0.2}),
    "qwen2, with biases": (dataclasses.replace(_LLAMA, family="qwen2"), {"activation": "drelu"}),
}
TRAINED = "the trained model"
MODELS = (TRAINED, *SYNTHETIC)


def checkpoint(name, folder):
    """A model's folder and its options."""
    if name == TRAINED:
        return Path(__file__).parents[2] / "fixtures" / "small-model", {}
    shape, options = SYNTHETIC[name]
    # Branches as large as the embeddings, so that the FFNs decide what the model says.
    synthetic.write_model(folder / "checkpoint", shape, branch=1.0)
    return folder / "checkpoint", options


def export(source, out, *arguments, **options):
    """Run the command, which must succeed."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    assert main(["export", str(source), "--out", str(out), *arguments, *given]) == 0
    return out


def decoder(source, dtype, **options):
    return Decoder(Checkpoint(source), dtype=dtype, **options)


def onnx_runtime(path, **inputs):
    """The first output, by ONNX Runtime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {name: value.numpy() for name, value in inputs.items()})[0])


def evaluator(path, **inputs):
    """The first output, by onnx's evaluator in the graph's own dtype with `turbosparse.ops` as the plugin."""
    nodes = ReferenceEvaluator(str(path), new_ops=[TurboSparseFFN, TurboSparseMoE])
    return _tensor(nodes.run(None, {name: _array(value) for name, value in inputs.items()})[0])


def _tensor(array):
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def _array(tensor):
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


class TurboSparseFFN(OpRun):
    """The node as the plugin's operators compute it."""

    op_domain = "turbosparse"

    def _run(self, x, *rest, activation, gate_threshold, plugin_version, plugin_namespace):
        x, *rest = map(_tensor, (x, *rest))
        if len(rest) == 1:
            return (_array(ops.ffn_gate_first(x, *rest, activation, gate_threshold)),)
        predictor_input, weights, fc1, fc2 = rest
        active = ops.predict(predictor_input, fc1, fc2)
        return (_array(ops.ffn(x, weights, *active, activation, gate_threshold)),)


class TurboSparseMoE(OpRun):
    """The node as the plugin's operators compute it."""

    op_domain = "turbosparse"

    def _run(self, x, ids, scores, weights, *predictor, activation, gate_threshold, plugin_version, plugin_namespace):
        x, ids, scores, weights, *predictor = map(_tensor, (x, ids, scores, weights, *predictor))
        function = {"activation": activation, "gate_threshold": gate_threshold}
        return (_array(ops.moe(x, weights, ids, scores, *predictor, **function)),)
