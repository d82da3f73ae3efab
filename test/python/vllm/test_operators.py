"""The operators of vLLM's graphs: what they compute, and which rows they leave out."""

import inspect

import pytest
import torch
from checkpoints import SHAPES, write
from models import engine_config, one_rank
from turbosparse.layers import compute
from turbosparse.vllm import operators
from turbosparse.vllm.padding import padded_rows
from vllm.forward_context import set_forward_context

# What a router gives padding, and what a rank is told of experts that it has not.
NOWHERE = -1
# Whether the newer model runner keeps the rows of padding up to date.
WRITES_PADDING = "VLLM_MOE_SKIP_PADDING"
TOKENS, HIDDEN, NEURONS, RANK, EXPERTS = 5, 64, 48, 64, 3


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).bfloat16()


def layer(experts, predictor):
    matrices = (draw(experts, RANK, HIDDEN), draw(experts, NEURONS, RANK)) if predictor else (None, None)
    return (draw(experts, NEURONS, 3, HIDDEN), *matrices, None, None, "drelu", 0.0)


def call(name, predictor):
    x = draw(TOKENS, HIDDEN)
    if name == "mlp":
        return (x, draw(TOKENS, HIDDEN + 1)[:, 1:].contiguous(), *layer(1, predictor))
    ids = torch.tensor([[0, 2], [1, NOWHERE], [2, 1], [NOWHERE, NOWHERE], [1, 0]], dtype=torch.int32)
    return (x, ids, draw(TOKENS, 2).float().abs(), *layer(EXPERTS, predictor))


CASES = [(name, predictor) for name in ("mlp", "moe") for predictor in (False, True)]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("model") / "m", SHAPES["bamboo"])
    config = engine_config(folder)
    with one_rank(config):
        yield config


@pytest.mark.parametrize(("name", "predictor"), CASES)
def test_operator_is_the_layer_and_can_be_traced(name, predictor):
    arguments = call(name, predictor)
    operator = getattr(torch.ops.turbosparse_vllm, name)
    out = operator(*arguments)
    assert out.abs().max() > 0
    assert torch.equal(out, getattr(compute, name)(*arguments))
    torch.library.opcheck(operator.default, arguments, test_utils=("test_schema", "test_faketensor"))


def test_expert_of_nobody_adds_nothing():
    out = operators.moe(*call("moe", True))
    assert not out[3].any()
    assert out[[0, 1, 2, 4]].any(1).all()


@pytest.mark.parametrize(("name", "predictor"), CASES)
@pytest.mark.parametrize("says", ["is_padding", "slot_mapping"])
def test_padded_rows_change_nothing(config, name, predictor, says, monkeypatch):
    if says not in inspect.signature(set_forward_context).parameters:
        pytest.skip(f"this vLLM has no {says} in the forward context")
    monkeypatch.setenv(WRITES_PADDING, str(int(says == "is_padding")))
    padding = torch.tensor([False, False, True, False, True])
    slots = {"layer": torch.where(padding, -1, 7)}
    arguments = call(name, predictor)
    arguments[0][padding] = torch.nan
    operator = getattr(torch.ops.turbosparse_vllm, name)
    with set_forward_context({}, config, num_tokens=TOKENS, **{says: padding if says == "is_padding" else slots}):
        out = operator(*arguments)
    assert not out[padding].any()
    rows = [argument[~padding] for argument in arguments[: 2 if name == "mlp" else 3]]
    assert torch.equal(out[~padding], operator(*rows, *arguments[len(rows) :]))


def test_rows_that_vllm_does_not_write_are_not_read(config, monkeypatch):
    """After the capture of its graphs they say of every row that it is padding."""
    if "is_padding" not in inspect.signature(set_forward_context).parameters:
        pytest.skip("this vLLM has no is_padding in the forward context")
    monkeypatch.setenv(WRITES_PADDING, "0")
    arguments = call("mlp", True)
    stale = {"is_padding": torch.ones(TOKENS, dtype=torch.bool), "slot_mapping": {"layer": torch.arange(TOKENS)}}
    with set_forward_context({}, config, num_tokens=TOKENS, **stale):
        assert torch.equal(torch.ops.turbosparse_vllm.mlp(*arguments), compute.mlp(*arguments))


def test_layers_of_a_batch_compare_its_slots_once(config, monkeypatch):
    monkeypatch.setenv(WRITES_PADDING, "0")
    for slots in (torch.arange(TOKENS), torch.full((TOKENS,), -1)):
        with set_forward_context({}, config, num_tokens=TOKENS, slot_mapping={"layer": slots}):
            first = padded_rows(TOKENS)
            assert padded_rows(TOKENS) is first
            assert torch.equal(first, slots < 0)


def test_batches_that_are_never_padded_are_not_searched(config):
    slots = {"slot_mapping": {"layer": torch.full((TOKENS,), -1)}}
    arguments = call("mlp", True)
    with set_forward_context({}, config, num_tokens=TOKENS, **slots):
        assert not torch.ops.turbosparse_vllm.mlp(*arguments).any()
        shortened = (arguments[0][:2], arguments[1][:2], *arguments[2:])
        assert torch.ops.turbosparse_vllm.mlp(*shortened).any()
