"""Loading layers of written checkpoints: values, shards, errors and memory."""

import dataclasses
import json
import sys

import pytest
import torch
from turbosparse import ops, reference, synthetic
from turbosparse.errors import CheckpointError
from turbosparse.reference import PredictorWeights
from turbosparse.synthetic import PRESETS, ModelShape
from turbosparse.weights import Checkpoint, layer_shape, layout_for, load_ffn, load_predictor

TINY = {
    "bamboo": PRESETS["bamboo-tiny"],
    "turbosparsemixtral": PRESETS["mixtral-tiny"],
    **{
        family: ModelShape(family, 256, 90, 1, heads=4, kv_heads=2, vocab=64, head_dim=64, dtype="float16")
        for family in ("llama", "minicpm", "qwen2", "sparsellama")
    },
    "smallthinker": ModelShape("smallthinker", 256, 40, 1, 4, 2, 64, experts=3, top_k=2, head_dim=64),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    for family, shape in TINY.items():
        synthetic.write_model(root / family, shape, shard_bytes=700_000)
    return root


def opened(folders, family):
    checkpoint = Checkpoint(folders / family)
    return checkpoint, layout_for(checkpoint.config["model_type"])


@pytest.mark.parametrize("family", TINY)
def test_neuron_major_weights_are_the_checkpoints_rows(folders, family):
    shape, (checkpoint, layout) = TINY[family], opened(folders, family)
    dtype = getattr(torch, shape.dtype)
    for layer in range(shape.layers):
        ranks = shape.ranks[layer] if shape.ranks else 0
        found = layer_shape(checkpoint, layout, layer)
        assert dataclasses.astuple(found) == (shape.experts, shape.intermediate, shape.hidden, ranks, dtype)
        weights = load_ffn(checkpoint, layout, layer)
        assert weights.shape == (shape.experts, shape.intermediate, 3, shape.hidden)
        for expert in range(shape.experts):
            for row, template in enumerate((layout.gate, layout.up, layout.down)):
                name = layout.name(template, layer, expert)
                size = (shape.intermediate, shape.hidden)
                tensor = checkpoint.tensor(name, size if row < 2 else size[::-1], dtype)
                assert torch.equal(weights[expert, :, row], tensor if row < 2 else tensor.T)


@pytest.mark.parametrize(("family", "size"), [("bamboo", 4), ("turbosparsemixtral", 3)])
def test_shards_add_up_to_the_layer(folders, family, size):
    checkpoint, layout = opened(folders, family)
    whole = load_ffn(checkpoint, layout, 1)
    fc1, fc2, *planes = load_predictor(checkpoint, layout, 1)
    assert planes == [None, None]
    shards = [load_ffn(checkpoint, layout, 1, tensor_parallel=(rank, size)) for rank in range(size)]
    predictors = [load_predictor(checkpoint, layout, 1, tensor_parallel=(rank, size)) for rank in range(size)]
    assert torch.equal(torch.cat(shards, 1), whole)
    assert torch.equal(torch.cat([part.fc2 for part in predictors], 1), fc2)
    assert all(torch.equal(part.fc1, fc1) for part in predictors)

    x = torch.randn(3, 256).bfloat16()
    mask = reference.predict_mask(x, fc1, fc2, 0.0)
    total = sum(
        reference.float64.ffn(x, shard, reference.predict_mask(x, predictor.fc1, predictor.fc2, 0.0))
        for shard, predictor in zip(shards, predictors)
    )
    torch.testing.assert_close(total, reference.float64.ffn(x, whole, mask))


def test_loading_into_a_given_place_makes_no_other(folders):
    checkpoint, layout = opened(folders, "bamboo")
    model = torch.zeros(2, 1, 1000, 3, 256, dtype=torch.bfloat16)
    assert load_ffn(checkpoint, layout, 1, out=model[1]).data_ptr() == model[1].data_ptr()
    assert torch.equal(model[1], load_ffn(checkpoint, layout, 1))
    assert not model[0].any()
    fc1, fc2 = torch.empty(1, 192, 256).bfloat16(), torch.empty(1, 1000, 192).bfloat16()
    assert load_predictor(checkpoint, layout, 1, out=PredictorWeights(fc1, fc2)).fc2 is fc2


@pytest.mark.parametrize(("bits", "dtype"), [(16, torch.bfloat16), (8, torch.int8)])
def test_loaded_layer_runs(folders, bits, dtype):
    checkpoint, layout = opened(folders, "bamboo")
    x = torch.randn(2, 256).bfloat16()
    predictor = load_predictor(checkpoint, layout, 0, fc2_bits=bits)
    assert (predictor.fc1.dtype, predictor.fc2.dtype) == (torch.bfloat16, dtype)
    active = ops.predict(x, **predictor._asdict())
    assert ops.ffn(x, load_ffn(checkpoint, layout, 0), *active).isfinite().all()


def test_wrong_requests_are_named(folders):
    checkpoint, layout = opened(folders, "bamboo")
    with pytest.raises(ValueError, match="1000 neurons do not split into 3"):
        load_ffn(checkpoint, layout, 0, tensor_parallel=(0, 3))
    with pytest.raises(ValueError, match="0 <= rank < size"):
        load_ffn(checkpoint, layout, 0, tensor_parallel=(2, 2))
    with pytest.raises(ValueError, match="out must be"):
        load_ffn(checkpoint, layout, 0, out=torch.empty(1, 1000, 3, 256))
    with pytest.raises(CheckpointError, match=r"has no tensor model\.layers\.2\.mlp\.gate_proj\.weight"):
        load_ffn(checkpoint, layout, 2)
    llama, llama_layout = opened(folders, "llama")
    with pytest.raises(CheckpointError, match="has no predictor in layer 0"):
        load_predictor(llama, llama_layout, 0)
    with pytest.raises(CheckpointError, match="model_type 'opt' is not supported; known are bamboo"):
        layout_for("opt")


def test_bamboo_without_predictor(tmp_path):
    shape = dataclasses.replace(PRESETS["bamboo-tiny"], ranks=())
    synthetic.write_model(tmp_path / "m", shape)
    checkpoint, layout = opened(tmp_path, "m")
    assert layer_shape(checkpoint, layout, 0).rank == 0
    assert load_ffn(checkpoint, layout, 0).shape == (1, 1000, 3, 256)
    with pytest.raises(CheckpointError, match="no predictor"):
        load_predictor(checkpoint, layout, 0)


def test_unexpected_shapes_and_experts_are_named(tmp_path):
    synthetic.write_model(tmp_path / "m", PRESETS["mixtral-tiny"])
    config = tmp_path / "m" / "config.json"
    values = json.loads(config.read_text())
    for count, message in (
        (5, r"no tensor model.layers.0.block_sparse_moe.experts.4.w1.weight"),
        (None, "number of experts as num_local_experts, found None"),
    ):
        config.write_text(json.dumps(values | {"num_local_experts": count}))
        with pytest.raises(CheckpointError, match=message):
            load_ffn(*opened(tmp_path, "m"), 0)
    config.write_text(json.dumps(values))
    checkpoint, layout = opened(tmp_path, "m")
    swapped = dataclasses.replace(layout, down=layout.up)
    with pytest.raises(CheckpointError, match=r"experts.0.w3.weight is bfloat16 \[333, 256\], expected .*\[256, 333\]"):
        load_ffn(checkpoint, swapped, 0)


PEAK = """
import sys, threading, torch
from turbosparse.weights import Checkpoint, layout_for, load_ffn, load_predictor
torch.set_num_threads(1)

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))

checkpoint = Checkpoint(sys.argv[1])
torch.ones(4, 4).bfloat16().T.contiguous()
before, peak, done = anonymous(), 0, threading.Event()
def watch():
    global peak
    while not done.wait(0.0005):
        peak = max(peak, anonymous())
watcher = threading.Thread(target=watch)
watcher.start()
if sys.argv[2] == "ffn":
    loaded = [load_ffn(checkpoint, layout_for("bamboo"), 0)]
else:
    loaded = load_predictor(checkpoint, layout_for("bamboo"), 0, fc2_bits=8)
peak = max(peak, anonymous())
done.set(); watcher.join()
print((peak - before) / sum(tensor.nbytes for tensor in loaded))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("what", "size", "most"),
    [
        ("ffn", {"hidden": 2048, "intermediate": 8192, "ranks": ()}, 1.05),
        # Two blocks of 1024 rows in float32, where all of them would take 5 times the destination.
        ("int8 predictor", {"hidden": 512, "intermediate": 32768, "ranks": (1024,)}, 1.3),
    ],
)
def test_peak_memory_is_the_destination(python, tmp_path, what, size, most):
    shape = dataclasses.replace(PRESETS["bamboo-tiny"], layers=1, **size)
    synthetic.write_model(tmp_path / "m", shape)
    result = python("-c", PEAK, str(tmp_path / "m"), what)
    assert result.returncode == 0, result.stderr
    assert 0.95 < float(result.stdout) < most
