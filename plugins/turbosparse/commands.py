"""How commands end: an exit code, and a sentence where it is not 0."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WRONG_RESULT, USAGE, NO_MACHINE, INTERRUPTED = 1, 2, 3, 130


@dataclass(frozen=True)
class Failure:
    """What exceptions of some kinds mean for the caller."""

    kinds: tuple[type[Exception], ...]
    code: int
    sentence: Callable[[Exception], str] = str


def exit_code(
    program: str, command: Callable[[], None], failures: Sequence[Failure], when_interrupted: str = "interrupted"
) -> int:
    """Runs `command`; of its exceptions the first of `failures` that fits says the code and the sentence on stderr."""
    try:
        command()
    except KeyboardInterrupt:
        code, sentence = INTERRUPTED, when_interrupted
    except Exception as error:
        failure = next((failure for failure in failures if isinstance(error, failure.kinds)), None)
        if failure is None:
            raise
        code, sentence = failure.code, failure.sentence(error)
    else:
        return 0
    print(f"{program}: {sentence}", file=sys.stderr)
    return code
