"""The requests of test_greedy.py: batches of one length, and a mix of everything a scheduler does."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

BLOCK = 32
# Prompts longer than this are prefilled in chunks.
CHUNK = 128
MODEL_LENGTH = 512


@dataclass(frozen=True)
class Workload:
    """`batches` decode `tokens` each; `mixed` requests have `needed` blocks of which the engine has only `blocks`."""

    batches: list[list[dict[str, Any]]]
    mixed: list[dict[str, Any]]
    blocks: int


def workload(vocabulary: int, *, batches: tuple[int, ...], tokens: int, mixed: int) -> Workload:
    numbers = random.Random(0)

    def draw(length: int) -> list[int]:
        return [numbers.randrange(3, vocabulary) for _ in range(length)]

    def request(number: int, prompt: list[int], count: int) -> dict[str, Any]:
        give_up = numbers.randrange(1, count) if number % 5 == 4 else None
        arrival = number // 4 * 2
        return {"id": f"r{number}", "prompt": prompt, "tokens": count, "arrival": arrival, "giveUpAfter": give_up}

    prefixes = [draw(3 * BLOCK) for _ in range(3)]
    mix = [
        request(number, prefixes[number % 3] + draw(numbers.randrange(40, 200)), numbers.randrange(128, 192))
        for number in range(mixed)
    ]
    groups = [[{"prompt": draw(numbers.randrange(5, 60)), "tokens": tokens} for _ in range(size)] for size in batches]
    longest = -(-(60 + tokens) // BLOCK)
    # One block more, which the engine keeps; at least one request of any length fits.
    return Workload(groups, mix, max(max(batches) * longest, MODEL_LENGTH // BLOCK) + 1)
