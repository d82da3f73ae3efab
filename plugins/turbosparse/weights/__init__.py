"""From checkpoint tensors to the layout the operators read, one layer and one tensor-parallel shard at a time."""

from turbosparse.weights.checkpoint import Checkpoint
from turbosparse.weights.layouts import LAYOUTS, Layout, layout_for
from turbosparse.weights.load import LayerShape, layer_shape, load_ffn
from turbosparse.weights.predictor import load_predictor
from turbosparse.weights.quantize import quantize_rows
from turbosparse.weights.safetensors import SafetensorsFile

__all__ = [
    "LAYOUTS",
    "Checkpoint",
    "LayerShape",
    "Layout",
    "SafetensorsFile",
    "layer_shape",
    "layout_for",
    "load_ffn",
    "load_predictor",
    "quantize_rows",
]
