"""Options of the load format, and the overlaps that have names."""

import pytest
from turbosparse.errors import CheckpointError
from turbosparse.synthetic import expected_union
from turbosparse.vllm.synthetic.options import SyntheticOptions, read_options
from turbosparse.vllm.synthetic.unions import GROWTHS, named_overlap


@pytest.mark.parametrize("name", GROWTHS)
def test_named_overlaps_follow_their_tables(name):
    for tokens, union in GROWTHS[name].items():
        assert expected_union(GROWTHS[name][1], named_overlap(name), tokens) == pytest.approx(union, rel=0.01)


def test_defaults_are_those_of_the_released_models():
    dense = read_options({}, {}, layers=2, experts=1)
    assert dense == SyntheticOptions(density=0.10, overlap=named_overlap(), ranks=(), seed=0)
    assert read_options({"predictor_ranks": [64, 64]}, {}, layers=2, experts=8).density == 0.15


def test_a_mixture_has_predictors():
    with pytest.raises(CheckpointError, match=r"predictor_ranks of config\.json is needed for a mixture"):
        read_options({}, {}, layers=2, experts=8)


def test_loader_options_come_before_the_config():
    config = {"density": 0.2, "overlap": 0.3, "predictor_ranks": [64, 128], "activation": "drelu"}
    found = read_options(config, {"density": 0.05, "seed": 7}, layers=2, experts=1)
    assert found == SyntheticOptions(density=0.05, overlap=0.3, ranks=(64, 128), seed=7)


@pytest.mark.parametrize(
    ("config", "extra", "message"),
    [
        ({}, {"densty": 0.1}, "--model-loader-extra-config has 'densty'"),
        ({"density": 0}, {}, "density of a synthetic model must be a number of at least 0.001 and less than 1, not 0"),
        ({"density": True}, {}, "density .* not True"),
        ({}, {"density": "10%"}, "density .* not '10%'"),
        ({"density": float("nan")}, {}, "density .* not nan"),
        ({"overlap": 1}, {}, "overlap .* not 1"),
        ({"overlap": -0.1}, {}, "overlap .* not -0.1"),
        ({}, {"seed": 0.5}, "seed of a synthetic model must be an integer, not 0.5"),
        ({"predictor_ranks": 64}, {}, "predictor_ranks of config.json must be a list of 2 positive integers"),
        ({"predictor_ranks": [64, -1]}, {}, r"not \[64, -1\]"),
        ({"predictor_ranks": [64]}, {}, "but has 1"),
    ],
)
def test_options_that_do_not_fit_are_named(config, extra, message):
    with pytest.raises(CheckpointError, match=message):
        read_options(config, extra, layers=2, experts=1)
