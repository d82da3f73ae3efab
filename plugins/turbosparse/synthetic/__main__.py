"""Command line: `python -m turbosparse.synthetic FOLDER --preset turbosparse-mistral-7b`."""

from __future__ import annotations

import argparse
import dataclasses

import torch

from turbosparse.synthetic.model import write_model
from turbosparse.synthetic.shapes import PRESETS


def _device(name: str) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise argparse.ArgumentTypeError(f"{name} cannot be used: {reason}") from error


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m turbosparse.synthetic",
        description="Write a checkpoint with planted sparsity, in the released layout.",
    )
    parser.add_argument("folder", help="folder to create")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="bamboo-tiny", help="default: %(default)s")
    parser.add_argument("--layers", type=int, help="write only this many layers")
    parser.add_argument("--density", type=float, help="share of neurons a token activates; default: the preset's")
    parser.add_argument("--overlap", type=float, help="correlation between tokens, 0 to 1; default: the preset's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--device", type=_device, default="cpu", help="where the numbers are drawn; default: %(default)s"
    )
    parser.add_argument("--headers-only", action="store_true", help="true headers and file lengths, no data on disk")
    options = parser.parse_args()

    shape = PRESETS[options.preset]
    changes = {key: getattr(options, key) for key in ("density", "overlap") if getattr(options, key) is not None}
    if options.layers is not None:
        changes |= {"layers": options.layers, "ranks": shape.ranks[: max(options.layers, 0)]}
    try:
        shape = dataclasses.replace(shape, **changes)
        write_model(options.folder, shape, seed=options.seed, device=options.device, data=not options.headers_only)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
