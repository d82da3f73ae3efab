"""Fills a model that a server has built, in place: no more memory than the model and one block."""

from __future__ import annotations

import hashlib
import re

import torch
from torch import Generator, Tensor, nn

from turbosparse.errors import CheckpointError
from turbosparse.layers import Neurons
from turbosparse.synthetic import population_fc1, population_fc2, population_gate
from turbosparse.synthetic.population import ANCHOR, BRANCH
from turbosparse.vllm.synthetic.options import SyntheticOptions
from turbosparse.weights.quantize import quantize_rows

_LAYER = re.compile(r"\blayers\.(\d+)\.")
# Their shards differ from rank to rank; norms, routers and fc1 are the same on all.
_SHARDED = ("embed_tokens", "lm_head", "qkv_proj", "o_proj")


def fill_model(model: nn.Module, options: SyntheticOptions, *, rank: int = 0) -> set[str]:
    """Give every parameter of `model` its values, predictors created where `options` has ranks; returns their names.

    Values depend on the seed, the parameter's name, the shard's `rank` and the kind of device alone. Embeddings are
    standard normal and the outputs of attention and FFNs small beside them, so that predictors read the same
    distribution in every layer, the one that their rows are made for (`turbosparse.synthetic.population`).

    Raises CheckpointError naming a parameter that no rule is for.
    """
    filled = set()
    with torch.no_grad():
        for prefix, module in model.named_modules():
            if isinstance(module, Neurons):
                filled |= _fill_neurons(module, prefix, options, rank)
        for name, parameter in model.named_parameters():
            if name not in filled:
                _fill_parameter(name, parameter.data, options.seed, rank)
                filled.add(name)
    return filled


def _fill_neurons(module: Neurons, prefix: str, options: SyntheticOptions, rank: int) -> set[str]:
    if options.ranks:
        layer = _LAYER.search(prefix + ".")
        if layer is None:
            raise CheckpointError(f"{prefix} holds neurons of no layer that its name tells, expected layers.N in it")
        module.create_predictor(options.ranks[int(layer[1])])
    for expert in range(module.weights.shape[0]):
        _fill_expert(module, expert, f"{options.seed}:{prefix}.{expert}", options, rank)
    return {f"{prefix}.{name}" for name, _ in module.named_parameters(recurse=False)}


def _fill_expert(module: Neurons, expert: int, seed: str, options: SyntheticOptions, rank: int) -> None:
    block = module.weights.data[expert]
    neurons, _, hidden = block.shape
    generator = _seeded(f"{seed}:{rank}", block.device)
    block.normal_(0, hidden**-0.5, generator=generator)
    down = block[:, 2]
    down.mul_(BRANCH * (hidden / module.intermediate) ** 0.5)
    down[:, 0] = 0
    planted = (options.density, options.overlap, block.dtype, generator)
    if module.fc1 is None or module.fc2 is None:
        block[:, 0] = population_gate(hidden, neurons, *planted)
        return
    # Every shard has all of fc1.
    module.fc1.data[expert] = population_fc1(hidden, module.rank, block.dtype, _seeded(seed, block.device))
    fc2 = population_fc2(neurons, module.rank, *planted)
    if module.fc2_low is None or module.fc2_scale is None:
        module.fc2.data[expert] = fc2
    else:
        planes = (module.fc2.data[expert], module.fc2_low.data[expert], module.fc2_scale.data[expert])
        quantize_rows(fc2, out=planes, name=f"fc2 of {seed}")


def _fill_parameter(name: str, value: Tensor, seed: int, rank: int) -> None:
    owner, _, kind = name.rpartition(".")
    module = owner.rpartition(".")[2]
    generator = _seeded(f"{seed}:{name}:{rank if module in _SHARDED else ''}", value.device)
    if kind == "bias" and module == "qkv_proj":
        value.zero_()
    elif kind == "weight" and module.endswith("norm"):
        value.fill_(1)
    elif kind == "weight" and module == "embed_tokens":
        value.normal_(generator=generator)
        value[:, 0] = ANCHOR
    elif kind == "weight" and module in ("lm_head", "qkv_proj", "gate"):
        value.normal_(0, value.shape[1] ** -0.5, generator=generator)
    elif kind == "weight" and module == "o_proj":
        value.normal_(0, BRANCH * value.shape[1] ** -0.5, generator=generator)
        value[0] = 0
    else:
        raise CheckpointError(
            f"parameter {name} has no place in a synthetic model: --load-format turbosparse_synthetic makes those of "
            "attention, norms, embeddings, routers and turbosparse's own layers"
        )


def _seeded(text: str, device: torch.device) -> Generator:
    digest = hashlib.sha256(text.encode()).digest()
    return Generator(device).manual_seed(int.from_bytes(digest[:7], "little"))
