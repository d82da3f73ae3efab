"""What vLLM demands of a model beside its tokens: that nothing waits for the device, and that it sleeps and wakes."""

import re

import pytest
from checkpoint import FAMILIES, shape_of, write_checkpoint
from process import run_engine
from workload import MODEL_LENGTH, workload

pytestmark = pytest.mark.cuda


@pytest.fixture(scope="module", params=FAMILIES)
def watched(request, device, tmp_path_factory):
    """What the engine found, and what it printed."""
    folder = tmp_path_factory.mktemp(request.param)
    shape = shape_of(request.param, device)
    write_checkpoint(folder / "model", shape, device)
    engine = {
        "model": str(folder / "model"),
        "skip_tokenizer_init": True,
        "max_model_len": MODEL_LENGTH,
        "gpu_memory_utilization": 0.5,
        "enable_sleep_mode": True,
        "compilation_config": {"cudagraph_capture_sizes": [1, 2, 4, 8]},
    }
    # Three requests decode in a padded batch.
    (batch,) = workload(shape.vocab, batches=(3,), tokens=128, mixed=0).batches
    log = {"VLLM_LOGGING_LEVEL": "DEBUG", "VLLM_LOG_STATS_INTERVAL": "0.1"}
    spec = {"engine": engine, "batch": batch}
    found, printed = run_engine("watched.py", spec, folder, VLLM_GPU_SYNC_CHECK="error", **log)
    return found | {"expertsOfToken": shape.top_k / shape.experts}, printed


def test_decodes_where_a_wait_is_an_error(watched):
    found, _ = watched
    assert [len(tokens) for tokens in found["before"]] == [128] * 3
    assert "sync" in found["waitsAreErrors"]


def test_wakes_with_the_weights_that_it_had(watched):
    found, _ = watched
    assert found["freedBytes"] > found["parameterBytes"]
    assert found["after"] == found["before"]


def test_refuses_to_reload_weights(watched):
    found, _ = watched
    assert "reloading of weights into a running server is not supported" in found["reloading"]


def test_logs_densities_and_paths_at_debug_level(watched):
    found, log = watched
    lines = re.findall(r"turbosparse: (\d+) steps of ([\d.]+) tokens, density ([\d.]+)%, union ([\d.]+)% by ", log)
    assert lines
    # Of the three requests that decode; padding is not counted. Densities are of a token's experts, unions of all.
    shares = [(float(density), float(union)) for _, tokens, density, union in lines if float(tokens) == 3]
    assert any(0 < density < 100 and density * found["expertsOfToken"] < union < 100 for density, union in shares)
