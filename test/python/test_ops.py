"""The operators as a server uses them: on the CPU, traced, compiled, and with wrong arguments."""

import pytest
import torch
from turbosparse import ops, reference, synthetic

TOKENS, HIDDEN, INTERMEDIATE, RANK = 5, 128, 75, 64


class Layer:
    """One layer with a planted predictor, dense (one expert) or a mixture."""

    def __init__(self, experts=1, tokens=TOKENS, dtype=torch.bfloat16):
        generator = torch.Generator().manual_seed(experts)
        self.x = synthetic.random_inputs(tokens, HIDDEN, dtype, generator)
        self.weights = synthetic.random_weights(experts, INTERMEDIATE, HIDDEN, dtype, generator)
        self.mask = synthetic.plant_mask(tokens, experts, INTERMEDIATE, 0.2, 0.4, generator)
        self.fc1, self.fc2 = synthetic.plant_predictor(self.x[:RANK], self.mask[:RANK], RANK, generator)
        self.ids = torch.randint(-1, experts, (tokens, 2), generator=generator, dtype=torch.int32)
        self.scores = torch.rand((tokens, 2), generator=generator)


@pytest.fixture
def dense():
    return Layer()


@pytest.fixture
def mixture():
    return Layer(experts=4)


def close(result, exact, bound):
    assert ((result.double() - exact).abs() <= bound).all()


@pytest.mark.parametrize("tokens", [1, 5, 64, 65, 130])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_predict_and_ffn_compute_the_released_function(tokens, dtype):
    layer = Layer(tokens=tokens, dtype=dtype)
    union, bits = ops.predict(layer.x, layer.fc1, layer.fc2)
    mask = reference.unpack_mask(bits, tokens)
    assert torch.equal(mask[:RANK], layer.mask[:RANK])
    assert torch.equal(reference.unpack_union(union, INTERMEDIATE), mask.any(0))
    result = ops.ffn(layer.x, layer.weights, union, bits)
    exact = reference.float64.ffn(layer.x, layer.weights, mask)
    close(result, exact, reference.ffn_error_bound(layer.x, layer.weights, mask))
    without_experts = ops.ffn(layer.x, layer.weights[0], *ops.predict(layer.x, layer.fc1[0], layer.fc2[0]))
    assert torch.equal(without_experts, result)
    assert torch.equal(ops.ffn(layer.x, layer.weights, *ops.pack_mask(mask[:, 0])), result)


@pytest.mark.parametrize("function", [("drelu", 0.0), ("reglu", 0.0), ("reglu", 0.2)])
def test_gate_first_is_the_dense_ffn(dense, function):
    exact = reference.float64.ffn(dense.x, dense.weights, None, *function)
    close(
        ops.ffn_gate_first(dense.x, dense.weights, *function),
        exact,
        reference.ffn_error_bound(dense.x, dense.weights, None, *function),
    )


@pytest.mark.parametrize("with_predictor", [True, False])
def test_moe_computes_the_released_function(mixture, with_predictor):
    mask = mixture.mask if with_predictor else torch.ones_like(mixture.mask)
    predictor = (mixture.fc1, mixture.fc2) if with_predictor else ()
    result = ops.moe(mixture.x, mixture.weights, mixture.ids, mixture.scores, *predictor)
    exact = reference.float64.moe(mixture.x, mixture.weights, mixture.ids, mixture.scores, mask)
    routed = mask & reference.routed_mask(mixture.ids, 4).unsqueeze(-1)
    scale = reference.routing_scale(mixture.ids, mixture.scores, 4)
    close(result, exact, reference.ffn_error_bound(mixture.x, mixture.weights, routed, scale=scale))


def test_mixture_predictor_selects_for_routed_experts_only(mixture):
    _, bits = ops.predict(mixture.x, mixture.fc1, mixture.fc2, topk_ids=mixture.ids)
    routed = reference.routed_mask(mixture.ids, 4).unsqueeze(-1)
    assert torch.equal(reference.unpack_mask(bits, TOKENS), mixture.mask & routed)


def test_padded_rows_activate_nothing_and_keep_their_nan(dense, mixture):
    padding = torch.tensor([False, True, False, False, True])
    for layer in (dense, mixture):
        layer.x[1] = float("nan")
        layer.x[4] = float("inf")
    _, bits = ops.predict(dense.x, dense.fc1, dense.fc2, padding=padding)
    mask = reference.unpack_mask(bits, TOKENS)
    assert not mask[padding].any()
    assert torch.equal(mask[~padding], dense.mask[~padding])
    results = [
        ops.ffn(dense.x, dense.weights, *ops.predict(dense.x, dense.fc1, dense.fc2, padding=padding)),
        ops.ffn_gate_first(dense.x, dense.weights, padding=padding),
        ops.moe(mixture.x, mixture.weights, mixture.ids, mixture.scores, padding=padding),
        ops.moe(mixture.x, mixture.weights, mixture.ids, mixture.scores, mixture.fc1, mixture.fc2, padding=padding),
    ]
    for result in results:
        assert result.isfinite().all()
        assert (result[padding] == 0).all()
        assert (result[~padding] != 0).any()


def test_a_nan_row_reaches_its_own_output_only(dense):
    clean = ops.ffn(dense.x, dense.weights, *ops.predict(dense.x, dense.fc1, dense.fc2))
    dense.x[2] = float("nan")
    result = ops.ffn(dense.x, dense.weights, *ops.predict(dense.x, dense.fc1, dense.fc2))
    assert result[2].isnan().all()
    others = [0, 1, 3, 4]
    assert torch.equal(result[others], clean[others])


def test_no_tokens(dense, mixture):
    empty = Layer().x[:0]
    union, bits = ops.predict(empty, dense.fc1, dense.fc2)
    assert union.shape == (1, 12)
    assert not union.any()
    assert bits.shape == (0, INTERMEDIATE)
    for result in (
        ops.ffn(empty, dense.weights, union, bits),
        ops.ffn_gate_first(empty, dense.weights),
        ops.moe(empty, mixture.weights, mixture.ids[:0], mixture.scores[:0], mixture.fc1, mixture.fc2),
    ):
        assert result.shape == (0, HIDDEN)
        assert result.dtype == torch.bfloat16


def op_calls(dense, mixture):
    union, bits = ops.pack_mask(dense.mask)
    padding = torch.zeros(TOKENS, dtype=torch.bool)
    mixed = (mixture.x, mixture.weights, mixture.ids, mixture.scores)
    return {
        "pack_mask": (dense.mask,),
        "predict": (dense.x, dense.fc1, dense.fc2, 0.01, None, padding),
        "ffn": (dense.x, dense.weights, union, bits, "reglu", 0.1),
        "ffn_gate_first": (dense.x, dense.weights, "drelu", 0.0, padding),
        "moe": (*mixed, mixture.fc1, mixture.fc2, 0.01),
        "add_rms_norm": (dense.x, dense.x, dense.x[0], 1e-5),
        "add_rms_norm_route": (dense.x, dense.x, dense.x[0], 1e-5, dense.x[:4].clone(), 2),
    }


@pytest.mark.parametrize(
    "name", ["pack_mask", "predict", "ffn", "ffn_gate_first", "moe", "add_rms_norm", "add_rms_norm_route"]
)
def test_opcheck(name, dense, mixture):
    torch.library.opcheck(getattr(torch.ops.turbosparse, name), op_calls(dense, mixture)[name])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_compiled_once_for_any_number_of_tokens(dense):
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    def layer(x):
        return ops.ffn(x, dense.weights, *ops.predict(x, dense.fc1, dense.fc2)) + ops.ffn_gate_first(x, dense.weights)

    compiled = torch.compile(layer, backend=backend, dynamic=True, fullgraph=True)
    for tokens in (5, 3, 64, 65, 130):
        x = Layer(tokens=tokens).x
        assert torch.equal(compiled(x), layer(x))
    assert len(graphs) == 1


X = torch.zeros(2, 8, dtype=torch.bfloat16)
W = torch.zeros(1, 6, 3, 8, dtype=torch.bfloat16)
W2 = torch.zeros(2, 6, 3, 8, dtype=torch.bfloat16)
FC1, FC2 = torch.zeros(1, 4, 8, dtype=torch.bfloat16), torch.zeros(1, 6, 4, dtype=torch.bfloat16)
FC1_2, FC2_2 = FC1.expand(2, -1, -1).contiguous(), FC2.expand(2, -1, -1).contiguous()
U, B = torch.zeros(1, 4, dtype=torch.uint8), torch.zeros(1, 6, dtype=torch.int64)
IDS, SCORES = torch.zeros(2, 2, dtype=torch.int32), torch.zeros(2, 2)
PADDING = torch.zeros(2, dtype=torch.bool)

WRONG = [
    (ops.add_rms_norm, (X, X[:1], X[0], 1e-5), ValueError, r"residual must have shape \[\d+, 8\]"),
    (ops.add_rms_norm, (X, X, X[0].half(), 1e-5), TypeError, "weight must be bfloat16"),
    (ops.add_rms_norm, (X, X, X[0], float("nan")), ValueError, "eps must be a number of at least 0, not nan"),
    (ops.add_rms_norm_route, (X, X, X[0], 0.0, X[0], 1), ValueError, r"router must be \[experts, hidden\]"),
    (ops.add_rms_norm_route, (X, X, X[0], 0.0, X[:2, :4].clone(), 1), ValueError, r"router must have shape \[2, 8\]"),
    (
        ops.add_rms_norm_route,
        (X, X, X[0], 0.0, X[:2], 3),
        ValueError,
        "top_k must be 1 to the router's 2 experts, not 3",
    ),
    (ops.pack_mask, (torch.zeros(2, 1, 6),), TypeError, "mask must be bool"),
    (ops.pack_mask, (torch.zeros(6, dtype=torch.bool),), ValueError, r"mask must be \[tokens"),
    (ops.pack_mask, (torch.zeros(6, 2, dtype=torch.bool).T,), ValueError, "mask must be contiguous"),
    (ops.predict, (X[0], FC1, FC2), ValueError, r"x must be \[tokens, hidden\]"),
    (ops.predict, (X.int(), FC1, FC2, 0.0), TypeError, "x must be bfloat16 or float16"),
    (ops.predict, (X.float(), FC1, FC2), ValueError, "pass it explicitly"),
    (ops.predict, (X.repeat(1, 2)[:, ::2], FC1, FC2), ValueError, "x must be contiguous"),
    (ops.predict, (X, FC1.half(), FC2), TypeError, "fc1 must be bfloat16"),
    (ops.predict, (X, FC1[:, :, :4], FC2), ValueError, r"fc1 must have shape \[1, 4, 8\]"),
    (ops.predict, (X, FC1[0, 0], FC2), ValueError, "fc1 must be"),
    (ops.predict, (X, FC1, FC2[0]), ValueError, "fc2 must be"),
    (ops.predict, (X, FC1, FC2[:, :, :2]), ValueError, r"fc2 must have shape \[1, 6, 4\]"),
    (ops.predict, (X, FC1, FC2, 0.0, IDS), ValueError, "topk_ids must be None"),
    (ops.predict, (X, FC1_2, FC2_2), ValueError, "topk_ids is needed for 2 experts"),
    (ops.predict, (X, FC1_2, FC2_2, 0.0, IDS.long()), TypeError, "topk_ids must be int32.*convert"),
    (ops.predict, (X, FC1_2, FC2_2, 0.0, IDS[0]), ValueError, r"topk_ids must be \[tokens, top_k\]"),
    (ops.predict, (X, FC1, FC2, 0.0, None, PADDING[:1]), ValueError, r"padding must have shape \[2\]"),
    (ops.predict, (X, FC1, FC2, 0.0, None, PADDING.int()), TypeError, "padding must be bool"),
    (ops.ffn, (X, W[0, 0], U, B), ValueError, r"weights must be \[experts"),
    (ops.ffn, (X, W[:, :, :2], U, B), ValueError, r"weights must have shape \[1, 6, 3, 8\]"),
    (ops.ffn, (X, W2, U, B), ValueError, "weights must be of one expert"),
    (ops.ffn, (X, W, U[:, :2], B), ValueError, "union_bits must have shape"),
    (ops.ffn, (X, W, U.int(), B), TypeError, "union_bits must be uint8"),
    (ops.ffn, (X, W, U, B[:, :5]), ValueError, "token_bits must have shape"),
    (ops.ffn, (X, W, U, B.int()), TypeError, "token_bits must be int64"),
    (ops.ffn, (X, W, U, B, "swiglu"), ValueError, 'activation must be "drelu" or "reglu"'),
    (ops.ffn, (X, W, U, B, "drelu", 0.1), ValueError, "gate_threshold must be 0"),
    (ops.ffn, (X, W, U, B, "reglu", -0.1), ValueError, "gate_threshold must not be negative"),
    (ops.ffn, (X, W, U, B, "reglu", float("nan")), ValueError, "gate_threshold must not be negative"),
    (ops.ffn_gate_first, (X, W2), ValueError, "weights must be of one expert"),
    (ops.moe, (X, W, IDS, SCORES), ValueError, "weights must be of several experts"),
    (ops.moe, (X, W2, IDS, SCORES.half()), TypeError, "topk_weights must be float32"),
    (ops.moe, (X, W2, IDS, SCORES[:, :1]), ValueError, "topk_weights must have shape"),
    (ops.moe, (X, W2, IDS[:1], SCORES), ValueError, "topk_ids must have shape"),
    (ops.moe, (X, W2, IDS, SCORES, FC1_2), ValueError, "fc1 and fc2 must be given together"),
    (ops.moe, (X, W2, IDS, SCORES, FC1_2, FC2_2[:, :5].contiguous()), ValueError, "fc2 must have the experts"),
]


@pytest.mark.parametrize(("op", "args", "error", "message"), WRONG, ids=[f"{w[0].__name__}-{w[3]}" for w in WRONG])
def test_wrong_arguments_are_named(op, args, error, message):
    with pytest.raises(error, match=message):
        op(*args)
