"""Exported graphs against the torch model, and what the plugin's nodes are given."""

import numpy as np
import onnx
import pytest
import torch
from runtimes import MODELS, checkpoint, decoder, evaluator, export, onnx_runtime
from turbosparse import reference
from turbosparse.layers import top_k_routing
from turbosparse.reference.decoder import decode

TOKENS = list(range(0, 500, 13))


def logits(model, *, masked=True, tokens=TOKENS):
    layers = model.layers() if masked else (layer._replace(predictor=None) for layer in model.layers())
    return decode(model.embed(tokens), layers, model.norm(), model.head(), model.config)


@pytest.mark.parametrize("name", MODELS)
def test_model_says_what_the_torch_model_says(name, tmp_path):
    source, options = checkpoint(name, tmp_path)
    out = export(source, tmp_path / "graphs", "--graph=model", "--reference", **options)
    for file in ("model", "model.reference"):
        onnx.checker.check_model(str(out / f"{file}.onnx"), full_check=True)

    exact = decoder(source, torch.float32, **options)
    expected = logits(exact)
    if exact.layer(0).predictor is not None:
        assert (logits(exact, masked=False) - expected).abs().max() > 0.5
    for count in (len(TOKENS), 1):
        found = onnx_runtime(out / "model.reference.onnx", input_ids=torch.tensor(TOKENS[:count]))
        torch.testing.assert_close(found, expected[:count], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_model_in_16_bits_errs_as_the_torch_model_does(name, tmp_path):
    source, options = checkpoint(name, tmp_path)
    out = export(source, tmp_path / "graphs", "--graph=model", **options)
    exact, rounded = (logits(decoder(source, dtype, **options)) for dtype in (torch.float64, None))
    found = evaluator(out / "model.onnx", input_ids=torch.tensor(TOKENS))
    assert found.dtype == rounded.dtype
    assert (found.double() - exact).norm() < 1.5 * (rounded.double() - exact).norm()


def expected_layer(layer, config, x, predictor_input):
    """One layer's FFN or mixture in float32."""
    seen = predictor_input if config.predictor_reads_residual else x
    mask = None
    if layer.predictor is not None:
        mask = reference.predict_mask(seen, layer.predictor.fc1, layer.predictor.fc2, config.predictor_threshold)
        assert 0.02 < mask.float().mean() < 0.6
    function = (config.activation, config.gate_threshold)
    if layer.router is None:
        return reference.masked_ffn(x, layer.weights, mask, *function)
    routing = top_k_routing(x @ layer.router.T, config.top_k)
    return reference.masked_moe(x, layer.weights, *routing, mask, *function)


@pytest.mark.parametrize("name", MODELS)
def test_layers_are_what_the_reference_computes(name, tmp_path):
    source, options = checkpoint(name, tmp_path)
    out = export(source, tmp_path / "graphs", "--reference", "--layers=1", **options)
    exact = decoder(source, torch.float32, **options)
    assert sorted(path.name for path in out.iterdir()) == [
        "build-engine.sh",
        "layer-001.onnx",
        "layer-001.reference.onnx",
        "layer-001.weights",
    ]
    generator = torch.Generator().manual_seed(3)
    x, predictor_input = torch.randn((2, 9, exact.config.hidden), generator=generator)
    expected = expected_layer(exact.layer(1), exact.config, x, predictor_input)
    names = [value.name for value in onnx.load(out / "layer-001.onnx", load_external_data=False).graph.input]
    inputs = {"x": x, "predictor_input": predictor_input}
    found = onnx_runtime(out / "layer-001.reference.onnx", **{name: inputs[name] for name in names})
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def shapes(path):
    """The nodes of the plugin as `(name, attributes, {input: (dtype, shape)})`, inferred but for theirs."""
    onnx.checker.check_model(str(path), full_check=True)
    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    known = {tensor.name: (tensor.data_type, list(tensor.dims)) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        known[value.name] = (kind.elem_type, [dim.dim_value or "tokens" for dim in kind.shape.dim])
    for node in graph.node:
        if node.domain == "turbosparse":
            attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
            yield node.op_type, attributes, [known[name] for name in node.input], known[node.output[0]]


BF16, F16, FLOAT, INT32 = (getattr(onnx.TensorProto, name) for name in ("BFLOAT16", "FLOAT16", "FLOAT", "INT32"))


@pytest.mark.parametrize(
    ("name", "node", "activation", "inputs"),
    [
        (
            "bamboo in fp16, with a window",
            "TurboSparseFFN",
            (b"drelu", 0.0),
            [
                (F16, ["tokens", 256]),
                (F16, ["tokens", 256]),
                (F16, [1000, 3, 256]),
                (F16, [192, 256]),
                (F16, [1000, 192]),
            ],
        ),
        ("llama", "TurboSparseFFN", (b"reglu", 0.2), [(BF16, ["tokens", 256]), (BF16, [1000, 3, 256])]),
        (
            "mixtral",
            "TurboSparseMoE",
            (b"drelu", 0.0),
            [
                (BF16, ["tokens", 256]),
                (INT32, ["tokens", 2]),
                (FLOAT, ["tokens", 2]),
                (BF16, [4, 333, 3, 256]),
                (BF16, [4, 128, 256]),
                (BF16, [4, 333, 128]),
            ],
        ),
    ],
)
@pytest.mark.parametrize("graph", ["model", "layers"])
def test_nodes_take_what_the_plugin_takes(graph, name, node, activation, inputs, tmp_path):
    source, options = checkpoint(name, tmp_path)
    out = export(source, tmp_path / "graphs", f"--graph={graph}", **options)
    file = {"model": "model.onnx", "layers": "layer-001.onnx"}[graph]
    kind, attributes, found, output = list(shapes(out / file))[-1]
    assert kind == node
    assert found == inputs
    assert output == inputs[0]
    assert attributes == {
        "plugin_version": b"1",
        "plugin_namespace": b"turbosparse",
        "activation": activation[0],
        "gate_threshold": np.float32(activation[1]),
    }


def test_same_checkpoint_gives_the_same_bytes(tmp_path):
    source, options = checkpoint("mixtral", tmp_path)
    first, second = (
        export(source, tmp_path / name, "--graph=model", "--reference", **options) for name in ("first", "second")
    )
    files = sorted(path.name for path in first.iterdir())
    assert files == ["build-engine.sh", "model.onnx", "model.reference.onnx", "model.weights"]
    for file in files:
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_a_nan_logit_keeps_its_neuron(tmp_path):
    """As in the released model, whose product with a NaN mask is NaN."""
    source, options = checkpoint("bamboo in fp16, with a window", tmp_path)
    out = export(source, tmp_path / "graphs", "--reference", "--layers=0", **options)
    x = torch.randn((2, 256), generator=torch.Generator().manual_seed(1))
    seen = x.clone()
    seen[1, 3] = float("nan")
    found = onnx_runtime(out / "layer-000.reference.onnx", x=x, predictor_input=seen)
    layer = decoder(source, torch.float32, **options).layer(0)
    exact = reference.masked_ffn(x, layer.weights)
    torch.testing.assert_close(found[1], exact[1], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found[0], exact[0], atol=0.1)
