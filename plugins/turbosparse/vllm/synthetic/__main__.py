"""Command line: `python -m turbosparse.vllm.synthetic --model turbosparse-mistral-7b --out DIR`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from turbosparse.synthetic import PRESETS
from turbosparse.vllm.synthetic.configs import FAMILIES, dense_config, sparse_config
from turbosparse.vllm.synthetic.folder import write_folder
from turbosparse.vllm.synthetic.unions import DEFAULT_GROWTH, GROWTHS, named_overlap

_MODELS = {name: shape for name, shape in PRESETS.items() if shape.family in FAMILIES}


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m turbosparse.vllm.synthetic",
        description="Make a model folder without weights, to be served with --load-format turbosparse_synthetic.",
    )
    found.add_argument("--model", choices=sorted(_MODELS), required=True)
    found.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to create")
    found.add_argument("--layers", type=int, help="only this many layers")
    found.add_argument("--density", type=float, help="share of neurons a token activates; default: the model's")
    overlap = found.add_mutually_exclusive_group()
    overlap.add_argument("--overlap", type=float, help="correlation between tokens, 0 to 1")
    overlap.add_argument(
        "--unions", choices=sorted(GROWTHS), default=DEFAULT_GROWTH, help="unions to fit it to; default: %(default)s"
    )
    found.add_argument(
        "--dense", action="store_true", help="the dense twin instead, to be served with --load-format dummy"
    )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    command = parser()
    options = command.parse_args(arguments)
    shape = _MODELS[options.model]
    overlap = named_overlap(options.unions) if options.overlap is None else options.overlap
    changes = {"overlap": overlap}
    if options.density is not None:
        changes["density"] = options.density
    if options.layers is not None:
        changes |= {"layers": options.layers, "ranks": shape.ranks[: max(options.layers, 0)]}
    try:
        shape = dataclasses.replace(shape, **changes)
        write_folder(options.out, dense_config(shape) if options.dense else sparse_config(shape, overlap))
    except (ValueError, OSError) as error:
        command.error(str(error))
    load_format = "dummy" if options.dense else "turbosparse_synthetic"
    print(f"vllm serve {options.out} --load-format {load_format}")


if __name__ == "__main__":
    main()
