"""A byte-level BPE tokenizer, learned from the text and written in the format of Hugging Face's tokenizers.

Words are cut by a pattern of ASCII classes alone, which reads the same in Python and in that library, and merges never
cross words. Tokens 0 to 255 are bytes, then follow merges, and the last is the end of a text.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from typing import Any

PATTERN = r" ?[A-Za-z]+| ?[0-9]| ?[^ \n\t\rA-Za-z0-9]+|[ \n\t\r]+"
END = "<|im_end|>"

_WORD = re.compile(PATTERN)


class Tokenizer:
    """`merges` are pairs of tokens; merge `i` makes token `256 + i`."""

    def __init__(self, merges: list[tuple[int, int]]) -> None:
        self.merges = merges
        self.end = 256 + len(merges)
        self._ranks = {pair: 256 + index for index, pair in enumerate(merges)}
        self._words: dict[str, list[int]] = {}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Tokenizer:
        """The tokenizer of what `as_json` made."""
        vocab = content["model"]["vocab"]
        return cls([(vocab[left], vocab[right]) for left, right in content["model"]["merges"]])

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, without an end."""
        tokens: list[int] = []
        for word in _WORD.findall(text):
            if word not in self._words:
                self._words[word] = self._merge(list(word.encode()))
            tokens += self._words[word]
        return tokens

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens; ends are left out."""
        return b"".join(self._bytes[token] for token in tokens if token != self.end).decode(errors="replace")

    def as_json(self) -> dict[str, Any]:
        """The content of tokenizer.json."""
        names = ["".join(_LETTERS[byte] for byte in value) for value in self._bytes]
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
        split = {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}
        end = {"id": self.end, "content": END, "special": True}
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [end | flags],
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
            "post_processor": None,
            "decoder": byte_level,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": {name: token for token, name in enumerate(names)} | {END: self.end},
                "merges": [[names[left], names[right]] for left, right in self.merges],
            },
        }

    @cached_property
    def _bytes(self) -> list[bytes]:
        values = [bytes([byte]) for byte in range(256)]
        for left, right in self.merges:
            values.append(values[left] + values[right])
        return values

    def _merge(self, tokens: list[int]) -> list[int]:
        while len(tokens) > 1:
            best = min(pairwise(tokens), key=lambda pair: self._ranks.get(pair, self.end))
            if best not in self._ranks:
                break
            tokens = _replaced(tokens, best, self._ranks[best])
        return tokens


def learn(texts: Iterable[str], vocab: int) -> Tokenizer:
    """A tokenizer of `vocab` tokens. Each merge is of the pair most frequent at its turn, of equals the smallest."""
    counts = Counter(word for text in texts for word in _WORD.findall(text))
    words = [(list(word.encode()), count) for word, count in counts.items()]
    pairs: Counter[tuple[int, int]] = Counter()
    where: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for index, (tokens, count) in enumerate(words):
        for pair in pairwise(tokens):
            pairs[pair] += count
            where[pair].add(index)
    merges: list[tuple[int, int]] = []
    while len(merges) < vocab - 257:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        token = 256 + len(merges)
        merges.append(best)
        for index in where.pop(best):
            tokens, count = words[index]
            for pair in pairwise(tokens):
                pairs[pair] -= count
            merged = _replaced(tokens, best, token)
            for pair in pairwise(merged):
                pairs[pair] += count
                where[pair].add(index)
            words[index] = (merged, count)
        del pairs[best]
    return Tokenizer(merges)


def _replaced(tokens: list[int], pair: tuple[int, int], token: int) -> list[int]:
    merged: list[int] = []
    for value in tokens:
        if merged and (merged[-1], value) == pair:
            merged[-1] = token
        else:
            merged.append(value)
    return merged


def _letters() -> list[str]:
    """The printable character that stands for each byte in tokenizer.json: itself, or the next one from 256 on."""
    kept = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte if byte in kept else next(others)) for byte in range(256)]


_LETTERS = _letters()
