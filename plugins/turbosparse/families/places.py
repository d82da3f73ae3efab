"""Where each tensor of a checkpoint goes, by name, for all layers of the model.

Adapters name their modules as the checkpoints do, except that queries, keys and values are one matrix `qkv_proj` and
that a layer's experts are one module `experts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from turbosparse.families.family import Family, head_dim


@dataclass(frozen=True)
class Place:
    """A parameter of a server's layer. `shard` is which part of it: `"q"`, `"k"` or `"v"`, None when it is the whole.

    `shape` is the tensor's, of all ranks.
    """

    parameter: str
    shape: tuple[int, ...]
    shard: str | None = None


@dataclass(frozen=True)
class NeuronPlace:
    """A part of the module `block`, which is a `turbosparse.layers.Neurons`. `expert` counts those of all ranks."""

    block: str
    part: str
    expert: int

    @property
    def required(self) -> bool:
        return self.part not in ("fc1", "fc2")


def checkpoint_places(config: Any, family: Family) -> dict[str, Place | NeuronPlace]:
    """By names of the checkpoint. Predictor tensors are among them whether or not the checkpoint has them."""
    places: dict[str, Place | NeuronPlace] = {}
    table = (config.vocab_size, config.hidden_size)
    places["model.embed_tokens.weight"] = Place("model.embed_tokens.weight", table)
    places["model.norm.weight"] = Place("model.norm.weight", (config.hidden_size,))
    if not config.tie_word_embeddings:
        places["lm_head.weight"] = Place("lm_head.weight", table)
    for layer in range(config.num_hidden_layers):
        places.update(_layer(config, family, f"model.layers.{layer}."))
        places.update(neuron_places(config, family, layer))
    return places


def neuron_places(config: Any, family: Family, layer: int) -> dict[str, NeuronPlace]:
    """Those of one layer's FFN or experts, by names of the checkpoint."""
    layout = family.layout
    block = f"model.layers.{layer}.{family.block}" + (".experts" if family.is_moe else "")
    templates = {"gate": layout.gate, "up": layout.up, "down": layout.down, "fc1": layout.fc1, "fc2": layout.fc2}
    return {
        layout.name(template, layer, expert): NeuronPlace(block, part, expert)
        for expert in range(family.experts(config))
        for part, template in templates.items()
        if template is not None
    }


def _layer(config: Any, family: Family, prefix: str) -> Iterator[tuple[str, Place]]:
    hidden, width = config.hidden_size, head_dim(config)
    for name in ("input_layernorm.weight", "post_attention_layernorm.weight"):
        yield prefix + name, Place(prefix + name, (hidden,))
    queries, keys = config.num_attention_heads * width, config.num_key_value_heads * width
    for shard, rows in (("q", queries), ("k", keys), ("v", keys)):
        source, target = f"{prefix}self_attn.{shard}_proj", f"{prefix}self_attn.qkv_proj"
        yield f"{source}.weight", Place(f"{target}.weight", (rows, hidden), shard)
        if family.qkv_bias:
            yield f"{source}.bias", Place(f"{target}.bias", (rows,), shard)
    output = f"{prefix}self_attn.o_proj.weight"
    yield output, Place(output, (hidden, queries))
    if family.is_moe:
        router = f"{prefix}{family.block}.gate.weight"
        yield router, Place(router, (config.num_local_experts, hidden))
