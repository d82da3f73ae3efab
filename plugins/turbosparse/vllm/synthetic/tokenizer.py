"""A tokenizer for models that know no language: text goes in byte by byte, and every id comes out as text."""

from __future__ import annotations

from typing import Any

_BOS, _EOS = "<s>", "</s>"
# Ids 0, 1 and 2 of the released checkpoints.
_SPECIAL = ("<unk>", _BOS, _EOS)
SMALLEST_VOCABULARY = len(_SPECIAL) + 256

# Messages one after the other; there is nothing that a model without training could tell roles by.
_CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


def tokenizer_files(vocabulary: int) -> dict[str, Any]:
    """Contents of `tokenizer.json` and `tokenizer_config.json`, by file name.

    `vocabulary` is the model's number of tokens. Raises ValueError when the bytes and special tokens do not fit.
    """
    if vocabulary < SMALLEST_VOCABULARY:
        raise ValueError(f"a vocabulary of {vocabulary} tokens is less than the {SMALLEST_VOCABULARY} of bytes")
    symbols = _byte_symbols()
    words = [*_SPECIAL, *symbols]
    # A server decodes whatever is sampled: the rest of the ids are words that no text is encoded to.
    words += [f"{symbols[32]}{number}" for number in range(len(words), vocabulary)]
    return {
        "tokenizer.json": {
            "version": "1.0",
            "added_tokens": [_added(number, token) for number, token in enumerate(_SPECIAL)],
            "pre_tokenizer": {
                "type": "ByteLevel",
                "add_prefix_space": False,
                "trim_offsets": False,
                "use_regex": False,
            },
            "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
            "model": {"type": "BPE", "vocab": {word: number for number, word in enumerate(words)}, "merges": []},
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": _BOS,
            "eos_token": _EOS,
            "unk_token": "<unk>",
            "clean_up_tokenization_spaces": False,
            "chat_template": _CHAT_TEMPLATE,
        },
    }


def _added(number: int, token: str) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": token, **flags, "special": True}


def _byte_symbols() -> list[str]:
    """The printable character that byte-level tokenizers write for each byte: itself, or one from 256 on."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
