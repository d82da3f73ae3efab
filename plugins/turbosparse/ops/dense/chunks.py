"""How many tokens are taken at a time."""

from __future__ import annotations

from collections.abc import Iterator

from turbosparse.reference.active_set import WORD

CHUNK_BYTES = 256 * 2**20


def chunks(tokens: int, bytes_per_token: int) -> Iterator[slice]:
    """Slices of `tokens`, as equal as whole 64-token words allow, each of at most `CHUNK_BYTES` where a word fits.

    Whole words, so that a slice of tokens is a slice of the rows of `token_bits`.
    """
    most = max(CHUNK_BYTES // (WORD * bytes_per_token), 1)
    words = -(-tokens // WORD)
    count = -(-words // most)
    size = WORD * -(-words // max(count, 1))
    for start in range(0, tokens, max(size, 1)):
        yield slice(start, min(start + size, tokens))


def word_rows(part: slice, experts: int) -> slice:
    """The rows of `token_bits` that hold the tokens of a slice made by `chunks`."""
    return slice(part.start // WORD * experts, -(-part.stop // WORD) * experts)
