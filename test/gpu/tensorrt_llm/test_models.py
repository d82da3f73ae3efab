"""Whole models: how near they come to float64, and that one CUDA graph serves whatever comes in."""

import pytest
import torch
from checkpoints import prompts, write
from serving import Metadata, load, logits
from tensorrt_llm.mapping import Mapping
from turbosparse.reference.decoder import decode
from turbosparse.synthetic import ModelShape
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder

VOCAB = 512
BATCHES = 4


@pytest.fixture
def folder(any_predictor_model, tmp_path):
    """A checkpoint of two layers as wide as those of one of the wheel's models."""
    model = any_predictor_model
    shape = ModelShape(
        family="bamboo" if model.experts == 1 else "turbosparsemixtral",
        hidden=model.hidden,
        intermediate=1000,
        layers=2,
        heads=model.hidden // 128,
        kv_heads=model.hidden // 128,
        vocab=VOCAB,
        ranks=(model.ranks[0], model.ranks[-1]),
        experts=model.experts,
        top_k=model.top_k,
        dtype=str(model.dtype).removeprefix("torch."),
    )
    return write(tmp_path / "m", shape)


@pytest.fixture
def served(folder, any_predictor_model, device):
    return load(folder, Mapping(), dtype=any_predictor_model.dtype, device=device)


def plain_logits(folder, dtype, device, sequences):
    """`[sequences, vocab]` of the last token of each, by the released code in plain torch."""
    decoder = Decoder(Checkpoint(folder), dtype=dtype, device=device)
    layers, norm, head = list(decoder.layers()), decoder.norm(), decoder.head()
    return torch.stack([decode(decoder.embed(ids), layers, norm, head, decoder.config)[-1] for ids in sequences])


def test_logits_are_about_as_near_to_float64_as_those_of_plain_torch(folder, served, any_predictor_model, device):
    asked = prompts(4, VOCAB)
    exact = plain_logits(folder, torch.float64, device, asked)
    plain = plain_logits(folder, any_predictor_model.dtype, device, asked).double()
    found = logits(served, asked).double()
    # A neuron near its predictor's threshold changes sides with the order of a sum, in one of the two or in the other.
    allowed = 4 * (plain - exact).norm(dim=-1).max()
    assert ((found - exact).norm(dim=-1) <= allowed).all()
    assert allowed < exact.norm(dim=-1).min()


@pytest.mark.cuda
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_one_graph_serves_every_batch_without_a_wait(served, batch, device):
    """First tokens of `batch` sequences, which is what a decode step is to all but attention."""
    ids, positions = torch.zeros((2, batch), dtype=torch.int64, device=device)
    metadata = Metadata([1] * batch, torch.ones(batch, dtype=torch.int64, device=device))

    def step():
        return served(attn_metadata=metadata, input_ids=ids, position_ids=positions[None])

    with torch.inference_mode():
        step()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        # A wait for the device is an error here.
        with torch.cuda.graph(graph):
            captured = step()
        generator = torch.Generator(device).manual_seed(batch)
        seen = []
        for _ in range(BATCHES):
            ids.random_(VOCAB, generator=generator)
            graph.replay()
            seen.append(captured.clone())
            torch.testing.assert_close(seen[-1], step(), rtol=2e-2, atol=2e-2)
    assert not torch.equal(seen[0], seen[1])
