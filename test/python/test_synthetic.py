"""Planted densities, overlaps, predictors and gates, and the checkpoints made of them."""

import dataclasses
import hashlib
import sys

import pytest
import torch
from turbosparse import reference, synthetic
from turbosparse.synthetic import PRESETS, ModelShape, writer
from turbosparse.weights import Checkpoint, layout_for, load_ffn, load_predictor

MEASURED = {1: 0.101, 2: 0.172, 4: 0.272, 8: 0.389, 16: 0.512, 32: 0.628, 64: 0.728}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("density", [0.0, 1 / 14336, 0.05, 0.1, 0.5, 1.0])
def test_each_token_activates_exactly_the_density(density):
    mask = synthetic.plant_mask(5, 2, 14336, density, 0.45, seeded())
    assert (mask.sum(-1) == round(density * 14336)).all()


def test_union_grows_as_planned():
    mask = synthetic.plant_mask(64, 1, 14336, 0.101, 0.45, seeded())
    for tokens, union in MEASURED.items():
        assert synthetic.expected_union(0.101, 0.45, tokens) == pytest.approx(union, abs=0.003)
        assert mask[:tokens].any(0).float().mean() == pytest.approx(union, abs=0.015)


@pytest.mark.parametrize(("overlap", "union"), [(0.0, 1 - 0.9**8), (1.0, 0.1)])
def test_extremes_of_overlap(overlap, union):
    mask = synthetic.plant_mask(8, 1, 20000, 0.1, overlap, seeded())
    assert mask.any(1).any(0).float().mean() == pytest.approx(union, abs=0.01)
    assert synthetic.expected_union(0.1, overlap, 8) == pytest.approx(union, abs=1e-3)


def test_overlap_is_found_for_a_union():
    assert synthetic.overlap_for_union(0.101, 8, 0.389) == pytest.approx(0.45, abs=0.01)
    with pytest.raises(ValueError, match="union must lie within"):
        synthetic.overlap_for_union(0.1, 2, 0.5)
    with pytest.raises(ValueError, match="density must lie within 0 and 1"):
        synthetic.plant_mask(1, 1, 8, 1.1, 0.0, seeded())


@pytest.mark.parametrize("overlap", [0.0, 0.45, 1.0])
def test_a_mixture_reads_what_its_tokens_visit(overlap):
    masks = synthetic.plant_mask(32, 8, 4096, 0.15, overlap, seeded())
    routed = torch.rand((32, 8), generator=seeded(1)).argsort(1) < 2
    union = float((masks & routed[..., None]).any(0).float().mean())
    assert synthetic.expected_union(0.15, overlap, 32, visits=2 / 8) == pytest.approx(union, abs=0.015)


@pytest.mark.parametrize(("density", "overlap"), [(0.1, 0.2), (0.1, 0.45), (0.3, 0.8)])
@pytest.mark.parametrize("visits", [1.0, 0.25])
def test_overlap_is_found_for_a_growth(density, overlap, visits):
    growth = {tokens: synthetic.expected_union(density, overlap, tokens, visits) for tokens in (1, 2, 8, 64)}
    assert synthetic.fit_overlap(growth, visits) == pytest.approx(overlap, abs=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("tokens", "rank", "density"), [(1, 64, 0.1), (7, 192, 0.5), (64, 64, 0.0), (64, 448, 1.0)])
def test_planted_predictor_selects_the_mask_with_room_to_spare(dtype, tokens, rank, density):
    generator = seeded()
    x = synthetic.random_inputs(tokens, 512, dtype, generator)
    mask = synthetic.plant_mask(tokens, 2, 333, density, 0.45, generator)
    fc1, fc2 = synthetic.plant_predictor(x, mask, rank, generator)
    threshold = reference.default_threshold(dtype)
    assert torch.equal(reference.predict_mask(x, fc1, fc2, threshold), mask)
    logits, margin = reference.logit_margin(x, fc1, fc2, None)
    assert ((logits - threshold).abs() > 4 * margin).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_hard_predictor_crowds_the_threshold(dtype):
    generator = seeded()
    x = synthetic.random_inputs(8, 512, dtype, generator)
    mask = synthetic.plant_mask(8, 1, 2000, 0.2, 0.45, generator)
    fc1, fc2 = synthetic.plant_predictor(x, mask, 128, generator, hard=True)
    threshold = reference.default_threshold(dtype)
    logits, margin = reference.logit_margin(x, fc1, fc2)
    uncertain = (logits - threshold).abs() <= margin
    assert 0.05 < uncertain.float().mean() < 0.7
    assert ((logits - threshold).abs() < 0.1 * threshold).all()
    mine = reference.predict_mask(x, fc1, fc2, threshold)
    assert torch.equal(mine[~uncertain], (logits > threshold)[~uncertain])
    assert 0.9 < (mine == mask).float().mean() < 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_logits_crowd_around_the_threshold(dtype):
    generator = seeded()
    x = synthetic.random_inputs(8, 512, dtype, generator)
    fc1 = torch.stack([synthetic.population_fc1(512, 256, dtype, generator) for _ in range(2)])
    fc2 = torch.stack([synthetic.population_fc2(1000, 256, 0.1, 0.45, dtype, generator) for _ in range(2)])
    before = reference.float64.logits(x, fc1, fc2)
    synthetic.crowd_threshold(x, fc1, fc2, generator, share=0.4, width=0.03)
    after = reference.float64.logits(x, fc1, fc2)
    for expert in range(2):
        distance = (after[:, expert] - reference.default_threshold(dtype)).abs() / before[:, expert].std()
        assert (distance <= 0.035).double().mean() == pytest.approx(0.4, abs=0.03)
        assert (distance <= 0.015).double().mean() == pytest.approx(0.2, abs=0.03)
        moved = (after - before)[:, expert].abs() > 0.02 * before[:, expert].std()
        assert moved.double().mean() == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_planted_gate_opens_the_mask(dtype):
    generator = seeded()
    x = synthetic.random_inputs(16, 256, dtype, generator)
    weights = synthetic.random_weights(2, 333, 256, dtype, generator)
    before = weights.clone()
    mask = synthetic.plant_mask(16, 2, 333, 0.15, 0.45, generator)
    synthetic.plant_gate(weights, x, mask, generator)
    for expert in range(2):
        gate = x.double() @ weights[expert, :, 0].double().T
        assert torch.equal(gate > 0, mask[:, expert])
        assert gate.abs().min() > 0.3
    assert torch.equal(weights[:, :, 1:], before[:, :, 1:])


def test_too_many_tokens_are_refused():
    x = synthetic.random_inputs(65, 64, torch.bfloat16, seeded())
    mask = synthetic.plant_mask(65, 1, 10, 0.5, 0.0, seeded())
    with pytest.raises(ValueError, match="rank 64 cannot tell 65 tokens apart"):
        synthetic.plant_predictor(x, mask, 64, seeded())
    with pytest.raises(ValueError, match="65 tokens of only 64 dimensions"):
        synthetic.plant_predictor(x, mask, 128, seeded())


SHAPE = ModelShape("bamboo", 512, 4000, 2, 4, 2, 300, ranks=(256, 512), head_dim=64, density=0.1)


def residual_and_normed(checkpoint, shape):
    """What layer 0 sees, attention left out: its output is small beside the embeddings."""
    name = "model.embed_tokens.weight"
    rows = checkpoint.tensor(name, (shape.vocab, shape.hidden), torch.bfloat16)
    return rows, torch.nn.functional.rms_norm(rows, (shape.hidden,), eps=1e-5)


def test_checkpoint_predictors_meet_density_and_overlap(tmp_path):
    synthetic.write_model(tmp_path / "m", SHAPE)
    checkpoint = Checkpoint(tmp_path / "m")
    residual, _ = residual_and_normed(checkpoint, SHAPE)
    for layer in range(2):
        predictor = load_predictor(checkpoint, layout_for("bamboo"), layer)
        fc1, fc2, *scales = predictor
        mask = reference.predict_mask(residual, fc1, fc2, 0.0, *scales)
        assert mask.float().mean() == pytest.approx(0.1, abs=0.02)
        assert mask[:8].any(0).float().mean() == pytest.approx(synthetic.expected_union(0.1, 0.45, 8), abs=0.05)


def test_checkpoint_gates_meet_density_and_overlap(tmp_path):
    shape = dataclasses.replace(SHAPE, ranks=())
    synthetic.write_model(tmp_path / "m", shape)
    checkpoint = Checkpoint(tmp_path / "m")
    _, normed = residual_and_normed(checkpoint, shape)
    gates = normed.float() @ load_ffn(checkpoint, layout_for("bamboo"), 1)[0, :, 0].float().T
    assert (gates > 0).float().mean() == pytest.approx(0.1, abs=0.02)
    assert (gates[:8] > 0).any(0).float().mean() == pytest.approx(synthetic.expected_union(0.1, 0.45, 8), abs=0.05)


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_seed_same_files(tmp_path):
    shape = PRESETS["mixtral-tiny"]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        synthetic.write_model(tmp_path / name, shape, seed=seed, shard_bytes=2_000_000)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    shards = [name for name in digests(tmp_path / "a") if name.endswith(".safetensors")]
    assert len(shards) > 2
    assert all(digests(tmp_path / "a")[name] != digests(tmp_path / "c")[name] for name in shards)


@pytest.mark.parametrize(("preset", "size"), [("turbosparse-mistral-7b", 16.0), ("turbosparse-mixtral-47b", 103.6)])
def test_full_size_headers_are_those_of_the_released_models(tmp_path, preset, size):
    folder = tmp_path / "m"
    synthetic.write_model(folder, PRESETS[preset], data=False)
    files = list(folder.glob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) / 1e9 == pytest.approx(size, abs=0.1)
    assert sum(path.stat().st_blocks for path in files) * 512 < 10_000_000
    checkpoint = Checkpoint(folder)
    assert all(checkpoint.entry(name) for name in checkpoint.names())


def test_failure_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(writer, "_write_tensor", fail)
    with pytest.raises(OSError, match="no space"):
        synthetic.write_model(tmp_path / "m", PRESETS["bamboo-tiny"])
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_kept(tmp_path):
    (tmp_path / "m").mkdir()
    with pytest.raises(FileExistsError, match="give a folder that does not"):
        synthetic.write_model(tmp_path / "m", PRESETS["bamboo-tiny"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "opt"}, "family must be one of"),
        ({"dtype": "float32"}, "dtype must be"),
        ({"ranks": (64,)}, "ranks must have one entry for each of 2 layers"),
        ({"layers": 0, "ranks": ()}, "layers must be at least 1, not 0"),
        ({"hidden": -256}, "hidden must be at least 1, not -256"),
        ({"density": 1.0}, "density 1.0"),
        ({"overlap": -1.0}, "overlap -1.0"),
    ],
)
def test_impossible_shapes_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SHAPE, **change)


def test_command_line(tmp_path):
    from turbosparse.synthetic import __main__ as command

    def run(*args):
        sys.argv = ["synthetic", *args]
        command.main()

    argv = sys.argv
    try:
        run(str(tmp_path / "m"), "--preset", "mixtral-tiny", "--layers", "1", "--density", "0.2")
        assert Checkpoint(tmp_path / "m").config["num_hidden_layers"] == 1
        for refused in ([], ["--layers", "0"], ["--layers", "-1"], ["--device", "abacus"]):
            folder = "m" if refused == [] else "n"
            with pytest.raises(SystemExit) as caught:
                run(str(tmp_path / folder), *refused)
            assert caught.value.code == 2
        assert not (tmp_path / "n").exists()
    finally:
        sys.argv = argv
