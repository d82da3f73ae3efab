"""A small checkpoint in the released layout whose every part decides what it says, and whose choices are exact.

Which experts and neurons a token activates is a step function: where a router's or predictor's logit is close, 16 bits
may choose otherwise than float64, and all logits after it differ. Here both read channels of the residual stream that
only the embedding writes, small numbers that every dtype holds, and no logit is close.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor
from turbosparse.synthetic import PRESETS, ModelShape, write_model
from turbosparse.synthetic.population import ANCHOR

FAMILIES = ("bamboo", "turbosparsemixtral")
# Scales of what attention, and an FFN with all its neurons active, add beside the embeddings: large, so that they
# change the next token.
_ATTENTION, _FFN = 1.5, 6.0
# A token's two experts, in the channels of its embedding that routers read.
_ROUTES = (6.0, 4.0)
# Channels that predictors read, each 0 or 1 in a token; a neuron adds some and subtracts others, and is active above
# a level that their sums, multiples of a half, do not come close to.
_BITS, _READ, _LEVEL = 32, 8, 2.25
# Of the norm before the FFN in those channels: other neurons are active if a predictor reads the wrong side of it.
_NORMS = (0.5, 2.0)
_UNLIKE_ITSELF = 12.0


def shape_of(family: str, device: str) -> ModelShape:
    """The preset with few neurons, layers and tokens, for which the wheel has kernels; a tiny one for a dry run."""
    suffix = "-tiny" if device == "cpu" else "b"
    name = next(n for n, shape in PRESETS.items() if shape.family == family and n.endswith(suffix))
    if device == "cpu":
        return PRESETS[name]
    return dataclasses.replace(PRESETS[name], layers=3, ranks=PRESETS[name].ranks[:3], intermediate=2048, vocab=1024)


def write_checkpoint(folder: Path, shape: ModelShape, device: str) -> None:
    write_model(folder, shape, seed=1, device=device, branch=_ATTENTION)
    (file,) = folder.glob("*.safetensors")
    tensors = load_file(file)
    for seed, (name, tensor) in enumerate(sorted(tensors.items())):
        _edit(name, tensor, shape.experts, torch.Generator().manual_seed(seed))
    # A token is unlikely to follow itself: greedy decoding would end in one that does.
    tensors["lm_head.weight"] -= _UNLIKE_ITSELF / shape.hidden * tensors["model.embed_tokens.weight"]
    save_file(tensors, file, metadata={"format": "pt"})


def _edit(name: str, tensor: Tensor, experts: int, generator: Generator) -> None:
    """Change a tensor in place to what the module's text says."""
    routes = slice(1, 1 + experts if experts > 1 else 1)
    bits = slice(routes.stop, routes.stop + _BITS)
    if name.endswith("embed_tokens.weight"):
        tensor[:, bits] = torch.randint(2, (len(tensor), _BITS), generator=generator).to(tensor)
        if experts > 1:
            chosen = torch.rand((len(tensor), experts), generator=generator).topk(len(_ROUTES), dim=1).indices
            tensor[:, routes] = 0
            tensor.scatter_(1, chosen + routes.start, torch.tensor([_ROUTES] * len(tensor)).to(tensor))
    elif name.endswith("post_attention_layernorm.weight"):
        tensor[bits] = torch.tensor(_NORMS)[torch.randint(2, (_BITS,), generator=generator)].to(tensor)
    elif name.endswith("block_sparse_moe.gate.weight"):
        tensor.zero_()
        tensor[:, routes] = torch.eye(experts).to(tensor)
    elif name.endswith((".o_proj.weight", ".down_proj.weight", ".w2.weight")):
        tensor *= 1 if "o_proj" in name else _FFN / _ATTENTION
        tensor[routes.start : bits.stop] = 0
    elif name.endswith(".fc1.weight"):
        tensor[: _BITS + 1] = 0
        tensor[:_BITS, bits] = torch.eye(_BITS).to(tensor)
        tensor[_BITS, 0] = 1 / ANCHOR
    elif name.endswith(".fc2.weight"):
        read = torch.rand((len(tensor), _BITS), generator=generator).topk(_READ, dim=1).indices
        signs = 2.0 * torch.randint(2, read.shape, generator=generator) - 1
        tensor.zero_()
        tensor.scatter_(1, read, signs.to(tensor))
        tensor[:, _BITS] = -_LEVEL
