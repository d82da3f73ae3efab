"""The versions of a server that an adapter is written for and tested with."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """First and last minor version of `server`, both included."""

    server: str
    oldest: tuple[int, int]
    newest: tuple[int, int]

    def __str__(self) -> str:
        """For sentences: `0.24 to 0.33`."""
        return " to ".join(f"{major}.{minor}" for major, minor in (self.oldest, self.newest))

    def holds(self, version: str) -> bool:
        """Whether the server's `__version__` lies in it; one without numbers, as a build outside git has, does not."""
        found = re.match(r"(\d+)\.(\d+)", version)
        return found is not None and self.oldest <= (int(found[1]), int(found[2])) <= self.newest

    def refusal(self, version: str, own_version: str) -> str | None:
        """Why this version of the server cannot serve the models, or None when it can."""
        if self.holds(version):
            return None
        return (
            f"turbosparse {own_version} supports {self.server} {self}, and this is {self.server} {version}: "
            "TurboSparse models cannot be served. Install a turbosparse wheel made for it, or a supported "
            f"{self.server}; other models are not affected."
        )
