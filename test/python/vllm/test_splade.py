"""A sparse-embedding model, none of ours, in a vLLM that found the plugin and in one that did not."""

import json
import os
import subprocess
import sys

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = {token: index for index, token in enumerate([*SPECIAL, *(f"w{index}" for index in range(123))])}
CLS, SEP = VOCABULARY["[CLS]"], VOCABULARY["[SEP]"]
PROMPTS = [[CLS, 17, 40, 8, SEP], [CLS, 99, SEP], [CLS, *range(20, 60), SEP]]
EMBED = f"""
import json, sys
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from vllm import LLM, ModelRegistry

options = {{"runner": "pooling", "dtype": "float32", "enforce_eager": True}}
llm = LLM(sys.argv[1], max_model_len=64, max_num_seqs=4, **options)
outputs = llm.embed([{{"prompt_token_ids": prompt}} for prompt in {PROMPTS}], use_tqdm=False)
found = {{
    "embeddings": [output.outputs.embedding for output in outputs],
    "architectures": {{name: str(model) for name, model in ModelRegistry.models.items()}},
    "configs": sorted(CONFIG_MAPPING.keys()),
    "modules": sorted(name for name in sys.modules if name.partition(".")[0] == "turbosparse"),
}}
with open(sys.argv[2], "w") as file:
    json.dump(found, file)
"""


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=64,
        initializer_range=0.2,
        # Else the last matrix is left out of the file, where this model looks for it.
        tie_word_embeddings=False,
    )
    return BertForMaskedLM(config).eval()


@pytest.fixture(scope="module")
def runs(model, tmp_path_factory):
    """What each of the two said, with the plugin first."""
    folder = tmp_path_factory.mktemp("splade")
    model.save_pretrained(folder)
    # The prompts are tokens; but vLLM asks for a tokenizer before it embeds.
    BertTokenizer(vocab=VOCABULARY).save_pretrained(folder)
    path = folder / "config.json"
    changes = {"architectures": ["BertSpladeSparseEmbeddingModel"], "cls_token_id": CLS, "sep_token_id": SEP}
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    environments = {"with": dict(os.environ), "without": {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}}
    commands = {name: [sys.executable, "-c", EMBED, str(folder), str(folder / f"{name}.json")] for name in environments}
    # Most of their time is imports, so both at once.
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = [subprocess.Popen(commands[name], env=environments[name], **options) for name in environments]
    try:
        for process in started:
            output, _ = process.communicate(timeout=600)
            assert process.returncode == 0, output
    finally:
        for process in started:
            process.kill()
    return [json.loads((folder / f"{name}.json").read_text()) for name in environments]


def test_embeddings_are_the_same_and_those_of_the_model(runs, model):
    with_plugin, without = (torch.tensor(run["embeddings"]) for run in runs)
    assert torch.equal(with_plugin, without)
    for found, prompt in zip(with_plugin, PROMPTS):
        with torch.inference_mode():
            logits = model(torch.tensor([prompt])).logits[0]
        # SPLADE: arXiv 2107.05720, equation 1 with the maximum of its successor.
        expected = logits[1:-1].relu().log1p().amax(0)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
        assert 0.1 < (expected > 0).float().mean() < 0.99


def test_registration_leaves_others_alone(runs):
    with_plugin, without = runs
    assert without["modules"] == []
    assert "turbosparse.vllm.registration" in with_plugin["modules"]
    assert "turbosparse.vllm.models.bamboo" not in with_plugin["modules"]
    own = {name: model for name, model in with_plugin["architectures"].items() if "turbosparse." in model}
    assert len(own) == 6
    others = {name: model for name, model in with_plugin["architectures"].items() if name not in own}
    assert others == without["architectures"]
    assert set(with_plugin["configs"]) - set(without["configs"]) == {"bamboo", "sparsellama", "turbosparsemixtral"}
    assert set(without["configs"]) < set(with_plugin["configs"])
