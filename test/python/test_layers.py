"""The modules that servers build their models from: loading by shard, and sums over shards."""

import pytest
import torch
from turbosparse import ops, reference, synthetic
from turbosparse.errors import CheckpointError
from turbosparse.layers import (
    Function,
    Mixture,
    SparseMLP,
    SparseMoE,
    compute,
    local_expert_ids,
    own_experts,
    top_k_routing,
)
from turbosparse.synthetic import PRESETS
from turbosparse.weights import Checkpoint, layer_shape, layout_for, load_ffn, load_predictor

DRELU = Function("drelu")
INT8 = Function("drelu", predictor_bits=8)
PARTS = ("gate", "up", "down", "fc1", "fc2")


# Tests of one kind of layer name their checkpoint by indirect parametrisation.
@pytest.fixture(scope="module", params=["bamboo-tiny", "mixtral-tiny"])
def checkpoint(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "m"
    synthetic.write_model(folder, PRESETS[request.param])
    return Checkpoint(folder)


def layout_of(checkpoint):
    return layout_for(checkpoint.config["model_type"])


def tensors(checkpoint, layer=1):
    """`(part, expert, tensor, name)` of one layer."""
    layout, shape = layout_of(checkpoint), layer_shape(checkpoint, layout_of(checkpoint), layer)
    sizes = {
        "gate": (shape.intermediate, shape.hidden),
        "up": (shape.intermediate, shape.hidden),
        "down": (shape.hidden, shape.intermediate),
        "fc1": (shape.rank, shape.hidden),
        "fc2": (shape.intermediate, shape.rank),
    }
    for expert in range(shape.experts):
        for part in PARTS:
            name = layout.name(getattr(layout, part), layer, expert)
            yield part, expert, checkpoint.tensor(name, sizes[part], shape.dtype), name


def loaded(checkpoint, *, function=DRELU, tensor_parallel=(0, 1), local=None, order=list, reduce=None):
    shape = layer_shape(checkpoint, layout_of(checkpoint), 1)
    sizes = {"hidden": shape.hidden, "intermediate": shape.intermediate, "function": function, "dtype": shape.dtype}
    parallel = {"tensor_parallel": tensor_parallel, "reduce": reduce}
    if shape.experts == 1:
        module = SparseMLP(**parallel, **sizes)
    else:
        module = SparseMoE(experts=shape.experts, local_experts=local, **parallel, **sizes)
    own = range(shape.experts) if local is None else local
    filled = set()
    for part, expert, tensor, name in order(tensors(checkpoint)):
        if expert in own:
            filled |= set(module.load(part, expert - own.start, tensor, name))
    assert filled == {name for name, _ in module.named_parameters()}
    return module


def reversed_order(items):
    return list(items)[::-1]


@pytest.mark.parametrize("order", [list, reversed_order])
@pytest.mark.parametrize("shard", [(0, 1), (1, 3)])
def test_parameters_are_what_a_layer_loaded_at_once_has(checkpoint, shard, order):
    if layer_shape(checkpoint, layout_of(checkpoint), 1).intermediate % shard[1]:
        shard = (1, 4)
    module = loaded(checkpoint, tensor_parallel=shard, order=order)
    fc1, fc2, *planes = load_predictor(checkpoint, layout_of(checkpoint), 1, tensor_parallel=shard)
    assert torch.equal(module.weights, load_ffn(checkpoint, layout_of(checkpoint), 1, tensor_parallel=shard))
    assert torch.equal(module.fc1, fc1)
    assert torch.equal(module.fc2, fc2)
    assert (module.fc2_low, module.fc2_scale) == tuple(planes) == (None, None)


def test_predictor_of_8_bits_is_in_planes(checkpoint):
    module = loaded(checkpoint, function=INT8)
    expected = load_predictor(checkpoint, layout_of(checkpoint), 1, fc2_bits=8)
    for name, tensor in expected._asdict().items():
        assert torch.equal(getattr(module, name), tensor)


def inputs(checkpoint, tokens=6):
    generator = torch.Generator().manual_seed(1)
    config = checkpoint.config
    x = torch.randn((tokens, config["hidden_size"]), generator=generator)
    logits = torch.randn((tokens, config.get("num_local_experts", 2)), generator=generator)
    return x.bfloat16(), top_k_routing(logits, config.get("num_experts_per_tok", 1))


def call(module, x, routing):
    return module(x, *routing) if isinstance(module, SparseMoE) else module(x, x)


@pytest.mark.parametrize("function", [DRELU, INT8], ids=["16 bits", "8 bits"])
def test_shards_sum_to_the_layer(checkpoint, function):
    x, routing = inputs(checkpoint)
    whole = call(loaded(checkpoint, function=function), x, routing).double()
    size = 3 if "num_local_experts" in checkpoint.config else 4
    shards = [loaded(checkpoint, function=function, tensor_parallel=(rank, size)) for rank in range(size)]
    total = sum(call(shard, x, routing).double() for shard in shards)
    assert whole.abs().max() > 0
    torch.testing.assert_close(total, whole, rtol=0.02, atol=0.02 * whole.abs().max().item())


@pytest.mark.parametrize("checkpoint", ["mixtral-tiny"], indirect=True)
@pytest.mark.parametrize("splits", [[range(0, 2), range(2, 4)], [range(0, 3), range(3, 4)]])
def test_expert_shards_sum_to_the_layer(checkpoint, splits):
    x, routing = inputs(checkpoint)
    whole = call(loaded(checkpoint), x, routing).double()
    total = sum(call(loaded(checkpoint, local=local), x, routing).double() for local in splits)
    assert whole.abs().max() > 0
    torch.testing.assert_close(total, whole, rtol=0.02, atol=0.02 * whole.abs().max().item())


def test_layer_without_a_predictor_evaluates_the_gates(checkpoint):
    module = loaded(checkpoint)
    x, (ids, weights) = inputs(checkpoint)
    for name in ("fc1", "fc2"):
        module.register_parameter(name, None)
    expected = (
        reference.masked_moe(x, module.weights, ids, weights)
        if isinstance(module, SparseMoE)
        else reference.masked_ffn(x, module.weights)
    )
    torch.testing.assert_close(call(module, x, (ids, weights)), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("checkpoint", ["bamboo-tiny"], indirect=True)
def test_predictor_reads_what_it_is_given(checkpoint):
    module = loaded(checkpoint)
    x, _ = inputs(checkpoint)
    seen = -x
    active = ops.predict(seen, module.fc1, module.fc2)
    assert torch.equal(module(x, seen), ops.ffn(x, module.weights, *active))
    assert not torch.equal(module(x, seen), module(x, x))


@pytest.mark.parametrize("experts", [1, 4])
def test_padded_rows_come_out_as_zero(experts):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((4, 64), generator=generator).bfloat16()
    weights = torch.randn((experts, 32, 3, 64), generator=generator).bfloat16()
    ids = torch.zeros((4, 2), dtype=torch.int32)
    ids[:, 1] = -1
    shares = torch.ones((4, 2))
    padding = torch.tensor([False, True, False, True])
    shares[padding] = torch.nan
    x[padding] = torch.nan
    function = (None, None, None, None, "drelu", 0.0)
    out = compute.moe(x, ids, shares, weights, *function, padding)
    assert not out[padding].any()
    kept = ~padding
    torch.testing.assert_close(out[kept], reference.masked_ffn(x[kept], weights[:1]), rtol=0.02, atol=0.05)


def test_routing_is_the_released_one():
    logits = torch.tensor([[1.0, 3.0, 2.0, -1.0], [0.0, 0.0, 5.0, 4.0]])
    ids, weights = top_k_routing(logits.bfloat16(), 2)
    assert (ids.tolist(), ids.dtype) == ([[1, 2], [2, 3]], torch.int32)
    chances = logits.double().softmax(-1)
    expected = torch.stack([chances[0, [1, 2]], chances[1, [2, 3]]])
    torch.testing.assert_close(weights, (expected / expected.sum(-1, keepdim=True)).float())


@pytest.mark.parametrize("top_k", [1, 2, 8])
def test_routing_takes_the_largest(top_k):
    logits = torch.randn((65, 8), generator=torch.Generator().manual_seed(0))
    weights, ids = logits.softmax(-1).topk(top_k, dim=-1)
    found_ids, found_weights = top_k_routing(logits, top_k)
    assert torch.equal(found_ids, ids.int())
    torch.testing.assert_close(found_weights, weights / weights.sum(-1, keepdim=True))


@pytest.mark.parametrize("value", [0.0, -torch.inf, torch.nan])
def test_routing_never_takes_an_expert_twice(value):
    ids, _ = top_k_routing(torch.full((3, 4), value), 3)
    assert all(len(set(row)) == 3 and set(row) <= set(range(4)) for row in ids.tolist())


def test_there_are_as_many_experts_as_a_token_is_to_have():
    experts = SparseMoE(experts=4, hidden=64, intermediate=32, function=DRELU)
    with pytest.raises(ValueError, match="a token cannot have 5 of 4 experts"):
        Mixture(torch.nn.Linear(64, 4), experts, 5)


def test_foreign_experts_are_none():
    ids = torch.tensor([[0, 5], [2, 3]], dtype=torch.int32)
    assert local_expert_ids(ids, range(2, 4), 6).tolist() == [[-1, -1], [0, 1]]
    assert local_expert_ids(ids, range(6), 6) is ids


def test_experts_are_split_in_order():
    assert [list(own_experts(8, (rank, 3))) for rank in range(3)] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    with pytest.raises(ValueError, match="4 experts do not fill 8 ranks"):
        own_experts(4, (3, 8))


@pytest.mark.parametrize("checkpoint", ["mixtral-tiny"], indirect=True)
def test_tensors_of_other_shards_are_left(checkpoint):
    part, _, tensor, name = next(tensors(checkpoint))
    shape = layer_shape(checkpoint, layout_of(checkpoint), 1)
    sizes = {"hidden": shape.hidden, "intermediate": shape.intermediate, "dtype": shape.dtype}
    module = SparseMoE(experts=4, local_experts=range(2, 4), function=DRELU, **sizes)
    module.weights.data.zero_()
    assert module.take(part, 1, tensor, name) == []
    assert not module.weights.any()
    assert module.take(part, 3, tensor, name) == ["weights"]
    assert torch.equal(module.weights[1, :, 0], tensor)


def test_parts_are_summed_by_the_function_given(checkpoint):
    x, routing = inputs(checkpoint)
    expected = call(loaded(checkpoint), x, routing) * 3
    assert torch.equal(call(loaded(checkpoint, reduce=lambda part: part * 3), x, routing), expected)


def test_wrong_tensors_are_named(checkpoint):
    module = loaded(checkpoint)
    for part, _, tensor, name in tensors(checkpoint):
        with pytest.raises(CheckpointError, match=rf"tensor {name} has shape \[\d+, \d+\], expected \["):
            module.load(part, 0, tensor[1:], name)
    with pytest.raises(ValueError, match="part must be one of gate, up, down, fc1, fc2, not 'router'"):
        module.load("router", 0, tensor, name)
    with pytest.raises(ValueError, match=r"the predictor has rank (128|192), not 64"):
        module.create_predictor(64)


def test_infinite_predictor_cannot_be_in_planes(checkpoint):
    module = loaded(checkpoint, function=INT8)
    part, expert, tensor, name = next(item for item in tensors(checkpoint) if item[0] == "fc2")
    broken = tensor.clone()
    broken[3, 2] = torch.inf
    with pytest.raises(CheckpointError, match=f"{name} holds NaN or infinity"):
        module.load(part, expert, broken, name)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("swiglu",), "activation must be drelu or reglu, not 'swiglu'"),
        (("drelu", 0.1), "gate_threshold must be 0 with activation drelu, not 0.1"),
        (("reglu", -1.0), "gate_threshold must be a number of at least 0, not -1.0"),
        (("reglu", float("nan")), "gate_threshold must be a number of at least 0, not nan"),
        (("drelu", 0.0, 4), "predictor_bits must be 8 or 16, not 4"),
    ],
)
def test_functions_that_do_not_exist_are_named(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        Function(*arguments)


def test_neurons_that_do_not_split_are_refused():
    with pytest.raises(ValueError, match="10 neurons do not split into 3 equal shards"):
        SparseMLP(hidden=64, intermediate=10, function=DRELU, tensor_parallel=(0, 3))
