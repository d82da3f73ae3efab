"""What an OpenAI client expects of a server."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from openai import AsyncOpenAI, OpenAI

MODEL = "synthetic"
_KEY = "none"
PROMPT = "The quick brown fox jumps over the lazy dog. "


class CheckError(AssertionError):
    """The server answered otherwise than it must."""


def expect(condition: object, what: str) -> None:
    """Raise CheckError saying what was expected unless it is so."""
    if not condition:
        raise CheckError(what)


def _greedy(tokens: int) -> dict[str, Any]:
    """Arguments of a request whose answer is the same whenever it is asked alone.

    Its own salt keeps it from prefixes in the cache: another number of rows to prefill is another order of summation.
    """
    body = {"ignore_eos": True, "cache_salt": uuid.uuid4().hex}
    return {"model": MODEL, "max_tokens": tokens, "temperature": 0, "extra_body": body}


def greedy_text(url: str, tokens: int = 48) -> str:
    """One completion, which is the same whenever it is asked for."""
    with OpenAI(base_url=f"{url}/v1", api_key=_KEY) as client:
        answer = client.completions.create(prompt=PROMPT, **_greedy(tokens))
    expect(answer.usage is not None and answer.usage.completion_tokens == tokens, f"{tokens} completion tokens")
    return answer.choices[0].text


def openai_client(url: str) -> None:
    """Model list, completion, chat, and both streamed: what is streamed is what is answered at once."""
    with OpenAI(base_url=f"{url}/v1", api_key=_KEY) as client:
        expect([model.id for model in client.models.list()] == [MODEL], f"{MODEL} is the one model listed")
        pieces = [
            chunk.choices[0].text for chunk in client.completions.create(prompt=PROMPT, stream=True, **_greedy(32))
        ]
        whole = client.completions.create(prompt=PROMPT, **_greedy(32)).choices[0].text
        expect(len(pieces) > 1, "a streamed completion comes in several pieces")
        expect("".join(pieces) == whole, "a streamed completion is the one that is answered at once")
        messages = [{"role": "user", "content": PROMPT}]
        chat = client.chat.completions.create(messages=messages, **_greedy(32)).choices[0].message.content
        chunks = client.chat.completions.create(messages=messages, stream=True, **_greedy(32))
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        expect(streamed == chat, "a streamed chat is the one that is answered at once")
        many = client.completions.create(prompt=[PROMPT] * 8, n=2, **(_greedy(32) | {"temperature": 1.0}))
        expect(len(many.choices) == 16, "8 prompts with n=2 have 16 choices")


async def streamed(client: AsyncOpenAI, prompt: str, tokens: int, *, give_up_after: int | None = None) -> int:
    """Tokens that one streamed completion brought, all asked for unless it is given up."""
    stream = await client.completions.create(
        model=MODEL,
        prompt=prompt,
        max_tokens=tokens,
        temperature=1.0,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"ignore_eos": True},
    )
    pieces, used = 0, 0
    async for chunk in stream:
        pieces += 1
        if chunk.usage is not None:
            used = chunk.usage.completion_tokens
        if give_up_after is not None and pieces >= give_up_after:
            await stream.close()
            return pieces
    expect(used == tokens, f"{tokens} tokens are streamed, not {used}")
    return used


def concurrent_streams(url: str, count: int = 64, tokens: int = 64) -> int:
    """Tokens of so many streams at once."""

    async def run() -> int:
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key=_KEY, timeout=600) as client:
            return sum(
                await asyncio.gather(*(streamed(client, f"{number} {PROMPT}", tokens) for number in range(count)))
            )

    return asyncio.run(run())
