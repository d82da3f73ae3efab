"""Checkpoints as ONNX graphs whose sparse layers are nodes of the TensorRT plugin: `python -m turbosparse.tensorrt`.

docs/onnx.md says what the nodes take. Needs the package onnx; neither TensorRT nor a GPU.
"""
