"""The whole-model reference against loops over single tokens, how it is loaded, and what of a config is refused."""

import dataclasses
import json
import math

import pytest
import torch
from turbosparse import synthetic
from turbosparse.errors import CheckpointError
from turbosparse.reference.attention import AttentionWeights
from turbosparse.reference.decoder import DecoderConfig, DecoderLayer, decode, decoder_layer
from turbosparse.reference.predictor import PredictorWeights
from turbosparse.synthetic import PRESETS
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder

HIDDEN, HEADS, KV_HEADS, SIZE, NEURONS, RANK = 16, 4, 2, 4, 12, 8
DENSE = DecoderConfig(
    layers=1,
    hidden=HIDDEN,
    vocab=20,
    heads=HEADS,
    kv_heads=KV_HEADS,
    head_dim=SIZE,
    rms_eps=1e-5,
    rope_theta=100.0,
    sliding_window=None,
    top_k=None,
    activation="drelu",
    gate_threshold=0.0,
    predictor_reads_residual=True,
    predictor_threshold=0.1,
)
MIXTURE = dataclasses.replace(DENSE, top_k=2, predictor_reads_residual=False, predictor_threshold=-0.2)


def random_layer(config, experts, predictor=True):
    generator = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64) / math.sqrt(shape[-1])

    rows = ((HEADS, KV_HEADS, KV_HEADS), (SIZE,) * 3)
    matrices = [draw(heads * size, HIDDEN) for heads, size in zip(*rows)]
    biases = [draw(heads * size) for heads, size in zip(*rows)]
    return DecoderLayer(
        input_norm=1 + draw(HIDDEN),
        attention=AttentionWeights(*matrices, draw(HIDDEN, HEADS * SIZE), *biases),
        post_attention_norm=1 + draw(HIDDEN),
        router=None if config.top_k is None else 3 * draw(experts, HIDDEN),
        weights=draw(experts, NEURONS, 3, HIDDEN),
        predictor=PredictorWeights(draw(experts, RANK, HIDDEN), draw(experts, NEURONS, RANK)) if predictor else None,
    )


def normed(row, weight):
    return weight * row / math.sqrt(sum(float(value) ** 2 for value in row) / len(row) + 1e-5)


def rotated(vector, position, theta):
    half, turned = len(vector) // 2, vector.clone()
    for i in range(half):
        angle = position * theta ** (-i / half)
        pair = complex(vector[i], vector[half + i]) * complex(math.cos(angle), math.sin(angle))
        turned[i], turned[half + i] = pair.real, pair.imag
    return turned


def attended(rows, weights, config):
    """What attention adds to each token, head by head."""

    def project(matrix, bias, row):
        return (matrix @ row + bias).view(-1, SIZE)

    out = []
    for at, row in enumerate(rows):
        first = 0 if config.sliding_window is None else max(0, at + 1 - config.sliding_window)
        queries, heads = project(weights.query, weights.query_bias, row), []
        for head in range(HEADS):
            own = head * KV_HEADS // HEADS
            keys = {t: project(weights.key, weights.key_bias, rows[t])[own] for t in range(first, at + 1)}
            values = [project(weights.value, weights.value_bias, rows[t])[own] for t in range(first, at + 1)]
            query = rotated(queries[head], at, config.rope_theta)
            dots = [query @ rotated(key, t, config.rope_theta) / math.sqrt(SIZE) for t, key in keys.items()]
            heads.append(sum(share * value for share, value in zip(torch.stack(dots).softmax(0), values)))
        out.append(weights.output @ torch.cat(heads))
    return out


def fed_forward(row, seen, layer, config):
    """What the FFN or the mixture adds to one token."""
    shares = {0: 1.0}
    if layer.router is not None:
        chances = (layer.router @ row).exp()
        best = sorted(range(len(chances)), key=lambda expert: -chances[expert])[: config.top_k]
        shares = {expert: chances[expert] / sum(chances[best]) for expert in best}
    out = torch.zeros_like(row)
    for expert, share in shares.items():
        for n, (gate, up, down) in enumerate(layer.weights[expert]):
            if layer.predictor is not None:
                hidden = torch.clamp(layer.predictor.fc1[expert] @ seen, min=0)
                if layer.predictor.fc2[expert, n] @ hidden <= config.predictor_threshold:
                    continue
            value = up @ row if config.activation == "reglu" else max(up @ row, 0)
            out += share * max(gate @ row, 0) * value * down
    return out


CASES = {
    "dense": (DENSE, 1, True),
    "window": (dataclasses.replace(DENSE, sliding_window=3), 1, True),
    "without predictor": (dataclasses.replace(DENSE, activation="reglu"), 1, False),
    "mixture": (MIXTURE, 5, True),
}


@pytest.mark.parametrize("case", CASES)
def test_layer_is_what_loops_over_single_tokens_make(case):
    config, experts, predictor = CASES[case]
    layer = random_layer(config, experts, predictor)
    hidden = torch.randn((7, HIDDEN), generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    added = attended([normed(row, layer.input_norm) for row in hidden], layer.attention, config)
    expected = []
    for row, attention in zip(hidden, added):
        residual = row + attention
        read = normed(residual, layer.post_attention_norm)
        seen = residual if config.predictor_reads_residual else read
        expected.append(residual + fed_forward(read, seen, layer, config))

    traces = []
    out = decoder_layer(hidden, layer, config, traces.append)
    torch.testing.assert_close(out, torch.stack(expected), rtol=1e-12, atol=1e-12)
    assert sum(len(trace.rows) for trace in traces) == 7 * (config.top_k or 1)
    if predictor:
        kept = torch.cat([trace.kept for trace in traces])
        assert 0.1 < kept.double().mean() < 0.9
    single = decoder_layer(hidden.float(), cast(layer, torch.float32), config)
    torch.testing.assert_close(single, out.float(), rtol=1e-4, atol=1e-4)


def cast(layer, dtype):
    if isinstance(layer, torch.Tensor):
        return layer.to(dtype)
    if layer is None:
        return None
    return type(layer)(*(cast(part, dtype) for part in layer))


@pytest.fixture(params=["bamboo-tiny", "mixtral-tiny"])
def folder(request, tmp_path):
    synthetic.write_model(tmp_path / "m", PRESETS[request.param])
    return tmp_path / "m"


def logits(decoder, tokens):
    return decode(decoder.embed(tokens), decoder.layers(), decoder.norm(), decoder.head(), decoder.config)


def test_checkpoint_decodes_alike_in_every_dtype(folder):
    tokens = [3, 500, 17, 17, 200, 9]
    exact = logits(Decoder(Checkpoint(folder), dtype=torch.float64), tokens)
    assert exact.shape == (6, 512)
    for dtype, error in ((torch.float32, 1e-5), (torch.bfloat16, 0.05)):
        assert (logits(Decoder(Checkpoint(folder), dtype=dtype), tokens) - exact).abs().max() < error
    # A later token changes nothing before it.
    other = logits(Decoder(Checkpoint(folder), dtype=torch.float64), [*tokens[:-1], 8])
    torch.testing.assert_close(other[:-1], exact[:-1])
    assert not torch.allclose(other[-1], exact[-1])


def test_threshold_is_that_of_the_stored_dtype(folder):
    config = Decoder(Checkpoint(folder), dtype=torch.float64).config
    assert config.predictor_threshold == 2**-7


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hidden_act": "silu"}, "has hidden_act 'silu', expected one of relu, fatrelu"),
        ({"model_type": "llama"}, "of model_type 'llama' does not tell dReLU from ReGLU"),
        ({"model_type": "minicpm"}, "has model_type 'minicpm', expected one of bamboo"),
        ({"num_hidden_layers": None}, "must have a positive number num_hidden_layers, found None"),
        ({"num_attention_heads": "4"}, "must have a positive number num_attention_heads, found '4'"),
        ({"rope_scaling": {"type": "yarn"}}, "has a rotary embedding of type 'yarn'"),
    ],
)
def test_what_is_not_computed_is_named(changes, problem, tmp_path):
    synthetic.write_model(tmp_path / "m", PRESETS["bamboo-tiny"])
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(CheckpointError) as caught:
        Decoder(Checkpoint(tmp_path / "m"), dtype=torch.float64)
    assert str(caught.value).startswith(f"{path} {problem}")


def test_unknown_tokens_are_named(folder):
    with pytest.raises(ValueError, match="token 512 is not among the 512 of the vocabulary"):
        Decoder(Checkpoint(folder), dtype=torch.float32).embed([1, 512])


def test_newer_configs_say_where_the_rotary_base_and_the_window_are(tmp_path):
    synthetic.write_model(tmp_path / "m", PRESETS["bamboo-tiny"])
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text()) | {"sliding_window": 32, "use_sliding_window": False}
    del config["rope_theta"]
    path.write_text(json.dumps(config | {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}))
    read = Decoder(Checkpoint(tmp_path / "m"), dtype=torch.float64).config
    assert (read.rope_theta, read.sliding_window) == (5e5, None)
