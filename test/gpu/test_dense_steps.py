"""What the dense path does around its GEMMs, against the same operators on the CPU: bit for bit but for sums."""

import pytest
import torch
from turbosparse import _library, reference
from turbosparse.ops import registration  # noqa: F401  registers the operators
from turbosparse.reference.active_set import token_words, union_bytes

pytestmark = pytest.mark.cuda

_ops = torch.ops.turbosparse
dtypes = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])
by_rows = pytest.mark.parametrize("rows", [1, 7, 64, 65, 300])
# Whole 16-byte vectors of whole and of part of a block's neurons, and rows of no vector.
by_columns = pytest.mark.parametrize("columns", [1000, 4096, 8, 333, 31])
THRESHOLD = 2.0**-7


def values(generator, *shape):
    """Normal, with some of what comparisons treat in their own way."""
    result = torch.randn(shape, generator=generator) / 16
    special = torch.tensor([THRESHOLD, -THRESHOLD, 0.0, -0.0, torch.nan, torch.inf, -torch.inf])
    chosen = torch.randint(0, 20 * len(special), shape, generator=generator)
    return torch.where(chosen < len(special), special[chosen.clamp(max=len(special) - 1)], result)


def flags(generator, rows):
    return torch.rand(rows, generator=generator) < 0.3


def on_device(arguments):
    return [value.cuda() if isinstance(value, torch.Tensor) else value for value in arguments]


def packed(columns, words, device, arguments):
    """The outputs of pack_logits_ into some neurons of larger ones, which start as what must not remain."""
    bits = torch.full((words, columns + 96), -1, dtype=torch.int64, device=device)
    union = torch.zeros(union_bytes(columns + 96), dtype=torch.uint8, device=device)
    union[4] = 1
    part = union[4 : 4 + union_bytes(columns)]
    _ops.pack_logits_(bits[:, 32 : 32 + columns], part, *arguments)
    return bits.cpu(), union.cpu()


def assert_packs_as_on_the_cpu(columns, arguments):
    words = token_words(len(arguments[0]))
    mine = packed(columns, words, "cuda", on_device(arguments))
    theirs = packed(columns, words, "cpu", arguments)
    assert theirs[0][:, 32 : 32 + columns].any()
    assert torch.equal(mine[0], theirs[0])
    assert torch.equal(mine[1], theirs[1])


@dtypes
@by_rows
@by_columns
@pytest.mark.parametrize("some_dropped", [False, True])
def test_logits_are_packed(dtype, rows, columns, some_dropped):
    generator = torch.Generator().manual_seed(rows)
    dropped = flags(generator, rows) if some_dropped and rows > 1 else None
    logits = values(generator, rows, columns).to(dtype)
    assert_packs_as_on_the_cpu(columns, (logits, None, None, dropped, dtype, THRESHOLD))


@dtypes
@by_rows
@by_columns
def test_sums_are_scaled_and_rounded_before_they_are_compared(dtype, rows, columns):
    generator = torch.Generator().manual_seed(rows)
    scale = torch.rand(columns, generator=generator) * 4 * THRESHOLD
    scale[::5] = 0.0
    sums = torch.randn((rows, columns), generator=generator)
    # Logits of the threshold and of a little more, that rounds to it.
    sums[:, 1::3] = (THRESHOLD * (1 + 2.0**-14) / scale)[1::3]
    sums[0] = values(generator, columns)
    sums[:, 0] = torch.nan
    assert_packs_as_on_the_cpu(columns, (sums, scale, None, None, dtype, THRESHOLD))


@dtypes
@by_rows
@by_columns
@pytest.mark.parametrize("wide", [False, True])
def test_scales_of_sorted_rows_are_those_of_their_experts(dtype, rows, columns, wide):
    generator = torch.Generator().manual_seed(rows)
    ends = torch.tensor([0, rows // 3, rows // 3, rows // 2, rows - rows // 8], dtype=torch.int32)
    # Of all neurons, of which these are some.
    scale = torch.rand((len(ends), columns + 40), generator=generator)[:, 32 : 32 + columns]
    sums = values(generator, rows, columns).to(torch.float32 if wide else dtype)
    assert_packs_as_on_the_cpu(columns, (sums, scale, ends, None, dtype, THRESHOLD))


@dtypes
@by_rows
@by_columns
@pytest.mark.parametrize("function", [("drelu", 0.0), ("reglu", 0.02)], ids=["drelu", "reglu"])
@pytest.mark.parametrize("masked", ["bits", "rows", "both", "neither"])
def test_activations(dtype, rows, columns, function, masked):
    generator = torch.Generator().manual_seed(rows)
    gate, up = (values(generator, rows, columns).to(dtype) for _ in range(2))
    mask = torch.rand((rows, 1, columns), generator=generator) < 0.5
    bits = reference.pack_mask(mask)[1] if masked in ("bits", "both") else None
    dropped = flags(generator, rows) if masked in ("rows", "both") else None
    mine = on_device((gate, up, bits, dropped))
    _ops.activate_(*mine, *function)
    _ops.activate_(gate, up, bits, dropped, *function)
    torch.testing.assert_close(mine[0].cpu(), gate, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("tokens", [1, 5, 512, 1400])
@pytest.mark.parametrize(("experts", "top_k"), [(8, 2), (64, 6), (3, 1)])
@pytest.mark.parametrize("padded", [False, True])
def test_slots_are_grouped(tokens, experts, top_k, padded):
    generator = torch.Generator().manual_seed(tokens)
    ids = torch.randint(-1, experts + 1, (tokens, top_k), generator=generator, dtype=torch.int32)
    ids[ids == 1] = 0
    padding = flags(generator, tokens) if padded else None
    theirs = _ops.group_tokens(ids, padding, experts)
    mine = _ops.group_tokens(*on_device((ids, padding)), experts)
    for one, other in zip(mine, theirs):
        assert torch.equal(one.cpu(), other)


@dtypes
@pytest.mark.parametrize("tokens", [1, 65, 300])
@pytest.mark.parametrize("hidden", [8, 1536, 4096])
@pytest.mark.parametrize("top_k", [1, 2, 6])
def test_slots_are_summed(dtype, tokens, hidden, top_k):
    generator = torch.Generator().manual_seed(tokens)
    rows = torch.randn((tokens * top_k, hidden), generator=generator).to(dtype)
    position = torch.randperm(tokens * top_k, generator=generator, dtype=torch.int32).view(tokens, top_k)
    weights = torch.rand((tokens, top_k), generator=generator)
    # Slots of no expert have rows that nothing was written to, and any weight.
    nowhere = torch.rand((tokens, top_k), generator=generator) < 0.2
    rows[position[nowhere]] = torch.nan
    weights[nowhere] = torch.inf
    position[nowhere] = -1
    mine, theirs = (torch.full((tokens, hidden), torch.nan, dtype=dtype) for _ in range(2))
    mine = mine.cuda()
    _ops.sum_slots_(mine, *on_device((rows, position, weights)))
    _ops.sum_slots_(theirs, rows, position, weights)
    # Sums in float32, of products that may be rounded or not before they are added.
    step = reference.unit_roundoff(dtype)
    torch.testing.assert_close(mine.cpu(), theirs, rtol=2 * step, atol=2.0**-20)


def exports():
    """Arguments of each export that are right, by name and in order."""
    rows, columns = 70, 64
    logits = torch.zeros((rows, columns), dtype=torch.bfloat16, device="cuda")
    bits = torch.zeros((2, columns), dtype=torch.int64, device="cuda")
    dropped = torch.zeros(rows, dtype=torch.bool, device="cuda")
    ids, position = (torch.zeros((rows, 2), dtype=torch.int32, device="cuda") for _ in range(2))
    ends = torch.zeros(5, dtype=torch.int32, device="cuda")
    scale = torch.zeros((5, columns), device="cuda")
    token = torch.zeros(2 * rows, dtype=torch.int32, device="cuda")
    union = torch.zeros(8, dtype=torch.uint8, device="cuda")
    outputs = {"token_bits": bits, "union_bits": union}
    return {
        "pack_logits": {"logits": logits, "scale": scale, "ends": ends, "dropped": dropped, "dtype": 0}
        | {"threshold": 0.0, **outputs},
        "activate": {"gate": logits, "up": logits.clone(), "token_bits": bits, "dropped": dropped}
        | {"activation": 0, "gate_threshold": 0.0},
        "group_tokens": {"topk_ids": ids, "padding": dropped, "token": token, "position": position, "ends": ends},
        "sum_slots": {"rows": logits.repeat(2, 1), "position": position}
        | {"topk_weights": position.float(), "out": logits.clone()},
    }


def wrong(value):
    """Tensors of another dtype, shape, device and layout."""
    yield value.double()
    yield value[:-1]
    yield value.cpu()
    yield torch.zeros((*value.shape[:-1], 2 * value.shape[-1]), dtype=value.dtype, device=value.device)[..., ::2]


@pytest.mark.parametrize(
    ("export", "argument"),
    [
        *(("pack_logits", name) for name in ("scale", "dropped", "token_bits", "union_bits")),
        *(("activate", name) for name in ("up", "token_bits", "dropped")),
        *(("group_tokens", name) for name in ("padding", "token", "position")),
        *(("sum_slots", name) for name in ("position", "topk_weights")),
    ],
)
def test_exports_check_every_tensor(export, argument):
    right = exports()[export]
    function = getattr(_library.functions(0), export)
    function(*right.values())
    for value in wrong(right[argument]):
        with pytest.raises((TypeError, ValueError), match=f"`{argument}`"):
            function(*(right | {argument: value}).values())


def test_float32_logits_need_a_scale_and_groups_too():
    right = exports()["pack_logits"]
    function = _library.functions(0).pack_logits
    for change in ({"logits": right["logits"].float(), "ends": None}, {}):
        with pytest.raises(ValueError, match=r"`(scale|ends)`"):
            function(*(right | {"scale": None} | change).values())
    with pytest.raises(TypeError, match="`logits`"):
        function(*(right | {"dtype": 1}).values())
