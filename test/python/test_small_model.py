"""The small model's text, tokenizer and training, and that its checkpoint computes what was trained."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from small_model import text
from small_model.export import export
from small_model.fit import fit
from small_model.model import SmallModel
from small_model.report import measure
from small_model.settings import SETTINGS
from small_model.tokenizer import END, Tokenizer, learn
from small_model.train import main
from turbosparse.profile.prompts import tokenize
from turbosparse.reference.decoder import decode
from turbosparse.synthetic import MEASURED_UNIONS
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder

SETTINGS_HERE = dataclasses.replace(SETTINGS["tiny"], steps=100, learning_rate=6e-3)
TEXTS = ["def area(width, height):\n    return width * height\n", "Größe: 12 ½\t\u2003日本\r\n", "aaaaaaa", ""]


def test_text_is_split_by_file():
    trained, held_out = text.read_text(600_000)
    assert len(trained) > 10 * len(held_out) > 0
    assert not set(trained) & set(held_out)
    assert text.read_text(600_000) == (trained, held_out)
    shorter, _ = text.read_text(300_000)
    assert 0 < sum(map(len, shorter)) < sum(map(len, trained)) < 600_000 + 600_000


def test_merges_are_of_the_most_frequent_pairs():
    tokenizer = learn(["abab abab", "abc"], 259)
    assert tokenizer.merges == [(ord("a"), ord("b")), (256, 256)]
    assert tokenizer.end == 258
    assert tokenizer.encode("ababc ab") == [257, ord("c"), ord(" "), 256]


@pytest.mark.parametrize("sample", TEXTS)
def test_every_text_survives(sample):
    tokenizer = learn(TEXTS, 280)
    tokens = tokenizer.encode(sample)
    assert tokenizer.decode([*tokens, tokenizer.end]) == sample
    assert len(tokens) <= len(sample.encode())


def test_tokenizer_file_names_every_token():
    content = learn(TEXTS, 280).as_json()
    vocabulary = content["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(280))
    assert vocabulary[END] == 279
    assert all(left + right in vocabulary for left, right in content["model"]["merges"])
    # The names of bytes that are printed as others in this format.
    assert (vocabulary["Ġ"], vocabulary["Ċ"]) == (ord(" "), ord("\n"))


def test_tokenizer_file_reads_the_same_elsewhere():
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = learn(TEXTS, 280)
    other = tokenizers.Tokenizer.from_str(json.dumps(tokenizer.as_json()))
    for sample in TEXTS:
        assert other.encode(sample).ids == tokenizer.encode(sample)
        assert other.decode(other.encode(sample).ids) == sample


@pytest.fixture(scope="module")
def trained():
    """A model after 100 steps on a text that repeats itself, and what was reported."""
    torch.manual_seed(0)
    model = SmallModel(SETTINGS_HERE)
    pattern = torch.randint(256, (50,), generator=torch.Generator().manual_seed(0))
    lines = []
    fit(model, pattern.repeat(100), SETTINGS_HERE, 0, lines.append)
    return model, lines


def values(line, name):
    words = line.split()
    count = 1 if name == "loss" else SETTINGS_HERE.layers
    begin = words.index(name) + 1
    return [float(word) for word in words[begin : begin + count]]


def test_training_lowers_loss_and_density(trained):
    _, lines = trained
    first, last = lines[0], lines[-1]
    assert values(first, "loss")[0] > 5
    assert values(last, "loss")[0] < 1
    for layer in range(SETTINGS_HERE.layers):
        assert values(first, "active")[layer] == pytest.approx(0.25, abs=0.03)
        assert values(last, "active")[layer] < 0.18
        assert values(first, "kept")[layer] == pytest.approx(0.5, abs=0.1)
        assert values(last, "kept")[layer] < 0.3
        assert values(last, "recall")[layer] > 0.8


def test_checkpoint_computes_what_was_trained(trained, tmp_path):
    model, _ = trained
    export(tmp_path / "m", model, learn(TEXTS, SETTINGS_HERE.vocab), SETTINGS_HERE, {})
    decoder = Decoder(Checkpoint(tmp_path / "m"), dtype=torch.float32)
    assert decoder.config.predictor_reads_residual
    tokens = list(range(0, 250, 5))
    with torch.no_grad():
        rounded = SmallModel(SETTINGS_HERE)
        rounded.load_state_dict({name: value.bfloat16().float() for name, value in model.state_dict().items()})
        expected, activity = rounded(torch.tensor([tokens]), masked=True)
        dense, _ = rounded(torch.tensor([tokens]), masked=False)
    found = decode(decoder.embed(tokens), decoder.layers(), decoder.norm(), decoder.head(), decoder.config)
    torch.testing.assert_close(found, expected[0], rtol=1e-3, atol=1e-3)
    unmasked = (layer._replace(predictor=None) for layer in decoder.layers())
    found = decode(decoder.embed(tokens), unmasked, decoder.norm(), decoder.head(), decoder.config)
    torch.testing.assert_close(found, dense[0], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(expected, dense, atol=1e-2)
    assert (activity.kept < 0.9).all()


def test_command_writes_a_checkpoint_and_its_report(tmp_path, capsys):
    out = tmp_path / "model"
    assert main(["--out", str(out), "--size", "tiny", "--steps", "2", "--device", "cpu"]) == 0
    assert "2 steps on cpu" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    report = json.loads((out / "report.json").read_text())
    assert (report["schemaVersion"], report["kind"]) == (1, "turbosparse-small-model")
    assert report["training"]["settings"]["steps"] == 2
    assert 0 < report["loss"]["masked"] < 10
    assert len(report["layers"]) == 2
    vocabulary = json.loads((out / "tokenizer.json").read_text())["model"]["vocab"]
    assert json.loads((out / "config.json").read_text())["vocab_size"] == len(vocabulary)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "exists: give a folder that does not"),
        (["--out", "new", "--steps", "0"], "--steps must be at least 1, not 0"),
        (["--out", "new", "--device", "abacus"], "--device abacus cannot be used"),
    ],
)
def test_what_cannot_be_done_is_named(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["--out", str(tmp_path), *arguments])
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_words_never_merge_across_their_limits():
    assert Tokenizer([(ord("b"), ord(" "))]).encode("b b") == [ord("b"), ord(" "), ord("b")]


FIXTURE = Path(__file__).parents[1] / "fixtures" / "small-model"


def fixture_tokenizer():
    return Tokenizer.from_json(json.loads((FIXTURE / "tokenizer.json").read_text(encoding="utf-8")))


def test_fixture_has_a_tokenizer_that_transformers_loads():
    pytest.importorskip("transformers")
    found = tokenize(FIXTURE, TEXTS[:3])
    assert found == [fixture_tokenizer().encode(sample) for sample in TEXTS[:3]]


def test_fixture_is_small_and_complete():
    assert sum(path.stat().st_size for path in FIXTURE.iterdir()) < 10_000_000
    checkpoint = Checkpoint(FIXTURE)
    settings = SETTINGS["small"]
    assert set(checkpoint.names()) == set(SmallModel(settings).state_dict())
    assert all(checkpoint.entry(name).dtype == torch.bfloat16 for name in checkpoint.names())
    assert fixture_tokenizer().end == checkpoint.config["eos_token_id"] == settings.vocab - 1


def test_fixture_has_learned_text_and_sparsity():
    # Sources of this package: no installation had them when the fixture was trained.
    sources = sorted((Path(__file__).parents[2] / "plugins" / "turbosparse" / "reference").glob("*.py"))[:6]
    found = measure(FIXTURE, [path.read_text()[:700] for path in sources], "cpu")
    assert found["training"]["settings"]["density"] == 0.1
    # Guessing among 1024 tokens costs 6.9.
    assert found["loss"]["masked"] < 3.5
    assert found["loss"]["masked"] == pytest.approx(found["loss"]["unmasked"], abs=0.1)
    assert found["density"] == pytest.approx(0.13, abs=0.03)
    for layer in found["layers"]:
        assert layer["active"] < layer["density"]["mean"] < 0.17
        assert layer["recall"] > 0.65
        assert layer["captured"] > 0.85
        assert layer["unionDensity"]["consecutive"]["8"] < 1 - (1 - layer["density"]["mean"]) ** 8


def test_measured_unions_are_those_of_the_record():
    record = json.loads((Path(__file__).parents[2] / "docs" / "measurements" / "small-model.json").read_text())
    for kind, shares in MEASURED_UNIONS.items():
        assert shares == {int(tokens): round(share, 3) for tokens, share in record["unionDensity"][kind].items()}
