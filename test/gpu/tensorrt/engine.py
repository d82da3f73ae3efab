"""A layer as a plugin in an engine: built, kept, brought back and run in the order that TensorRT documents."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from harness.driver import BF16, FLOAT, HALF, INT32, Driver, Field, Plugin, Recorder, Tensor
from harness.registry import RUNTIME, Registry, number, text
from torch import Tensor as Values
from turbosparse.bench.layer import Layer

TYPES = {torch.bfloat16: BF16, torch.float16: HALF, torch.float32: FLOAT, torch.int32: INT32}


def plugin_name(layer: Layer) -> str:
    return "TurboSparseMoE" if layer.model.experts > 1 else "TurboSparseFFN"


def settings(layer: Layer) -> list[Field]:
    activation, gate_threshold = layer.model.function
    return [text("activation", activation), number("gate_threshold", gate_threshold)]


def inputs_of(layer: Layer, predictor_input: Values | None = None) -> list[Values]:
    """The layer's tensors as docs/onnx.md orders them; the predictor reads x unless told otherwise."""
    mixture = layer.model.experts > 1
    inputs = [layer.x]
    if mixture:
        inputs += [layer.ids, layer.scores]
    elif layer.fc1 is not None:
        inputs.append(layer.x if predictor_input is None else predictor_input)
    weights = [one for one in (layer.weights, layer.fc1, layer.fc2) if one is not None]
    return inputs + [one if mixture else one.view(one.shape[one.dim() - _rank(one, layer) :]) for one in weights]


def _rank(weights: Values, layer: Layer) -> int:
    """Dimensions without that of the experts."""
    return 3 if weights is layer.weights else 2


def described(values: Values, most: int | None = None) -> Tensor:
    shape = tuple(values.shape)
    return Tensor(TYPES[values.dtype], shape, None if most is None else (most, *shape[1:]))


def with_range(inputs: Sequence[Values], tokens: int, most: int) -> list[Tensor]:
    """Inputs and output with `tokens` to `most` tokens."""
    dynamic = [described(one, most if one.shape[0] == tokens and one.dim() == 2 else None) for one in inputs]
    return [*dynamic, dynamic[0]]


class Engine:
    """One plugin with its workspace. `run` gives the output of inputs of the shapes that it was made for."""

    def __init__(
        self, registry: Registry, driver: Driver, name: str, fields: Sequence[Field], inputs: Sequence[Values]
    ) -> None:
        self.inputs = list(inputs)
        self.tensors = [described(one) for one in [*inputs, inputs[0]]]
        self.recorder = Recorder(driver)
        built = registry.create(name, fields)
        assert built is not None
        assert built.output_type(self.tensors[:-1]) == self.tensors[0].type
        assert all(built.supports(position, self.tensors) for position in range(len(self.tensors)))
        assert built.configure(self.tensors) == 0
        self.workspace_bytes = built.workspace_size(self.tensors)
        kept = built.clone().serialize()
        brought_back = registry.create(name, kept, RUNTIME)
        assert brought_back is not None
        attached = brought_back.attach(self.recorder)
        assert attached is not None, self.recorder.errors
        self.plugin: Plugin = attached
        # What lies behind the workspace is watched: the size must suffice.
        self.guard = torch.full((4096,), 171, dtype=torch.uint8, device="cuda")
        self.memory = torch.empty(self.workspace_bytes + len(self.guard), dtype=torch.uint8, device="cuda")
        self.memory[self.workspace_bytes :] = self.guard
        self.out = torch.full_like(inputs[0], float("nan"))
        assert self.plugin.shape_change(self.tensors) == 0, self.recorder.errors

    def enqueue(self) -> int:
        addresses = [one.data_ptr() for one in self.inputs]
        stream = torch.cuda.current_stream().cuda_stream
        return self.plugin.enqueue(self.tensors, addresses, self.out.data_ptr(), self.memory.data_ptr(), stream)

    def launch(self) -> None:
        """Without looking at the result, which would wait for it."""
        assert self.enqueue() == 0, self.recorder.errors

    def run(self) -> Values:
        self.launch()
        assert torch.equal(self.memory[self.workspace_bytes :], self.guard)
        return self.out
