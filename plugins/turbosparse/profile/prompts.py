"""Reads the prompts to profile on."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turbosparse.errors import TurboSparseError


class PromptError(TurboSparseError):
    """A file of prompts cannot be read, or there is no tokenizer for it."""


def read_prompts(path: Path) -> list[str]:
    """Texts of a file: its lines, or of a `.jsonl` file a string or an object's `prompt` from each line.

    Empty lines are left out. Raises PromptError naming the file and the line.
    """
    lines = [(number, line) for number, line in enumerate(_text(path).splitlines(), 1) if line.strip()]
    texts = (
        [_prompt(path, number, line) for number, line in lines] if path.suffix == ".jsonl" else [t for _, t in lines]
    )
    if not texts:
        raise PromptError(f"{path} holds no prompt")
    return texts


def read_token_ids(path: Path) -> list[list[int]]:
    """Sequences of a JSON file that holds lists of tokens in a list. Raises PromptError naming file and list."""
    value = _json(path, _text(path), "")
    if not isinstance(value, list) or not value:
        raise PromptError(f"{path} must hold a list of lists of tokens, for example [[1, 15043], [1, 3186, 29991]]")
    for number, tokens in enumerate(value, 1):
        # A bool is an int to Python.
        if not isinstance(tokens, list) or not tokens or not all(type(token) is int for token in tokens):
            raise PromptError(f"{path}: list {number} must hold at least one token, and integers only")
    return value


def tokenize(model: Path, texts: Sequence[str]) -> list[list[int]]:
    """Tokens of the texts as they stand, without a chat template, by the tokenizer in the model's folder.

    Raises PromptError when transformers is not installed, or cannot make that tokenizer or a token of a text.
    """
    try:
        transformers = importlib.import_module("transformers")
    except ImportError as error:
        raise PromptError(
            f"reading text needs the tokenizer of {model}, and so the package transformers, which is not installed: "
            "install it, or give token numbers with --token-ids"
        ) from error
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, local_files_only=True)
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise PromptError(f"{model} has no tokenizer that transformers can load ({reason}): use --token-ids") from error
    # It would warn of texts longer than the model was trained for, which are cut later.
    sequences = [list(tokenizer(text, verbose=False)["input_ids"]) for text in texts]
    empty = next((text for text, tokens in zip(texts, sequences) if not tokens), None)
    if empty is not None:
        raise PromptError(f"the tokenizer of {model} makes no token of the prompt {empty!r}")
    return sequences


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PromptError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"{path} is not UTF-8: {error}") from error


def _json(path: Path, text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise PromptError(f"{path}{where} is not JSON: {error}") from error


def _prompt(path: Path, number: int, line: str) -> str:
    value = _json(path, line, f":{number}")
    text = value.get("prompt") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text:
        raise PromptError(f'{path}:{number} must be a string or an object with a string "prompt", and not empty')
    return text
