"""The versions of TensorRT-LLM whose interfaces the adapter is written for."""

from __future__ import annotations

from turbosparse.windows import Window

# docs/tensorrt-llm.md says the same.
WINDOW = Window("TensorRT-LLM", (1, 2), (1, 3))
