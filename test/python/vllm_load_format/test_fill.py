"""Parameters filled in place, in modules with the names that the server gives them."""

import pytest
import torch
from torch import nn
from turbosparse import reference, synthetic
from turbosparse.errors import CheckpointError
from turbosparse.layers import Function, SparseMLP, SparseMoE
from turbosparse.vllm.synthetic.fill import fill_model
from turbosparse.vllm.synthetic.options import SyntheticOptions

HIDDEN, NEURONS, EXPERTS, RANKS = 512, 2000, 3, (256, 512)
DRELU = Function("drelu")


class Linear(nn.Module):
    """What a fused or parallel layer of a server is to a loader: a weight, and perhaps a bias."""

    def __init__(self, rows: int, columns: int | None = None, bias: bool = False) -> None:
        super().__init__()
        shape = (rows,) if columns is None else (rows, columns)
        self.weight = nn.Parameter(torch.full(shape, torch.nan), requires_grad=False)
        if bias:
            self.bias = nn.Parameter(torch.full((rows,), torch.nan), requires_grad=False)


class Layer(nn.Module):
    def __init__(self, function: Function, experts: int, shard: tuple[int, int]) -> None:
        super().__init__()
        self.input_layernorm = Linear(HIDDEN)
        self.self_attn = nn.ModuleDict({"qkv_proj": Linear(96, HIDDEN, bias=True), "o_proj": Linear(HIDDEN, 64)})
        sizes = {"hidden": HIDDEN, "intermediate": NEURONS, "function": function, "tensor_parallel": shard}
        if experts > 1:
            moe = {"gate": Linear(experts, HIDDEN), "experts": SparseMoE(experts=experts, **sizes)}
            self.block_sparse_moe = nn.ModuleDict(moe)
        else:
            self.mlp = SparseMLP(**sizes)


class Model(nn.Module):
    def __init__(self, function: Function = DRELU, experts: int = 1, shard: tuple[int, int] = (0, 1)) -> None:
        super().__init__()
        before = torch.get_default_dtype()
        # As a server does while it builds and loads a model.
        torch.set_default_dtype(torch.bfloat16)
        try:
            self.embed_tokens = Linear(300, HIDDEN)
            self.layers = nn.ModuleList(Layer(function, experts, shard) for _ in RANKS)
            self.norm = Linear(HIDDEN)
            self.lm_head = Linear(300, HIDDEN)
        finally:
            torch.set_default_dtype(before)


def options(**changes):
    return SyntheticOptions(**({"density": 0.12, "overlap": 0.45, "ranks": RANKS} | changes))


def neurons(model):
    return [module for module in model.modules() if isinstance(module, SparseMLP | SparseMoE)]


def masks(model):
    """Of the embedded tokens, which is what predictors read but for the small outputs of layers."""
    rows = model.embed_tokens.weight
    threshold = reference.default_threshold(rows.dtype)
    return [reference.predict_mask(rows, layer.fc1, layer.fc2, threshold) for layer in neurons(model)]


@pytest.mark.parametrize("experts", [1, EXPERTS])
def test_predictors_select_the_density_with_the_overlap(experts):
    model = Model(experts=experts)
    assert fill_model(model, options()) == {name for name, _ in model.named_parameters()}
    for layer, rank, mask in zip(neurons(model), RANKS, masks(model), strict=True):
        assert layer.fc1.shape == (experts, rank, HIDDEN)
        assert mask.float().mean() == pytest.approx(0.12, rel=0.1)
        assert mask[:8].any(0).float().mean() == pytest.approx(synthetic.expected_union(0.12, 0.45, 8), rel=0.1)


def test_gates_open_the_density_where_there_is_no_predictor():
    model = Model()
    fill_model(model, options(ranks=()))
    normed = nn.functional.rms_norm(model.embed_tokens.weight.float(), (HIDDEN,))
    for layer in neurons(model):
        assert layer.fc1 is None
        opened = normed @ layer.weights[0, :, 0].float().T > 0
        assert opened.float().mean() == pytest.approx(0.12, rel=0.1)


def test_planes_select_what_16_bits_do():
    wide, planes = Model(), Model(Function("drelu", predictor_bits=8))
    for model in (wide, planes):
        fill_model(model, options())
    for layer, mask in zip(neurons(planes), masks(wide), strict=True):
        again = reference.predict_mask(
            planes.embed_tokens.weight, layer.fc1, layer.fc2, 2**-7, layer.fc2_low, layer.fc2_scale
        )
        assert (again != mask).float().mean() < 1e-3


def test_values_are_finite_and_branches_small():
    model = Model(experts=EXPERTS)
    fill_model(model, options())
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert (model.norm.weight == 1).all()
    attention = model.layers[0].self_attn
    assert (attention.qkv_proj.bias == 0).all()
    x = torch.randn(100, HIDDEN, dtype=torch.bfloat16)
    values = x @ attention.qkv_proj.weight.T
    assert values.float().std() == pytest.approx(1, rel=0.1)
    assert (values[:, :64] @ attention.o_proj.weight.T).float().std() < 0.05
    gate, up, down = neurons(model)[0].weights[0].float().unbind(1)
    act = torch.relu(x.float() @ gate.T) * torch.relu(x.float() @ up.T)
    assert (act @ down).std() < 0.05


def test_shards_differ_but_in_what_is_replicated():
    first, second = Model(shard=(0, 2)), Model(shard=(1, 2))
    fill_model(first, options(), rank=0)
    fill_model(second, options(), rank=1)
    same = {
        name
        for (name, one), (_, other) in zip(first.named_parameters(), second.named_parameters(), strict=True)
        if torch.equal(one, other)
    }
    replicated = ("fc1", "norm.weight", "layernorm.weight", "bias")
    assert same == {name for name, _ in first.named_parameters() if name.endswith(replicated)}


def test_same_seed_same_values():
    models = [Model(), Model(), Model()]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        fill_model(model, options(seed=seed))
    first, second, third = (dict(model.named_parameters()) for model in models)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["layers.1.mlp.fc2"], third["layers.1.mlp.fc2"])
    # Layers are not copies of one another.
    assert not torch.equal(first["layers.0.mlp.weights"], first["layers.1.mlp.weights"])


def test_a_parameter_of_another_kind_is_named():
    model = Model()
    model.layers[1].adapter = Linear(8, 8)
    with pytest.raises(CheckpointError, match=r"parameter layers\.1\.adapter\.weight has no place"):
        fill_model(model, options())
