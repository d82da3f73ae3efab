"""Wrong arguments on the device: at the operators, and at the library's own exports."""

import pytest
import torch
from layers import make_layer
from turbosparse import _library, ops
from turbosparse.manifest import manifest
from turbosparse.weights import quantize_rows

pytestmark = pytest.mark.cuda


@pytest.fixture
def layer(predictor_model, device):
    return make_layer(predictor_model, device, tokens=2, intermediate=333)


def test_devices_must_agree(layer):
    active = ops.pack_mask(layer.mask)
    for name, args in (
        ("weights", (layer.x, layer.weights.cpu(), *active)),
        ("union_bits", (layer.x, layer.weights, active[0].cpu(), active[1])),
        ("token_bits", (layer.x, layer.weights, active[0], active[1].cpu())),
    ):
        with pytest.raises(ValueError, match=f"{name} must be on cuda:0"):
            ops.ffn(*args)
    with pytest.raises(ValueError, match="fc2 must be on cuda:0"):
        ops.predict(layer.x, layer.fc1, layer.fc2.cpu())


def test_dtype_of_the_device(layer):
    with pytest.raises(TypeError, match="x must be bfloat16 or float16, not float32"):
        ops.ffn_gate_first(layer.x.float(), layer.weights.float())


def test_width_that_is_not_built_names_the_command(layer):
    narrow = layer.x[:, :256].contiguous()
    weights = layer.weights[..., :256].contiguous()
    with pytest.raises(RuntimeError, match=r"no ffn_stream kernel is built for .*256.*turbosparse-plugin"):
        ops.ffn(narrow, weights, *ops.pack_mask(layer.mask), *layer.model.function)


@pytest.mark.parametrize("rank", [40, 96])
def test_rank_must_be_a_multiple_of_64(layer, rank):
    fc1, fc2 = (part.repeat(1, 2, 2) for part in (layer.fc1, layer.fc2))
    fc1, fc2 = fc1[:, :rank, : fc1.shape[2] // 2].contiguous(), fc2[:, :333, :rank].contiguous()
    with pytest.raises(ValueError, match="fc1 must have a rank that is a multiple of 64"):
        ops.predict(layer.x, fc1, fc2)


def test_active_set_of_too_many_tokens_is_refused(layer):
    union, bits = ops.pack_mask(layer.mask.repeat(40, 1, 1))
    with pytest.raises(ValueError, match="token_bits must have shape"):
        ops.ffn(layer.x, layer.weights, union, bits)


def exports(layer):
    """Arguments of each export that are right, by name and in order."""
    x, weights = layer.x, layer.weights
    union, bits = ops.pack_mask(layer.mask)
    workspace = torch.empty(2**26, dtype=torch.uint8, device=x.device)
    function = {"activation": 0, "gate_threshold": 0.0, "topk_ids": None, "topk_weights": None}
    threshold = {"threshold": 0.0, "topk_ids": None, "padding": None}
    return {
        "pack_mask": {"mask": layer.mask, "union_bits": union, "token_bits": bits},
        "predict": {"x": x, "fc1": layer.fc1, "fc2": layer.fc2, "fc2_low": None, "fc2_scale": None}
        | {**threshold, "workspace": workspace, "union_bits": union, "token_bits": bits},
        "ffn": {"x": x, "weights": weights, "union_bits": union, "token_bits": bits, **function}
        | {"workspace": workspace, "out": torch.empty_like(x)},
        "gate_first": {"x": x, "weights": weights, **function}
        | {"padding": None, "workspace": workspace, "out": torch.empty_like(x)},
    }


def wrong(value):
    """Tensors of another dtype, rank, shape, device and layout."""
    yield value.float() if value.dtype != torch.float32 else value.int()
    yield value.flatten()[:3]
    yield value.cpu()
    wide = torch.zeros((*value.shape[:-1], 2 * value.shape[-1]), dtype=value.dtype, device=value.device)
    yield wide[..., ::2]


@pytest.mark.parametrize(
    ("export", "argument"),
    [
        ("pack_mask", "mask"),
        ("pack_mask", "union_bits"),
        ("pack_mask", "token_bits"),
        ("predict", "x"),
        ("predict", "fc1"),
        ("predict", "fc2"),
        ("predict", "workspace"),
        ("predict", "union_bits"),
        ("predict", "token_bits"),
        ("ffn", "x"),
        ("ffn", "weights"),
        ("ffn", "union_bits"),
        ("ffn", "token_bits"),
        ("ffn", "workspace"),
        ("ffn", "out"),
        ("gate_first", "x"),
        ("gate_first", "weights"),
        ("gate_first", "workspace"),
        ("gate_first", "out"),
    ],
)
def test_exports_check_every_tensor(layer, export, argument):
    right = exports(layer)[export]
    function = getattr(_library.functions(0), export)
    for value in wrong(right[argument]):
        # A wrong x may show first in what must agree with it, and mask in what is packed from it.
        named = f"`({argument}|weights|fc1|union_bits)`" if argument in ("x", "mask") else f"`{argument}`"
        with pytest.raises((TypeError, ValueError), match=named):
            function(*(right | {argument: value}).values())


def test_exports_check_numbers_and_optional_tensors(layer):
    calls = exports(layer)
    library = _library.functions(0)
    ids = torch.zeros((2, 2), dtype=torch.int32, device=layer.x.device)
    padding = torch.zeros(2, dtype=torch.bool, device=layer.x.device)
    high, low, scale = quantize_rows(layer.fc2)
    planes = {"fc2": high, "fc2_low": low, "fc2_scale": scale}
    for export, change, argument in (
        ("predict", {"fc2": high}, "fc2"),
        ("predict", planes | {"fc2": layer.fc2}, "fc2"),
        ("predict", planes | {"fc2_low": None}, "fc2_low"),
        ("predict", planes | {"fc2_scale": None}, "fc2_scale"),
        ("predict", planes | {"fc2_low": low[:, :-1]}, "fc2_low"),
        ("predict", planes | {"fc2_low": layer.fc2}, "fc2_low"),
        ("predict", planes | {"fc2_scale": scale[:, :-1]}, "fc2_scale"),
        ("predict", planes | {"fc2_scale": scale.double()}, "fc2_scale"),
        ("ffn", {"activation": 2}, "activation"),
        ("ffn", {"topk_ids": ids}, "topk_ids"),
        ("predict", {"topk_ids": ids}, "topk_ids"),
        ("predict", {"padding": padding[:1]}, "padding"),
        ("gate_first", {"padding": padding.int()}, "padding"),
    ):
        with pytest.raises((TypeError, ValueError), match=f"`{argument}`"):
            getattr(library, export)(*(calls[export] | change).values())


def test_workspace_request_is_checked():
    library = _library.functions(0)
    assert library.workspace_bytes("ffn", 1, 4096, 14336, 1, 0) > 0
    with pytest.raises(ValueError, match="`op`"):
        library.workspace_bytes("fnn", 1, 4096, 14336, 1, 0)


def test_names_of_built_kernels_are_those_of_the_manifest():
    named = {kernel["name"] for kernel in manifest()["kernels"]}
    assert set(_library.functions(0).built_kernels().split("\n")) == named
