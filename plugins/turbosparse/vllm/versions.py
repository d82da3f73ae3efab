"""The versions of vLLM that the adapter is written for and tested with."""

from __future__ import annotations

import re

# First and last minor version, both included. docs/vllm.md says the same.
OLDEST = (0, 24)
NEWEST = (0, 33)


def supported_range() -> str:
    """For sentences: `0.24 to 0.33`."""
    return " to ".join(f"{major}.{minor}" for major, minor in (OLDEST, NEWEST))


def is_supported(version: str) -> bool:
    """Whether `vllm.__version__` lies in the range; one without numbers, as a build outside git has, does not."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and OLDEST <= (int(found[1]), int(found[2])) <= NEWEST


def refusal(version: str, own_version: str) -> str | None:
    """Why this vLLM cannot serve the models, or None when it can."""
    if is_supported(version):
        return None
    return (
        f"turbosparse {own_version} supports vLLM {supported_range()}, and this is vLLM {version}: TurboSparse models "
        "cannot be served. Install a turbosparse wheel made for it, or a supported vLLM; other models are not affected."
    )
