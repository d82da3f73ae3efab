"""Queries and keys are rotated as vLLM rotates each of them."""

import pytest
import torch
from checkpoints import SHAPES, write
from models import engine_config, loaded, one_rank

ROPES = {
    "default": {},
    "linear": {"factor": 2.0},
    "dynamic": {"factor": 2.0},
    "llama3": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 64},
    "longrope": {"original_max_position_embeddings": 64, "short_factor": [1.0] * 32, "long_factor": [2.0] * 32},
}


@pytest.mark.parametrize("custom_ops", ["none", "all"])
@pytest.mark.parametrize("kind", ROPES)
def test_rotation(kind, custom_ops, tmp_path):
    rope = {"rope_type": kind, "rope_theta": 10000.0} | ROPES[kind]
    folder = write(tmp_path / "m", SHAPES["bamboo"], rope_parameters=rope)
    with one_rank(config := engine_config(folder, compilation_config={"custom_ops": [custom_ops]})):
        attention = loaded(config).model.layers[0].self_attn
        positions = torch.arange(40, 47)
        # Not contiguous, as a part of what the projection makes is not.
        query_key = torch.randn((7, sum(attention.sizes) + 8), generator=torch.Generator().manual_seed(0))[:, :-8]
        parts = [part.clone() for part in query_key.split(attention.sizes, dim=-1)]
        expected = attention.rotary_emb(positions, *parts)
        for found, separate in zip(attention.rotate(positions, query_key), expected, strict=True):
            torch.testing.assert_close(found, separate, rtol=0, atol=0)
