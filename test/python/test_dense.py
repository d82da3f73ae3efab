"""The dense path, which serves long calls on a GPU and every call on the CPU, against float64."""

import pytest
import torch
from torch._subclasses import FakeTensorMode
from turbosparse import ops, reference, synthetic
from turbosparse.ops import dense
from turbosparse.ops.dense import chunks as chunking
from turbosparse.ops.dense import grouping, mixture

TOKENS = [65, 128, 129, 200, 300]
HIDDEN, INTERMEDIATE, RANK, EXPERTS, TOP_K = 128, 200, 320, 5, 3
FUNCTIONS = [("drelu", 0.0), ("reglu", 0.0), ("reglu", 0.3)]


@pytest.fixture(params=["whole", "in chunks"])
def chunk_bytes(request, monkeypatch):
    """Chunks of one 64-token word, and one chunk of all tokens."""
    if request.param == "in chunks":
        monkeypatch.setattr(chunking, "CHUNK_BYTES", 1)


@pytest.fixture(params=["sorted", "batched"])
def grouped(request, monkeypatch):
    """With a grouped GEMM, and as where torch has none that a graph can hold."""
    if request.param == "batched":
        monkeypatch.setattr(mixture, "sorts_tokens", lambda x, weights, topk_ids: False)


def tensors(tokens, experts=1, dtype=torch.bfloat16, density=0.2):
    generator = torch.Generator().manual_seed(tokens + experts)
    x = synthetic.random_inputs(tokens, HIDDEN, dtype, generator)
    weights = synthetic.random_weights(experts, INTERMEDIATE, HIDDEN, dtype, generator)
    mask = synthetic.plant_mask(tokens, experts, INTERMEDIATE, density, 0.4, generator)
    return x, weights, mask, generator


def predictor_of(x, experts, generator):
    """A predictor that was not planted, and what plain torch says it selects."""
    fc1 = torch.stack([synthetic.population_fc1(HIDDEN, RANK, x.dtype, generator) for _ in range(experts)])
    fc2 = [synthetic.population_fc2(INTERMEDIATE, RANK, 0.2, 0.4, x.dtype, generator) for _ in range(experts)]
    threshold = reference.default_threshold(x.dtype)
    return fc1, torch.stack(fc2), reference.predict_mask(x, fc1, torch.stack(fc2), threshold)


def routing(tokens, generator):
    """Routing with ids that are no expert, twice the same expert, and an expert without tokens."""
    ids = torch.randint(-1, EXPERTS, (tokens, TOP_K), generator=generator, dtype=torch.int32)
    ids[ids == 3] = EXPERTS + 2
    ids[0] = 1
    return ids, torch.rand((tokens, TOP_K), generator=generator)


def assert_close(result, exact, bound):
    assert result.dtype == torch.bfloat16
    assert ((result.double() - exact).abs() <= bound).all()


@pytest.mark.usefixtures("chunk_bytes")
@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_ffn_of_an_active_set(tokens, function):
    x, weights, mask, _ = tensors(tokens)
    result = ops.ffn(x, weights, *ops.pack_mask(mask), *function)
    bound = reference.ffn_error_bound(x, weights, mask, *function)
    assert_close(result, reference.float64.ffn(x, weights, mask, *function), bound)


@pytest.mark.usefixtures("chunk_bytes")
@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_gate_first_with_padding(tokens, function):
    x, weights, mask, _ = tensors(tokens)
    padding = torch.arange(tokens) % 3 == 1
    kept = torch.ones_like(mask) & ~padding[:, None, None]
    exact = reference.float64.ffn(x, weights, kept, *function)
    bound = reference.ffn_error_bound(x, weights, kept, *function)
    x[padding] = float("nan")
    assert_close(ops.ffn_gate_first(x, weights, *function, padding), exact, bound)


@pytest.mark.usefixtures("chunk_bytes", "grouped")
@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("with_predictor", [True, False])
def test_moe(tokens, function, with_predictor):
    x, weights, mask, generator = tensors(tokens, EXPERTS)
    ids, scores = routing(tokens, generator)
    padding = torch.arange(tokens) % 4 == 3
    fc1 = fc2 = None
    mask = torch.ones_like(mask)
    if with_predictor:
        fc1, fc2, mask = predictor_of(x, EXPERTS, generator)
        assert 0.05 < mask.float().mean() < 0.5
    mask = mask & ~padding[:, None, None]
    exact = reference.float64.moe(x, weights, ids, scores, mask, *function)
    routed = mask & reference.routed_mask(ids, EXPERTS).unsqueeze(-1)
    scale = reference.routing_scale(ids, scores, EXPERTS)
    bound = reference.ffn_error_bound(x, weights, routed, *function, scale=scale)
    x[padding] = float("inf")
    scores[padding] = float("nan")
    result = ops.moe(x, weights, ids, scores, fc1, fc2, None, *function, padding=padding)
    # A predictor evaluated in other groups may round a logit at the threshold to the other side.
    wrong = ((result.double() - exact).abs() > bound).any(1)
    assert wrong.sum() <= (2 if with_predictor else 0)
    assert not result[padding].any()


@pytest.mark.usefixtures("grouped")
def test_moe_without_any_expert_gives_zero():
    x, weights, _, generator = tensors(70, EXPERTS)
    ids, scores = routing(70, generator)
    x[5] = float("nan")
    assert not ops.moe(x, weights, ids.fill_(-1), scores).any()


@pytest.mark.parametrize("experts", [1, 3])
def test_predict_in_chunks_is_predict_at_once(experts, monkeypatch):
    x, _, _, generator = tensors(200, experts)
    fc1, fc2, _ = predictor_of(x, experts, generator)
    ids = None if experts == 1 else torch.randint(-1, experts, (200, 2), generator=generator, dtype=torch.int32)
    padding = torch.arange(200) % 7 == 0
    whole = ops.predict(x, fc1, fc2, None, ids, padding)
    monkeypatch.setattr(chunking, "CHUNK_BYTES", 1)
    pieces = ops.predict(x, fc1, fc2, None, ids, padding)
    assert torch.equal(whole[0], pieces[0])
    assert torch.equal(whole[1], pieces[1])
    assert whole[0].any()


def test_dropped_infinities_do_not_reach_the_output():
    x, weights, mask, _ = tensors(65)
    weights[0, :, 0] = torch.where(mask.any(0)[0, :, None], weights[0, :, 0], float("inf"))
    assert ops.ffn(x, weights, *ops.pack_mask(mask)).isfinite().all()


@pytest.mark.parametrize(
    ("capability", "dtype", "intermediate", "grouped"),
    [
        ((9, 0), torch.bfloat16, 14336, True),
        ((10, 3), torch.bfloat16, 768, True),
        ((9, 0), torch.bfloat16, 333, False),
        ((9, 0), torch.float16, 14336, False),
        ((8, 0), torch.bfloat16, 14336, False),
        ((12, 0), torch.bfloat16, 14336, False),
    ],
)
def test_groups_are_multiplied_where_torch_needs_no_wait(capability, dtype, intermediate, grouped, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    with FakeTensorMode():
        x = torch.empty((2, HIDDEN), dtype=dtype, device="cuda")
    assert grouping.has_grouped_gemm(x, intermediate) == grouped


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("quantized", [True, False])
def test_nothing_depends_on_what_is_on_the_device(dtype, quantized, monkeypatch):
    """Tensors without data have shapes and strides only: whatever would wait for a value, or not fit, raises."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    tokens, intermediate = 300, 208
    with FakeTensorMode(), torch.device("cuda"):
        x = torch.empty((tokens, HIDDEN), dtype=dtype)
        weights = torch.empty((EXPERTS, intermediate, 3, HIDDEN), dtype=dtype)
        ids, scores = torch.empty((tokens, TOP_K), dtype=torch.int32), torch.empty((tokens, TOP_K))
        padding = torch.empty(tokens, dtype=torch.bool)
        fc2 = torch.empty((EXPERTS, intermediate, RANK), dtype=torch.int8 if quantized else dtype)
        planes = (torch.empty_like(fc2), torch.empty((EXPERTS, intermediate))) if quantized else ()
        predictor = reference.PredictorWeights(torch.empty((EXPERTS, RANK, HIDDEN), dtype=dtype), fc2, *planes)
        selection = dense.Predictor(predictor, 0.1)
        _, bits = dense.predict(x, selection, ids, padding)
        for each in (selection, None):
            assert dense.moe(x, weights, ids, scores, each, padding, "drelu", 0.0).shape == x.shape
        for each in (bits[:5], None):
            assert dense.ffn(x, weights[:1], each, padding, "reglu", 0.1).dtype == dtype


@pytest.mark.parametrize(
    ("tokens", "bytes_per_token", "sizes"),
    [
        (0, 1, []),
        (1, 1, [1]),
        (300, 1, [300]),
        (300, 2**22, [64, 64, 64, 64, 44]),
        (300, 2**30, [64, 64, 64, 64, 44]),
        (300, 2**21, [128, 128, 44]),
        (4096, 100_000, [2048, 2048]),
    ],
)
def test_chunks_are_even_whole_words(tokens, bytes_per_token, sizes):
    parts = list(chunking.chunks(tokens, bytes_per_token))
    assert [part.stop - part.start for part in parts] == sizes
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]


def test_groups_are_sorted_by_expert_and_know_their_slots():
    ids = torch.tensor([[2, 0], [-1, 2], [0, 7], [1, 1]], dtype=torch.int32)
    padding = torch.tensor([False, False, False, True])
    groups = grouping.group(ids, 3, padding)
    assert groups.token.tolist() == [0, 2, 0, 1, 1, 2, 3, 3]
    assert groups.ends.tolist() == [2, 2, 4]
    assert groups.position.tolist() == [[2, 0], [-1, 3], [1, -1], [-1, -1]]


@pytest.mark.parametrize("lay_out", [grouping.group, grouping.batch])
def test_rows_of_a_layout_are_of_their_slots(lay_out):
    generator = torch.Generator().manual_seed(0)
    ids, _ = routing(70, generator)
    padding = torch.arange(70) % 5 == 0
    x = torch.arange(70, dtype=torch.float64).unsqueeze(1)
    layout = lay_out(ids, EXPERTS, padding)
    # A product that tells the token and the expert.
    rows = layout.linear(layout.inputs(x), torch.arange(1.0, EXPERTS + 1, dtype=x.dtype).view(-1, 1, 1))
    routed = (ids >= 0) & (ids < EXPERTS) & ~padding[:, None]
    assert torch.equal(layout.position >= 0, routed)
    assert torch.equal(rows[layout.position, 0][routed], (x * (ids + 1))[routed])
    ends = torch.bucketize(layout.position, layout.ends, right=True)
    assert torch.equal(ends[routed], ids[routed].long())


@pytest.mark.parametrize(
    ("tokens", "rows"), [(200, 400), (256, 512), (257, 1032), (512, 1032), (515, 1032), (517, 1034)]
)
def test_groups_take_the_faster_tile(tokens, rows):
    """Rows are added up to what makes torch take the large tile, where that one is faster."""
    with FakeTensorMode(), torch.device("cuda"):
        assert len(grouping.group(torch.empty((tokens, 2), dtype=torch.int32), 8, None).token) == rows


@pytest.mark.parametrize(
    ("tokens", "device", "sorts"),
    [(1, "cuda", True), (2, "cuda", False), (128, "cuda", False), (129, "cuda", True), (128, "cpu", True)],
)
def test_few_tokens_are_batched_unless_they_miss_experts(tokens, device, sorts, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    with FakeTensorMode(), torch.device(device):
        x = torch.empty((tokens, HIDDEN), dtype=torch.bfloat16)
        weights = torch.empty((EXPERTS, INTERMEDIATE, 3, HIDDEN), dtype=x.dtype)
        assert grouping.sorts_tokens(x, weights, torch.empty((tokens, TOP_K), dtype=torch.int32)) == sorts
