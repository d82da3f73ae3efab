"""Enumerations, of which the recorded interfaces take members by name.

Names of `tensorrt_llm/functional.py` as `tensorrt_llm/_torch/models/modeling_mixtral.py` and
`tensorrt_llm/_torch/model_config.py` use them at commits b35ac1b64368513d215c57d2ed01d62d910df8da and
1a0dc5f70054f66d892df6a964996fc5ead6f81e.
"""

import enum


class PositionEmbeddingType(enum.Enum):
    rope_gptj = enum.auto()
    rope_gpt_neox = enum.auto()


class AllReduceStrategy(enum.Enum):
    AUTO = enum.auto()
    MIN_LATENCY = enum.auto()
    NCCL = enum.auto()
    UB = enum.auto()
