"""Models made on the device: what the running server's own hidden states activate."""

import dataclasses
import random

import pytest
import torch
from engine import served
from turbosparse import ops, reference
from turbosparse.layers import Neurons, SparseMoE
from turbosparse.reference.predictor import selection_threshold
from turbosparse.synthetic import PRESETS, expected_union
from turbosparse.vllm.synthetic.configs import dense_config, sparse_config
from turbosparse.vllm.synthetic.folder import write_folder

# Ranks and widths at which a density is met closely.
WIDE = {"hidden": 512, "intermediate": 1500, "ranks": (384, 512)}
SHAPES = {name: dataclasses.replace(PRESETS[f"{name}-tiny"], **WIDE) for name in ("bamboo", "mixtral")}
OVERLAP = 0.45


class Observer:
    """The neurons that each token of a running model activates: bool `[tokens, experts, intermediate]` a call."""

    def __init__(self, model):
        self.masks = {name: [] for name, module in model.named_modules() if isinstance(module, Neurons)}
        for name, masks in self.masks.items():
            module = model.get_submodule(name)
            module.register_forward_pre_hook(
                lambda module, arguments, masks=masks: masks.append(kept(module, *arguments))
            )


def kept(module, x, other, *_):
    """`other` is what a dense layer's predictor reads, or a mixture's routing."""
    inputs, ids = (x, other.int()) if isinstance(module, SparseMoE) else (other, None)
    _, bits = ops.predict(inputs, module.fc1, module.fc2, selection_threshold(x.dtype), ids)
    return reference.unpack_mask(bits, len(x))


@pytest.mark.parametrize("model", SHAPES)
def test_running_model_activates_the_planned_share(model, tmp_path):
    shape = SHAPES[model]
    write_folder(tmp_path / "m", sparse_config(shape, OVERLAP))
    numbers = random.Random(0)
    prompts = [[numbers.randrange(3, shape.vocab) for _ in range(20)] for _ in range(6)]
    with served(tmp_path / "m", load_format="turbosparse_synthetic", dtype="bfloat16") as llm:
        (observer,) = llm.apply_model(Observer)
        outputs = llm.generate([{"prompt_token_ids": prompt} for prompt in prompts], use_tqdm=False)
        assert all(output.outputs[0].token_ids for output in outputs)
        (finite,) = llm.apply_model(lambda module: all(p.isfinite().all() for p in module.parameters()))
        assert finite
    assert len(observer.masks) == shape.layers
    for calls in observer.masks.values():
        mask = torch.cat(calls)
        # A token routed nowhere activates nothing; of a mixture the experts that it is routed to count.
        chances = mask.any(-1).sum() * mask.shape[-1]
        assert chances > 100 * shape.top_k * mask.shape[-1]
        assert mask.sum() / chances == pytest.approx(shape.density, rel=0.15)
        if model == "bamboo":
            assert mask[:8].any(0).float().mean() == pytest.approx(expected_union(shape.density, OVERLAP, 8), rel=0.15)


def test_other_models_are_left_to_the_servers_own_format(tmp_path):
    write_folder(tmp_path / "m", dense_config(PRESETS["bamboo-tiny"]))
    with (
        pytest.raises(ValueError, match="MistralForCausalLM is none: load it with --load-format dummy"),
        served(tmp_path / "m", load_format="turbosparse_synthetic"),
    ):
        pass
