"""The command line of `python -m turbosparse profile`."""

from __future__ import annotations

import argparse
from pathlib import Path

from turbosparse.reference.activations import ACTIVATIONS


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    made = argparse.ArgumentParser(
        prog="python -m turbosparse profile",
        description="Measure how many neurons of each layer a model needs on your prompts. The model runs in torch, "
        "with one layer in memory at a time. Exit codes: 2 for bad input, 3 for too little memory.",
    )
    made.add_argument("--model", type=Path, required=True, metavar="DIR", help="Hugging Face folder with safetensors")
    prompts = made.add_mutually_exclusive_group(required=True)
    prompts.add_argument(
        "--prompts",
        type=Path,
        metavar="FILE",
        help="text, a prompt a line, or .jsonl with strings or objects with a prompt; needs transformers",
    )
    prompts.add_argument("--token-ids", type=Path, metavar="FILE", help="JSON: a list of lists of tokens")
    made.add_argument("--out", type=Path, metavar="FILE", help="write the profile as JSON")
    made.add_argument("--html", type=Path, metavar="FILE", help="write it as a page with plots")
    made.add_argument(
        "--max-tokens", type=int, default=1024, metavar="N", help="use the first N of a prompt; default: %(default)s"
    )
    made.add_argument("--device", help="torch device; default: cuda if there is one")
    made.add_argument(
        "--activation", choices=ACTIVATIONS, help="of the model, where neither its type nor its config says it"
    )
    made.add_argument("--gate-threshold", type=float, metavar="X", help="of FATReLU; default: the config's, or 0")
    return made
