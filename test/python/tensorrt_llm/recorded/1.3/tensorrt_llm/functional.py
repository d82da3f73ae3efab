"""Enumerations of `tensorrt_llm/functional.py`, as far as the recorded interfaces take them."""

import enum


class PositionEmbeddingType(enum.IntEnum):
    learned_absolute = 0
    rope_gptj = 1
    rope_gpt_neox = 2


class AllReduceStrategy(enum.IntEnum):
    NCCL = 0
    MIN_LATENCY = 1
    UB = 2
    AUTO = 3
