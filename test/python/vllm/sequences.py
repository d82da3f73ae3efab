"""One whole sequence through a loaded model, without the engine's scheduler and cache."""

import torch
from torch.nn import functional
from vllm.distributed.parallel_state import get_pp_group
from vllm.forward_context import set_forward_context
from vllm.model_executor.model_loader.utils import process_weights_after_loading
from vllm.sequence import IntermediateTensors


class WholeSequence:
    """Causal attention in the place of a backend's, some of which have no kernels for the CPU."""

    def forward(self, layer, query, key, value, *_arguments, output, **_options):
        group = query.shape[1] // key.shape[1]
        key, value = (tensor.repeat_interleave(group, 1).transpose(0, 1) for tensor in (key, value))
        visible = torch.ones((len(query), len(query)), dtype=torch.bool).tril()
        # What vLLM calls the window counts the token itself.
        if layer.sliding_window is not None:
            visible = visible.triu(1 - layer.sliding_window)
        mixed = functional.scaled_dot_product_attention(query.transpose(0, 1), key, value, attn_mask=visible)
        output.copy_(mixed.transpose(0, 1))


def prepare(model, config):
    """Do what vLLM does between loading and the first call."""
    process_weights_after_loading(model, config.model_config, torch.device("cpu"))
    for layer in config.compilation_config.static_forward_context.values():
        layer.impl = WholeSequence()


@torch.inference_mode()
def logits(model, config, tokens, **context):
    """`[tokens, vocab]` on the ranks of the last pipeline stage, None on others."""
    ids, positions = torch.tensor(tokens), torch.arange(len(tokens))
    stages, received = get_pp_group(), None
    if not stages.is_first_rank:
        received = IntermediateTensors(stages.recv_tensor_dict())
    metadata = dict.fromkeys(config.compilation_config.static_forward_context, object())
    with set_forward_context(metadata, config, num_tokens=len(tokens), **context):
        hidden = model(ids, positions, received)
    if not stages.is_last_rank:
        stages.send_tensor_dict(hidden.tensors)
        return None
    return model.compute_logits(hidden)
