"""Requests that a server must refuse, and survive."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from checks import MODEL, PROMPT, expect

_COMPLETIONS, _CHAT = "/v1/completions", "/v1/chat/completions"
_GOOD = {"model": MODEL, "prompt": PROMPT, "max_tokens": 4}
_REQUESTS: dict[str, tuple[str, bytes | dict[str, Any]]] = {
    "nothing": (_COMPLETIONS, b""),
    "half of JSON": (_COMPLETIONS, b"{"),
    "bytes that are no text": (_COMPLETIONS, b"\xff\xfe\x00"),
    "a list": (_COMPLETIONS, b"[]"),
    "no key": (_COMPLETIONS, {}),
    "no prompt": (_COMPLETIONS, {"model": MODEL}),
    "another model": (_COMPLETIONS, _GOOD | {"model": "another"}),
    "negative max_tokens": (_COMPLETIONS, _GOOD | {"max_tokens": -1}),
    "max_tokens in words": (_COMPLETIONS, _GOOD | {"max_tokens": "many"}),
    "negative temperature": (_COMPLETIONS, _GOOD | {"temperature": -3}),
    "top_p above 1": (_COMPLETIONS, _GOOD | {"top_p": 7}),
    "no choices": (_COMPLETIONS, _GOOD | {"n": 0}),
    "a prompt of another type": (_COMPLETIONS, _GOOD | {"prompt": {"text": "?"}}),
    "a prompt that is too long": (_COMPLETIONS, _GOOD | {"prompt": PROMPT * 4000}),
    "a token outside the vocabulary": (_COMPLETIONS, _GOOD | {"prompt": [10**9]}),
    "too many logprobs": (_COMPLETIONS, _GOOD | {"logprobs": 10**6}),
    "messages that are no list": (_CHAT, {"model": MODEL, "messages": "hello"}),
    "half a token": (_CHAT, {"model": MODEL, "messages": [{"role": "user", "content": "?"}], "max_tokens": 0.5}),
    "no such path": ("/v1/nothing", {}),
}
# vLLM 0.26 itself answers so, whatever model it serves.
_KNOWN = {"a list": 500}


def garbage(url: str) -> dict[str, int]:
    """The status by request. Raises CheckError naming those that are not refused with a 4xx and a reason."""
    answers = {name: _answer(url + path, body) for name, (path, body) in _REQUESTS.items()}
    wrong = {
        name: f"{status} {text[:200]!r}"
        for name, (status, text) in answers.items()
        if not text or not (400 <= status < 500 or _KNOWN.get(name) == status)
    }
    expect(not wrong, f"requests are refused with a 4xx and a reason, but these are answered with {wrong}")
    return {name: status for name, (status, _) in answers.items()}


def _answer(url: str, body: bytes | dict[str, Any]) -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
