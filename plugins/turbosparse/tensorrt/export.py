"""Writes a checkpoint's graphs into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import onnx
import torch

from turbosparse.errors import CheckpointError, TurboSparseError
from turbosparse.files import new_folder
from turbosparse.tensorrt.build_script import build_script
from turbosparse.tensorrt.graphs import layer_graph, model_graph
from turbosparse.tensorrt.reference_model import reference_model
from turbosparse.weights.decoder import Decoder

_KERNEL_DTYPES = (torch.bfloat16, torch.float16)


class ExportError(TurboSparseError):
    """What was asked for cannot be written."""


class Export:
    """Graphs `NAME.onnx` with `NAME.weights` beside them, and `build-engine.sh`, in a folder that appears whole."""

    def __init__(
        self, decoder: Decoder, folder: Path, most_tokens: int, reference: bool, note: Callable[[str], None]
    ) -> None:
        """
        Args:
            decoder: in the checkpoint's dtype, on the CPU.
            folder: to create.
            most_tokens: of one call; less where config.json allows less.
            reference: whether to write `NAME.reference.onnx` too, over the same weights.
            note: is told what is done.

        Raises:
            CheckpointError: the plugin has no kernels for the checkpoint's dtype.
        """
        path = decoder.checkpoint.folder / "config.json"
        if decoder.dtype not in _KERNEL_DTYPES:
            found = str(decoder.dtype).removeprefix("torch.")
            raise CheckpointError(f"{decoder.checkpoint.folder} is in {found}; the plugin has bfloat16 and float16")
        allowed = decoder.checkpoint.config.get("max_position_embeddings", most_tokens)
        if type(allowed) is not int or allowed < 1:
            raise CheckpointError(f"{path} must have a positive number max_position_embeddings, found {allowed!r}")
        self._most_tokens = min(most_tokens, allowed)
        self._decoder, self._folder, self._reference, self._note = decoder, folder, reference, note

    def layers(self, indices: Sequence[int] | None) -> None:
        """`layer-000.onnx` and so on: the FFN or mixture of these layers, None of all.

        Raises ExportError for a layer that the model lacks, an existing folder, or a file that cannot be written.
        """
        count = self._decoder.config.layers
        chosen = range(count) if indices is None else indices
        absent = next((index for index in chosen if index >= count), None)
        if absent is not None:
            raise ExportError(f"{self._decoder.checkpoint.folder} has layers 0 to {count - 1}, and no layer {absent}")
        self._write(
            {
                f"layer-{index:03}": lambda weights, index=index: layer_graph(self._decoder, index, weights)
                for index in chosen
            }
        )

    def model(self) -> None:
        """`model.onnx`, the whole decoder. Raises ExportError as `layers`."""

        def done(index: int) -> None:
            self._note(f"layer {index + 1} of {self._decoder.config.layers}")

        self._write({"model": lambda weights: model_graph(self._decoder, self._most_tokens, weights, done)})

    def _write(self, makers: dict[str, Callable[[IO[bytes]], onnx.ModelProto]]) -> None:
        try:
            with new_folder(self._folder) as partial:
                graphs = {name: self._write_graph(partial, name, make) for name, make in makers.items()}
                script = build_script(graphs, self._most_tokens)
                (partial / "build-engine.sh").write_text(script, encoding="utf-8")
        except OSError as error:
            # The system's own say no path, or that of something inside.
            problem = f"{self._folder} cannot be written: {error.strerror}" if error.strerror else str(error)
            raise ExportError(problem) from error
        self._note(f"wrote {self._folder}")

    def _write_graph(self, folder: Path, name: str, make: Callable[[IO[bytes]], onnx.ModelProto]) -> onnx.ModelProto:
        with (folder / f"{name}.weights").open("wb") as weights:
            graph = make(weights)
        onnx.save(graph, folder / f"{name}.onnx")
        if self._reference:
            onnx.save(reference_model(graph, self._decoder.dtype), folder / f"{name}.reference.onnx")
        self._note(f"{name}.onnx")
        return graph
