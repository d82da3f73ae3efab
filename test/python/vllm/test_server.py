"""`vllm serve` and vLLM's own benchmarks with the small model, as processes of their own."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import vllm
from checkpoints import SHAPES, write
from openai import OpenAI
from server import Server
from vllm.utils.network_utils import get_open_port

SMALL_MODEL = Path(__file__).parents[2] / "fixtures" / "small-model"
ENGINE = ["--dtype", "float32", "--max-model-len", "256", "--block-size", "32", "--enforce-eager"]
# What test/gpu's server calls every model.
NAME = "synthetic"
PROMPT = "The people of"
SECONDS = 600


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    """Runs `vllm`, whose command line asks for the version of a package `vllm`; the rebuild for the CPU is another."""
    version = f"{vllm.__version__}+cpu"
    metadata = tmp_path_factory.mktemp("metadata") / f"vllm-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")

    def run(*arguments):
        command = [sys.executable, "-m", "vllm.entrypoints.cli.main", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert result.returncode == 0, result.stdout + result.stderr

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], str(metadata.parents[1])]))
        yield run


@pytest.fixture(scope="module")
def server(cli, tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
        environment.setenv("VLLM_LOG_STATS_INTERVAL", "0.1")
        log = tmp_path_factory.mktemp("server") / "log"
        with Server(SMALL_MODEL, get_open_port(), [*ENGINE, "--max-num-seqs", "8"], log) as server:
            environment.setenv("VLLM_LOGGING_LEVEL", "WARNING")
            server.wait_until_ready(SECONDS)
            yield server


@pytest.fixture
def client(server):
    with OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
        yield client


def complete(client, **options):
    return client.completions.create(model=NAME, prompt=PROMPT, max_tokens=24, temperature=0, **options)


def test_openai_client_streams_what_it_is_answered_at_once(client):
    assert [model.id for model in client.models.list()] == [NAME]
    pieces = [chunk.choices[0].text for chunk in complete(client, stream=True)]
    answer = complete(client)
    assert len(pieces) > 4
    assert "".join(pieces) == answer.choices[0].text
    assert answer.usage.completion_tokens > 4


def test_bench_serve(cli, server, tmp_path):
    requests = ["--dataset-name", "random", "--random-input-len", "16", "--random-output-len", "8"]
    model = ["--model", str(SMALL_MODEL), "--served-model-name", NAME, "--base-url", server.url]
    result = ["--save-result", "--result-dir", str(tmp_path), "--result-filename", "result.json"]
    cli("bench", "serve", *model, *requests, "--num-prompts", "6", "--ignore-eos", *result)
    found = json.loads((tmp_path / "result.json").read_text())
    assert (found["completed"], found["total_output_tokens"]) == (6, 48)


def test_bench_latency(cli, tmp_path):
    sizes = ["--input-len", "16", "--output-len", "8", "--batch-size", "4"]
    repeats = ["--num-iters-warmup", "1", "--num-iters", "2"]
    output = tmp_path / "result.json"
    # Its prompts are of the tokens up to 10000.
    folder = write(tmp_path / "m", dataclasses.replace(SHAPES["bamboo"], vocab=10240))
    engine = ["--model", str(folder), "--skip-tokenizer-init", *ENGINE, "--max-model-len", "128"]
    cli("bench", "latency", *engine, *sizes, *repeats, "--output-json", str(output))
    assert len(json.loads(output.read_text())["latencies"]) == 2


def test_log_at_debug_level_says_what_the_steps_did(client, server):
    for _ in range(4):
        complete(client)
    found = [line.partition("turbosparse: ")[2] for line in server.log.read_text().splitlines()]
    first, *steps = [line for line in found if line]
    assert first == "ffn of 256 x 1024: dense GEMMs at any number of tokens, on the cpu"
    assert any("steps of 1.0 tokens, density 1" in line and " by dense GEMMs in " in line for line in steps)
