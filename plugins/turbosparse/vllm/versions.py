"""The versions of vLLM that the adapter is written for and tested with."""

from __future__ import annotations

from turbosparse.windows import Window

# docs/vllm.md says the same.
WINDOW = Window("vLLM", (0, 24), (0, 33))


def supported_range() -> str:
    """For sentences: `0.24 to 0.33`."""
    return str(WINDOW)


def is_supported(version: str) -> bool:
    """Whether `vllm.__version__` lies in the range; one without numbers, as a build outside git has, does not."""
    return WINDOW.holds(version)


def refusal(version: str, own_version: str) -> str | None:
    """Why this vLLM cannot serve the models, or None when it can."""
    return WINDOW.refusal(version, own_version)
