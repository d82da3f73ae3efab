"""What the adapter counts and logs at debug level, and that above it there is nothing that could."""

import pytest
import torch
from checkpoints import SHAPES, write
from models import engine_config, loaded, one_rank
from sequences import prepare
from test_operators import CASES, EXPERTS, NEURONS, TOKENS, call, draw
from turbosparse.crossover import OperatorShape
from turbosparse.vllm import operators
from turbosparse.vllm.metrics import Observer
from turbosparse.vllm.metrics.call import LayerCall
from turbosparse.vllm.metrics.counters import count, counters, path_counts
from turbosparse.vllm.metrics.path import PATHS, describe_paths, stream_tokens, token_ranges
from turbosparse.vllm.metrics.steps import StepLog
from vllm import envs
from vllm.forward_context import set_forward_context

DENSE = PATHS.index("dense GEMMs")
SHAPE = OperatorShape(4096, 14336, 1, 1, None, None, "bf16", "drelu")


def layer_call(name, predictor, padding=None):
    return getattr(LayerCall, name)(padding, *call(name, predictor))


def selected(name, predictor):
    """`[tokens, experts, neurons]` by another way than the operators': one matrix product after the other."""
    x, other, *rest = call(name, predictor)
    weights, fc1, fc2 = (rest if name == "mlp" else rest[1:])[:3]
    if predictor:
        read = other if name == "mlp" else x
        hidden = torch.einsum("th,erh->ter", read, fc1).relu()
        active = torch.einsum("ter,enr->ten", hidden, fc2) > 2**-7
    else:
        active = torch.einsum("th,enh->ten", x, weights[:, :, 0]) > 0
    if name == "mlp":
        return active, TOKENS
    routed = torch.stack([(other == expert).any(1) for expert in range(EXPERTS)], 1)
    return active & routed[..., None], int(routed.sum())


@pytest.mark.parametrize(("name", "predictor"), CASES)
def test_counts_are_of_the_neurons_that_are_selected(name, predictor):
    counted = counters()
    for _ in range(2):
        count(counted, DENSE, layer_call(name, predictor))
    expected, rows = selected(name, predictor)
    *others, found = path_counts(counted)
    assert not any(other.calls for other in others)
    assert (found.calls, found.tokens) == (2, 2 * TOKENS)
    assert found.density == pytest.approx(float(expected.sum()) / (rows * NEURONS), rel=0.02)
    assert found.union == pytest.approx(float(expected.any(0).float().mean()), rel=0.02)


@pytest.mark.parametrize(("name", "predictor"), CASES)
def test_padding_is_no_token(name, predictor):
    padding = torch.tensor([False, True, False, True, True])
    counted = counters()
    count(counted, DENSE, layer_call(name, predictor, padding))
    expected, _ = selected(name, predictor)
    found = path_counts(counted)[DENSE]
    assert found.tokens == 2
    assert found.union == pytest.approx(float(expected[~padding].any(0).float().mean()), rel=0.02)


def test_tokens_of_other_experts_are_no_rows_of_a_shard_with_one():
    x, ids, weights, *layer = call("moe", True)
    shard = [value[:1].contiguous() if isinstance(value, torch.Tensor) else value for value in layer]
    found = LayerCall.moe(None, x, torch.where(ids == 0, 0, -1).int(), weights, *shard)
    expected, _ = selected("moe", True)
    assert (found.operator, found.shape.experts) == ("ffn", 1)
    assert found.rows()[:, 0].tolist() == (ids == 0).any(1).tolist()
    assert float(found.selected().sum()) == pytest.approx(float(expected[:, 0].sum()), rel=0.02)


def test_long_prefills_are_counted_without_their_neurons():
    x, other, *layer = call("mlp", True)
    counted = counters()
    count(counted, DENSE, LayerCall.mlp(None, x.repeat(20, 1), other.repeat(20, 1), *layer))
    found = path_counts(counted)[DENSE]
    assert (found.calls, found.tokens, found.density, found.union) == (1, 20 * TOKENS, None, None)


def test_kernels_of_few_tokens_are_those_that_the_wheel_has():
    parameters = {"arch": "sm_90a", "dtype": "bf16", "hidden": 4096, "activation": "drelu", "experts": 1, "rows": 3}
    kernels = [{"family": "ffn_stream", "parameters": parameters | {"tokens": tokens}} for tokens in (1, 2)]
    kernels.append({"family": "union_down", "parameters": parameters | {"tokens": 64}})
    assert stream_tokens(kernels, "sm_90a", "ffn", SHAPE) == 2
    assert stream_tokens(kernels, "sm_90a", "ffn_gate_first", SHAPE) == 0
    assert stream_tokens(kernels, "sm_80", "ffn", SHAPE) == 0


@pytest.mark.parametrize(
    ("longest_stream", "first_dense", "expected"),
    [
        (2, 65, "ffn_stream at 1 to 2 tokens, union_down at 3 to 64 tokens, dense GEMMs from 65 on"),
        (0, 33, "union_down at 1 to 32 tokens, dense GEMMs from 33 on"),
        (2, 2, "ffn_stream at 1 to 1 tokens, dense GEMMs from 2 on"),
        (2, 1, "dense GEMMs from 1 on"),
    ],
)
def test_every_number_of_tokens_has_one_path(longest_stream, first_dense, expected):
    assert token_ranges("ffn", SHAPE, longest_stream, first_dense) == f"ffn of 4096 x 14336: {expected}"


def test_on_the_cpu_there_is_one_path():
    expected = "ffn of 4096 x 14336: dense GEMMs at any number of tokens, on the cpu"
    assert describe_paths(torch.device("cpu"), "ffn", SHAPE) == expected


def test_log_is_of_the_steps_since_the_last_one():
    counted, lines, seconds = counters(), [], [0.0]
    log = StepLog(counted, 2, lines.append, lambda: seconds[0])

    def step(calls, tokens):
        counted[0] += torch.tensor([calls, tokens, 1000, 300, 500 * tokens, 100 * tokens])
        log.step()
        seconds[0] += 0.4 * envs.VLLM_LOG_STATS_INTERVAL

    step(2, 64)
    log.restart()
    # Copied after the first and the fourth of them, and looked at in the steps after those.
    for _ in range(5):
        step(2, 2)
    assert lines == [
        f"turbosparse: 3 steps of 1.0 tokens, density 20.0%, union 30.0% by ffn_stream in "
        f"{1.2 * envs.VLLM_LOG_STATS_INTERVAL:.1f} s"
    ]
    log.restart()
    for _ in range(3):
        step(2, 2)
    assert len(lines) == 2


@pytest.fixture(scope="module")
def served_model(tmp_path_factory):
    config = engine_config(write(tmp_path_factory.mktemp("model") / "m", SHAPES["bamboo"]))
    with one_rank(config):
        model = loaded(config)
        prepare(model, config)
        yield model, config


def test_above_debug_level_nothing_is_observed(served_model):
    model, _ = served_model
    assert operators.observer is None
    assert "compute_logits" not in vars(model)


def test_observer_changes_no_result(served_model):
    model, config = served_model
    lines, arguments = [], call("mlp", True)
    observer = Observer(lines.append)
    observer.watch(model)
    operator = observer.observed("mlp", operators.mlp)
    with set_forward_context({"layer": object()}, config, num_tokens=TOKENS):
        assert torch.equal(operator(*arguments), operators.mlp(*arguments))
        operator(*arguments)
    assert len(lines) == 1
    rows = draw(3, model.config.hidden_size).float()
    assert torch.equal(model.compute_logits(rows), type(model).compute_logits(model, rows))
