"""Which rows of the batch that is being computed are padding."""

from __future__ import annotations

from torch import Tensor
from vllm.distributed.parallel_state import get_dcp_group
from vllm.forward_context import ForwardContext, get_forward_context, is_forward_context_available

from turbosparse.reference.active_set import WORD


def padded_rows(tokens: int) -> Tensor | None:
    """bool `[tokens]`, on the batch's device; None where no row is padding or nobody tells.

    Within a CUDA graph it is, or is computed from, a buffer that vLLM writes before each replay.
    """
    if not is_forward_context_available():
        return None
    context = get_forward_context()
    # vLLM 0.24 has no such field, and the older of two model runners leaves it None.
    padding = getattr(context, "is_padding", None)
    return _rows_without_slot(context, tokens) if padding is None else padding[:tokens]


def _rows_without_slot(context: ForwardContext, tokens: int) -> Tensor | None:
    """The older model runner gives padded rows no place in the cache, but does so only there.

    Batches of one and two rows are never padded, and beyond a word of tokens no kernel reads a union of theirs.
    """
    slots = context.slot_mapping
    if not 2 < tokens <= WORD or not isinstance(slots, dict) or not slots:
        return None
    # With the cache split over ranks, rows whose place is on another rank have none here either.
    if get_dcp_group().world_size > 1:
        return None
    return next(iter(slots.values()))[:tokens] < 0
