"""The command line of `python -m turbosparse.bench`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from turbosparse.bench.model import DTYPES, Model
from turbosparse.bench.operators import OPERATORS
from turbosparse.bench.plan import DEFAULT_LAYERS, PREDICTOR_BITS, SWEEP, TOKENS
from turbosparse.reference.activations import ACTIVATIONS

_SHAPE = (
    "hidden=4096,intermediate=14336[,experts=8,top_k=2][,rank=1280][,activation=drelu][,gate_threshold=0][,dtype=bf16]"
    "[,density=0.1]"
)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m turbosparse.bench",
        description="Compare the operators with float64, time them beside dense GEMMs, and print how near they come to "
        "the roof that memory bandwidth sets. Exits with 1 when a result is wrong, with 2 when the command cannot be "
        "followed, and with 3 without a GPU or a compiled library.",
    )
    result.add_argument("--json", action="store_true", help="print the record instead of a table")
    result.add_argument("--out", type=Path, metavar="FILE", help="write the record here, after every result")
    result.add_argument("--resume", type=Path, metavar="FILE", help="go on with the record in this file")
    result.add_argument("--operators", type=_list(_operator), metavar="NAMES", help=f"default: {','.join(OPERATORS)}")
    default = ",".join(map(str, TOKENS))
    result.add_argument("--tokens", type=_list(_tokens), metavar="COUNTS", help=f"default: {default}")
    result.add_argument(
        "--densities",
        type=_list(_density),
        metavar="SHARES",
        help="of the neurons of one FFN or expert that a token activates, for gate first whose gates it opens; "
        f"default: the model's, and for a given mask {','.join(map(str, SWEEP))} too",
    )
    result.add_argument(
        "--predictor-bits",
        type=_list(_bits),
        metavar="BITS",
        help="read of a weight of predictors' fc2: 8, of two planes of which one is rarely read, or 16; default: "
        f"{','.join(map(str, PREDICTOR_BITS))}",
    )
    which = result.add_mutually_exclusive_group()
    which.add_argument(
        "--models", nargs="+", metavar="NAME", help="of those that the wheel was built for; default: all"
    )
    which.add_argument("--shape", type=shape_model, metavar="SIZES", help=f"instead of a model: {_SHAPE}")
    result.add_argument(
        "--layers",
        type=_tokens,
        metavar="COUNT",
        help=f"of distinct weights; default: {DEFAULT_LAYERS}, more where L2 could hold what they read, fewer where "
        "they do not fit",
    )
    result.add_argument("--quick", action="store_true", help="few numbers of tokens, only the expected density")
    result.add_argument("--commit", metavar="SHA", help="the commit that the wheel was built from, for the record")
    return result


def _list(item: Callable[[str], object]) -> Callable[[str], list]:
    def parse(text: str) -> list:
        return list(dict.fromkeys(item(part) for part in text.split(",")))

    return parse


def _operator(text: str) -> str:
    if text not in OPERATORS:
        raise argparse.ArgumentTypeError(f"{text!r} is no operator: there are {', '.join(OPERATORS)}")
    return text


def _tokens(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _density(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share above 0 and up to 1")
    return value


def _bits(text: str) -> int:
    if text not in map(str, PREDICTOR_BITS):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 8 nor 16")
    return int(text)


def shape_model(text: str) -> Model:
    """A model of the sizes in a text like that of `--shape`."""
    given = dict(part.partition("=")[::2] for part in text.split(","))
    sizes = {"hidden": 0, "intermediate": 0, "experts": 1, "top_k": 1, "rank": 0}
    unknown = given.keys() - sizes.keys() - {"activation", "gate_threshold", "dtype", "density"}
    if unknown:
        raise argparse.ArgumentTypeError(f"{sorted(unknown)[0]!r} is no size of a shape, which is {_SHAPE}")
    for name in ("hidden", "intermediate"):
        if name not in given:
            raise argparse.ArgumentTypeError(f"the shape {text!r} lacks {name}")
    for name in given.keys() & sizes.keys():
        sizes[name] = _tokens(given[name])
    if sizes["top_k"] > sizes["experts"]:
        raise argparse.ArgumentTypeError(f"the shape {text!r} routes to more experts than it has")
    threshold = given.get("gate_threshold", "0")
    return Model(
        name=text,
        hidden=sizes["hidden"],
        intermediate=sizes["intermediate"],
        experts=sizes["experts"],
        top_k=sizes["top_k"],
        activation=_choice(given.get("activation", "drelu"), ACTIVATIONS),
        gate_threshold=0.0 if threshold == "0" else _density(threshold),
        ranks=(sizes["rank"],) if sizes["rank"] else (),
        dtype=DTYPES[_choice(given.get("dtype", "bf16"), tuple(DTYPES))],
        density=_density(given.get("density", "0.1")),
    )


def _choice(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(choices)}")
    return text
