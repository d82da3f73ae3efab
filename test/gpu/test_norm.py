"""The norm between a decoder's branches and its router, against float64, and as servers run them."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from turbosparse import ops
from turbosparse.reference.attention import rms_norm
from turbosparse.reference.routing import top_k_routing

dtypes = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])
# One vector a thread, some threads without one, and several.
by_hidden = pytest.mark.parametrize("hidden", [8, 1536, 4096, 4104, 8192, 16384])
EPS = 1e-5


def arguments(dtype: torch.dtype, rows: int, hidden: int, device: str, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator(device).manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device).to(dtype)

    return normal(rows, hidden), 3 * normal(rows, hidden), 1 + normal(hidden) / 4


def check(result: tuple[Tensor, Tensor], x: Tensor, residual: Tensor, weight: Tensor) -> None:
    """The sum bit for bit, its norm as near as two roundings to the dtype allow, which near 0 are of fp16's steps."""
    normed, added = result
    assert torch.equal(added, x + residual)
    bounds = {"rtol": 1.25 * torch.finfo(x.dtype).eps, "atol": 2.0**-23}
    torch.testing.assert_close(normed.double(), rms_norm(added.double(), weight.double(), EPS), **bounds)


@dtypes
@by_hidden
@pytest.mark.parametrize("rows", [1, 3, 64, 1000])
def test_norm_is_that_of_float64(dtype, hidden, rows, device):
    values = arguments(dtype, rows, hidden, device)
    check(ops.add_rms_norm(*values, EPS), *values)


@dtypes
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_rows_keep_what_is_no_number_to_themselves(dtype, value, device):
    x, residual, weight = arguments(dtype, 5, 4096, device)
    clean = ops.add_rms_norm(x, residual, weight, EPS)
    x[2, 7] = value
    normed, added = ops.add_rms_norm(x, residual, weight, EPS)
    others = [0, 1, 3, 4]
    assert torch.equal(normed[others], clean[0][others])
    assert torch.equal(added[others], clean[1][others])
    assert normed[2, 7].isnan()


@dtypes
def test_zeros_are_normed_to_zeros(dtype, device):
    zeros = torch.zeros((2, 4096), dtype=dtype, device=device)
    normed, _ = ops.add_rms_norm(zeros, zeros, torch.ones_like(zeros[0]), EPS)
    assert torch.equal(normed, zeros)


@dtypes
@pytest.mark.parametrize(("experts", "top_k"), [(1, 1), (8, 2), (8, 8), (9, 3), (60, 4), (64, 32)])
@pytest.mark.parametrize("hidden", [1536, 4096, 8192])
@pytest.mark.parametrize("rows", [1, 33, 300])
def test_routing_is_that_of_the_normed_rows(dtype, hidden, rows, experts, top_k, device):
    values = arguments(dtype, rows, hidden, device)
    router = torch.randn((experts, hidden), generator=torch.Generator(device).manual_seed(1), device=device).to(dtype)
    router /= hidden**0.5
    normed, added, ids, weights = ops.add_rms_norm_route(*values, EPS, router, top_k)
    check((normed, added), *values)
    logits = functional.linear(normed.double(), router.double())
    right = top_k_routing(logits.to(dtype), top_k)
    assert (ids.dtype, weights.dtype, ids.shape, weights.shape) == (torch.int32, torch.float32, *[(rows, top_k)] * 2)
    # Sums in another order may be rounded to the other side, so that equals, or neighbours, change places.
    step = 2 * torch.finfo(dtype).eps * logits.abs().amax(-1, keepdim=True)
    assert ((logits.gather(1, ids.long()) - logits.gather(1, right[0].long())).abs() <= step).all()
    assert all(len(set(row)) == top_k for row in ids.tolist())
    torch.testing.assert_close(weights, right[1], rtol=0.05, atol=0.01)
    torch.testing.assert_close(weights.sum(1), torch.ones_like(weights[:, 0]))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_rows_of_no_number_go_to_different_experts(value, device):
    x, residual, weight = arguments(torch.bfloat16, 3, 4096, device)
    x[1] = value
    router = torch.randn((8, 4096), generator=torch.Generator(device).manual_seed(1), device=device).bfloat16()
    *_, ids, weights = ops.add_rms_norm_route(x, residual, weight, EPS, router, 2)
    assert len(set(ids[1].tolist()) & set(range(8))) == 2
    assert weights[1].isnan().all()
    assert not weights[[0, 2]].isnan().any()


@pytest.mark.cuda
@dtypes
def test_one_graph_norms_every_input(dtype, device):
    """Between kernels that start before it has ended, and end after it has started."""
    static = [value.clone() for value in arguments(dtype, 4, 4096, device)]
    ops.add_rms_norm(*static, EPS)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        first, added = ops.add_rms_norm(*static, EPS)
        results = ops.add_rms_norm(first, added, static[2], EPS)
    for seed in range(1, 20):
        for buffer, value in zip(static, arguments(dtype, 4, 4096, device, seed)):
            buffer.copy_(value)
        graph.replay()
        once = ops.add_rms_norm(*static, EPS)
        check((first, added), *static)
        check(results, *once, static[2])


@pytest.mark.cuda
def test_opcheck(device):
    values = arguments(torch.bfloat16, 3, 1536, device)
    torch.library.opcheck(torch.ops.turbosparse.add_rms_norm, (*values, EPS))
    torch.library.opcheck(torch.ops.turbosparse.add_rms_norm_route, (*values, EPS, values[0], 2))


@pytest.mark.cuda
@pytest.mark.parametrize("hidden", [12, 16392])
def test_rows_that_no_block_holds_are_refused(hidden, device):
    with pytest.raises(ValueError, match="argument `x`"):
        ops.add_rms_norm(*arguments(torch.bfloat16, 1, hidden, device), EPS)
