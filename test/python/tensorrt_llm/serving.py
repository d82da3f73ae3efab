"""What TensorRT-LLM's loader and executor do with a model, with the recorded interfaces on the path."""

from dataclasses import dataclass

import torch
from safetensors.torch import load_file


@dataclass
class Metadata:
    """Of a batch of whole sequences: as much of the attention metadata as anything here reads."""

    lengths: list[int]
    seq_lens_cuda: torch.Tensor


def load(folder, mapping, *, dtype=torch.float32, device="cpu", change=lambda weights: weights, **options):
    """A model as `ModelLoader.load` makes it: built without memory, given memory, then filled.

    TensorRT-LLM falls back to ordinary construction where that fails; here it must not fail.
    """
    from tensorrt_llm._torch.model_config import ModelConfig
    from tensorrt_llm._torch.models.checkpoints.hf.weight_mapper import HfWeightMapper
    from tensorrt_llm._torch.models.modeling_auto import AutoModelForCausalLM
    from tensorrt_llm._torch.models.modeling_utils import MetaInitMode

    config = ModelConfig.from_pretrained(str(folder), mapping=mapping, **options)
    config.pretrained_config.torch_dtype = dtype
    with MetaInitMode():
        model = AutoModelForCausalLM.from_config(config)
    assert any(parameter.is_meta for parameter in model.parameters())
    memory = {}

    def materialised(tensor):
        if not tensor.is_meta:
            return tensor
        if tensor not in memory:
            # What is not loaded must not pass for loaded.
            memory[tensor] = torch.full_like(tensor, torch.nan, device=device)
        return memory[tensor]

    model._apply(materialised)
    model.to(device)
    weights = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights |= load_file(path)
    mapper = HfWeightMapper()
    mapper.init_model_and_config(model, config)
    model.load_weights(change(weights), weight_mapper=mapper)
    return model


@torch.inference_mode()
def logits(model, sequences):
    """`[sequences, vocab]` of the last token of each, as one packed batch."""
    device = next(model.parameters()).device
    lengths = [len(tokens) for tokens in sequences]
    ids = torch.tensor([token for tokens in sequences for token in tokens], device=device)
    positions = torch.cat([torch.arange(length, device=device) for length in lengths])
    metadata = Metadata(lengths, torch.tensor(lengths, device=device))
    return model(attn_metadata=metadata, input_ids=ids, position_ids=positions[None])


def greedy(model, prompts, count):
    """The next `count` tokens of each prompt."""
    sequences = [list(prompt) for prompt in prompts]
    for _ in range(count):
        for tokens, token in zip(sequences, logits(model, sequences).argmax(-1).tolist()):
            tokens.append(token)
    return [tokens[len(prompt) :] for tokens, prompt in zip(sequences, prompts)]
