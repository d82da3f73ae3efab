"""Which rows of the batch that is being computed are padding."""

from __future__ import annotations

import torch
from torch import Tensor
from vllm import envs
from vllm.distributed.parallel_state import get_dcp_group
from vllm.forward_context import ForwardContext, get_forward_context, is_forward_context_available

from turbosparse.reference.active_set import WORD

# The attribute of a forward context in which the layers after the first find what the first computed.
_FOUND = "turbosparse_padding"


def padded_rows(tokens: int) -> Tensor | None:
    """bool `[tokens]`, on the batch's device; None where no row is padding or nobody tells.

    Within a CUDA graph it is, or is computed from, a buffer that vLLM writes before each replay.
    """
    if not is_forward_context_available():
        return None
    context = get_forward_context()
    # The newer of two model runners has the rows in any case, but writes them only where its own layers are to skip
    # padding: left to itself, vLLM 0.26 keeps what a graph's capture left there, that every row is padding.
    padding = context.is_padding if getattr(envs, "VLLM_MOE_SKIP_PADDING", False) else None
    return _rows_without_slot(context, tokens) if padding is None else padding[:tokens]


def _rows_without_slot(context: ForwardContext, tokens: int) -> Tensor | None:
    """Both model runners give padded rows no place in the cache, but the older does so only there.

    Batches of one and two rows are hardly padded, and beyond a word of tokens no kernel reads a union of theirs.
    """
    slots = context.slot_mapping
    if not 2 < tokens <= WORD or not isinstance(slots, dict) or not slots:
        return None
    # With the cache split over ranks, rows whose place is on another rank have none here either.
    if get_dcp_group().world_size > 1:
        return None
    # A context is of one batch, whose layers all ask the same; a comparison in each would be a launch in each. What was
    # found outside of a graph is no part of it.
    found = vars(context).setdefault(_FOUND, {})
    slot = next(iter(slots.values()))[:tokens]
    capturing = slot.is_cuda and torch.cuda.is_current_stream_capturing()
    if capturing not in found:
        found[capturing] = slot < 0
    return found[capturing]
