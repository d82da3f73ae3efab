"""Minutes of everything a server gets, and its memory before and after."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import asdict, dataclass
from typing import Any

from checks import PROMPT, expect, streamed
from openai import AsyncOpenAI
from server import Server, device_bytes

STREAMS = 64
# Pools and caches fill during the first part, after which memory must stand still.
_WARM_UP_SHARE = 0.35
_HOST_GROWTH, _DEVICE_GROWTH = 128 * 2**20, 64 * 2**20


@dataclass
class Counts:
    """What the clients did."""

    requests: int = 0
    given_up: int = 0
    tokens: int = 0


def soak(server: Server, seconds: float) -> dict[str, Any]:
    """Load the server for so long. Raises CheckError when memory grew or a request failed."""
    counts = Counts()
    begin = _memory_after(server, seconds * _WARM_UP_SHARE, counts)
    end = _memory_after(server, seconds * (1 - _WARM_UP_SHARE), counts)
    growth = {name: None if None in (begin[name], end[name]) else end[name] - begin[name] for name in begin}
    for name, most in (("host", _HOST_GROWTH), ("device", _DEVICE_GROWTH)):
        grown = growth[name]
        expect(grown is None or grown <= most, f"{name} memory stays, but grew by {grown} bytes in {seconds:.0f} s")
    expect(counts.given_up > 0, "some streams are given up")
    return {**asdict(counts), "seconds": round(seconds), "bytesBefore": begin, "bytesAfter": end}


def _memory_after(server: Server, seconds: float, counts: Counts) -> dict[str, int | None]:
    """Bytes in use when the load of so many seconds has ended."""
    asyncio.run(_load(server.url, seconds, counts))
    return {"host": server.host_bytes(), "device": device_bytes()}


async def _load(url: str, seconds: float, counts: Counts) -> None:
    end = time.monotonic() + seconds
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", timeout=600) as client:
        await asyncio.gather(*(_client(client, random.Random(number), end, counts) for number in range(STREAMS)))


async def _client(client: AsyncOpenAI, numbers: random.Random, end: float, counts: Counts) -> None:
    while time.monotonic() < end:
        prompt = f"{numbers.randrange(10**6)} {PROMPT * numbers.randrange(1, 20)}"
        give_up = numbers.randrange(1, 8) if numbers.random() < 0.15 else None
        tokens = await streamed(client, prompt, numbers.randrange(8, 128), give_up_after=give_up)
        counts.tokens += tokens
        counts.requests += 1
        counts.given_up += give_up is not None
