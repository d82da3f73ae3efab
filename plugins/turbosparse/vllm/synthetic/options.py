"""What a synthetic model is to be like, from config.json and `--model-loader-extra-config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turbosparse.errors import CheckpointError
from turbosparse.vllm.synthetic.unions import named_overlap

# Of the two released models: all neurons of a dense layer, and those of an expert of a mixture.
_DENSITY, _EXPERT_DENSITY = 0.10, 0.15
# What can be planted reaches up to 1, which is left out: everything active, or tokens that cannot differ.
_LEAST = {"density": 0.001, "overlap": 0}


@dataclass(frozen=True)
class SyntheticOptions:
    """`density` and `overlap` as in `turbosparse.synthetic`; `ranks` has a predictor's rank a layer, or is empty."""

    density: float
    overlap: float
    ranks: tuple[int, ...] = ()
    seed: int = 0


def read_options(config: Mapping[str, Any], extra: Mapping[str, Any], *, layers: int, experts: int) -> SyntheticOptions:
    """The options of a model of so many layers and experts.

    Args:
        config: `turbosparse` of config.json. Of it `density`, `overlap` and `predictor_ranks` are read.
        extra: `--model-loader-extra-config`, `density`, `overlap` and `seed`, which come before those of config.json.

    Raises:
        CheckpointError: naming the key that is unknown or does not fit.
    """
    for key in extra:
        if key not in (*_LEAST, "seed"):
            raise CheckpointError(
                f"--model-loader-extra-config has {key!r}; turbosparse_synthetic knows density, overlap and seed"
            )
    found = {
        "density": _EXPERT_DENSITY if experts > 1 else _DENSITY,
        **{key: config[key] for key in _LEAST if key in config},
        **extra,
    }
    if "overlap" not in found:
        found["overlap"] = named_overlap()
    for key, least in _LEAST.items():
        if not _is_number(found[key]) or not least <= found[key] < 1:
            raise CheckpointError(
                f"{key} of a synthetic model must be a number of at least {least} and less than 1, not {found[key]!r}"
            )
    seed = found.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise CheckpointError(f"seed of a synthetic model must be an integer, not {seed!r}")
    ranks = _ranks(config.get("predictor_ranks", []), layers)
    if experts > 1 and not ranks:
        raise CheckpointError(
            "turbosparse.predictor_ranks of config.json is needed for a mixture, whose experts all have predictors: "
            f"a list of {layers} positive integers, one a layer"
        )
    return SyntheticOptions(found["density"], found["overlap"], ranks, seed)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ranks(value: object, layers: int) -> tuple[int, ...]:
    expected = f"a list of {layers} positive integers, one a layer, or [] without predictors"
    if not isinstance(value, list) or not all(type(rank) is int and rank > 0 for rank in value):
        raise CheckpointError(f"turbosparse.predictor_ranks of config.json must be {expected}, not {value!r}")
    if value and len(value) != layers:
        raise CheckpointError(f"turbosparse.predictor_ranks of config.json must be {expected}, but has {len(value)}")
    return tuple(value)
