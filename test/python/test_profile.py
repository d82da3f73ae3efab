"""Densities, unions and predictors counted on prompts, and what the command makes of them."""

import dataclasses
import json
import sys
from html.parser import HTMLParser

import pytest
import torch
from turbosparse import synthetic
from turbosparse.__main__ import main
from turbosparse.profile.build_config import build_config
from turbosparse.profile.layer import LayerCounts
from turbosparse.profile.page import profile_page
from turbosparse.profile.prompts import PromptError, read_prompts, read_token_ids, tokenize
from turbosparse.profile.sample import SAMPLED, deal
from turbosparse.profile.union import UnionGrowth
from turbosparse.reference.decoder import ExpertTrace
from turbosparse.synthetic import PRESETS
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name in ("bamboo-tiny", "mixtral-tiny"):
        synthetic.write_model(folder / name, PRESETS[name])
    gates = dataclasses.replace(PRESETS["bamboo-tiny"], ranks=(), density=0.2)
    synthetic.write_model(folder / "without-predictor", gates)
    return folder


def random_tokens(sequences, length):
    return torch.randint(512, (sequences, length), generator=torch.Generator().manual_seed(0)).tolist()


@pytest.fixture
def token_ids(tmp_path):
    path = tmp_path / "ids.json"
    path.write_text(json.dumps(random_tokens(16, 8)))
    return path


@pytest.mark.parametrize("tokens", [1, 2, 5, 64, 130])
def test_unions_are_those_of_neighbouring_groups(tokens):
    mask = torch.rand((tokens, 2, 50), generator=torch.Generator().manual_seed(1)) < 0.1
    growth = UnionGrowth()
    growth.add(mask)
    shares = growth.shares()
    assert list(shares) == [size for size in (1, 2, 4, 8, 16, 32, 64) if size <= tokens]
    for size, share in shares.items():
        groups = [mask[at : at + size].any(0).float().mean() for at in range(0, tokens - size + 1, size)]
        assert share == pytest.approx(float(sum(groups) / len(groups)))


def test_sample_mixes_sequences():
    lengths = [3, 900, 700, 0, 5]
    dealt = deal(lengths)
    places = torch.cat([places for _, places in dealt])
    assert sorted(places.tolist()) == list(range(SAMPLED))
    owner = {place: number for number, (_, own) in enumerate(dealt) for place in own.tolist()}
    assert all(rows.unique().numel() == len(rows) for rows, _ in dealt)
    assert all(bool((rows < length).all()) for (rows, _), length in zip(dealt, lengths))
    # While all four that have tokens have some left, every four neighbours are of four sequences.
    assert all(len({owner[place + i] for i in range(4)}) == 4 for place in range(0, 12, 4))
    assert sum(len(rows) for rows, _ in deal([2, 1])) == 3


def counts_of(models, sampled):
    decoder = Decoder(Checkpoint(models / "bamboo-tiny"), dtype=torch.float32)
    layer = decoder.layer(0)._replace(weights=torch.zeros(2, 4, 3, 8))
    return LayerCounts(5, layer, decoder.config, sampled)


def test_counts_of_two_experts(models):
    counts = counts_of(models, sampled=2)
    counts.start(2)
    gate, up = torch.tensor([[3.0, 1, 4, -1]]), torch.tensor([[2.0, 1, -1, 1]])
    counts.trace(ExpertTrace(0, torch.tensor([1]), gate, up, torch.tensor([[True, False, True, True]])))
    counts.trace(ExpertTrace(1, torch.tensor([0]), gate, -up, torch.tensor([[False, False, True, False]])))
    counts.finish(torch.tensor([1, 0]), torch.tensor([0, 1]))
    found = counts.result()
    assert (found.layer, found.neurons, found.experts) == (5, 4, 2)
    assert (found.density, found.gate_open, found.active) == (0.5, 0.75, 3 / 8)
    # Active are neurons 0 and 1 of the first expert and 2 of the second; kept of them 0 and 2.
    assert (found.recall, found.precision) == (2 / 3, 2 / 4)
    # Their magnitudes are 6, 1 and 4.
    assert found.captured == 10 / 11
    assert found.union_consecutive == found.union_independent == {1: 0.25, 2: 0.5}


def test_nothing_active_has_no_recall(models):
    counts = counts_of(models, sampled=1)
    counts.start(1)
    closed = -torch.ones(1, 4)
    counts.trace(ExpertTrace(0, torch.tensor([0]), closed, closed, None))
    counts.finish(torch.tensor([0]), torch.tensor([0]))
    found = counts.result()
    assert (found.density, found.recall, found.precision, found.captured) == (0.0, None, None, None)
    assert build_config("m", found.density) == 'models:\n  - path: "m"\n    density: 0.001\n'


# Of a mixture a token activates so much of two experts of four.
@pytest.mark.parametrize(
    ("model", "density", "share", "predicted"),
    [("bamboo-tiny", 0.1, 1.0, True), ("mixtral-tiny", 0.15, 0.5, True), ("without-predictor", 0.2, 1.0, False)],
)
def test_planted_density_is_found(models, model, density, share, predicted, token_ids, tmp_path, capsys):
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    arguments = ["--token-ids", str(token_ids), "--out", str(out), "--html", str(page), "--max-tokens", "7"]
    assert main(["profile", "--model", str(models / model), *arguments, "--device", "cpu"]) == 0
    found = json.loads(out.read_text())
    assert (found["schemaVersion"], found["kind"], found["prompts"], found["tokens"]) == (
        1,
        "turbosparse-profile",
        16,
        112,
    )
    assert [layer["layer"] for layer in found["layers"]] == [0, 1]
    for layer in found["layers"]:
        assert layer["density"]["mean"] == pytest.approx(density, rel=0.25)
        assert layer["density"]["p5"] < layer["density"]["mean"] < layer["density"]["p95"]
        assert layer["unionDensity"]["independent"]["1"] == pytest.approx(layer["density"]["mean"] * share, abs=2e-3)
        if predicted:
            assert layer["gateOpen"] == pytest.approx(0.5, abs=0.05)
            assert layer["active"] == pytest.approx(0.25, abs=0.05)
        else:
            assert layer["gateOpen"] == layer["density"]["mean"]
            assert layer["recall"] == layer["captured"] == 1.0
    unions = found["unionDensity"]
    assert list(unions["consecutive"]) == ["1", "2", "4"]
    assert list(unions["independent"]) == ["1", "2", "4", "8", "16", "32", "64"]
    if share == 1.0:
        expected = synthetic.expected_union(found["density"], 0.45, 8)
        assert unions["independent"]["8"] == pytest.approx(expected, rel=0.15)
    assert found["overlap"] == pytest.approx(0.45, abs=0.15)
    printed = capsys.readouterr()
    assert f"for python -m turbosparse.tune: --overlap {found['overlap']:.3f}\n" in printed.out
    assert printed.out.endswith(build_config(str(models / model), found["density"]))
    assert "layer 2 of 2" in printed.err
    check_page(page.read_text())


class Balanced(HTMLParser):
    """Raises unless every element but `meta` is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(text):
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert "script" not in parser.seen
    assert parser.seen.count("svg") == 4
    assert "nan" not in text


def test_page_escapes_what_a_folder_may_be_called(models):
    decoder = Decoder(Checkpoint(models / "bamboo-tiny"), dtype=torch.float32)
    counts = LayerCounts(0, decoder.layer(0), decoder.config, 1)
    counts.start(1)
    gate = torch.ones(1, 1000)
    counts.trace(ExpertTrace(0, torch.tensor([0]), gate, gate, gate > 0))
    counts.finish(torch.tensor([0]), torch.tensor([0]))
    text = profile_page({"model": '<script>"'}, [counts.result()], "models: <b>\n")
    check_page(text)
    assert "&lt;script&gt;&quot;" in text
    assert "models: &lt;b&gt;" in text
    assert "100.0%" in text


def test_prompts_are_lines_or_json_lines(tmp_path):
    lines, objects = tmp_path / "p.txt", tmp_path / "p.jsonl"
    lines.write_text("one\n\n  two \n")
    objects.write_text('"one\\nline"\n\n{"prompt": "two", "max_tokens": 3}\n')
    assert read_prompts(lines) == ["one", "  two "]
    assert read_prompts(objects) == ["one\nline", "two"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("p.txt", b" \n", " holds no prompt"),
        ("p.txt", b"\xff", " is not UTF-8"),
        ("p.jsonl", b'"a"\nx', ":2 is not JSON"),
        ("p.jsonl", b'"a"\n{"text": "b"}', ':2 must be a string or an object with a string "prompt", and not empty'),
        ("ids.json", b"[", " is not JSON"),
        ("ids.json", b"{}", " must hold a list of lists of tokens"),
        ("ids.json", b"[]", " must hold a list of lists of tokens"),
        ("ids.json", b"[[1], []]", ": list 2 must hold at least one token"),
        ("ids.json", b"[[1], [2, true]]", ": list 2 must hold at least one token, and integers only"),
    ],
)
def test_unusable_prompts_are_named(name, content, problem, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    read = read_token_ids if name == "ids.json" else read_prompts
    with pytest.raises(PromptError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{problem}")


def test_text_without_transformers_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PromptError, match="the package transformers, which is not installed: install it, or give"):
        tokenize(tmp_path, ["text"])


def test_folder_without_tokenizer_is_named(models):
    pytest.importorskip("transformers")
    with pytest.raises(PromptError, match="bamboo-tiny has no tokenizer that transformers can load"):
        tokenize(models / "bamboo-tiny", ["text"])


def test_bad_input_is_one_sentence(models, token_ids, tmp_path, capsys):
    model = str(models / "bamboo-tiny")
    unknown = tmp_path / "unknown.json"
    unknown.write_text("[[512]]")
    cases = {
        f"{tmp_path / 'none' / 'config.json'} cannot be read": ["--model", str(tmp_path / "none")],
        "token 512 is not among the 512 of the vocabulary": ["--token-ids", str(unknown)],
        f"{tmp_path / 'no' / 'out.json'} cannot be written": ["--out", str(tmp_path / "no" / "out.json")],
        "--max-tokens must be at least 1, not 0": ["--max-tokens", "0"],
        "--device abacus cannot be used": ["--device", "abacus"],
    }
    for sentence, arguments in cases.items():
        given = {"--model": model, "--token-ids": str(token_ids)} | dict(zip(arguments[::2], arguments[1::2]))
        assert main(["profile", *(part for pair in given.items() for part in pair)]) == 2
        printed = capsys.readouterr()
        assert printed.err.startswith(f"python -m turbosparse profile: {sentence}")
        assert printed.err.count("\n") == 1
        assert printed.out == ""


def test_runs_as_a_module_too(python):
    for program in (["turbosparse", "profile"], ["turbosparse.profile"]):
        result = python("-m", *program, "--help")
        assert result.returncode == 0
        assert result.stdout.startswith("usage: python -m turbosparse profile")
