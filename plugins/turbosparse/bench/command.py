"""How the commands that measure end."""

from __future__ import annotations

from collections.abc import Callable

from turbosparse import commands
from turbosparse.bench.plan import PlanError
from turbosparse.bench.record import RecordError
from turbosparse.bench.verify import WrongResultError

_FAILURES = (
    commands.Failure((WrongResultError,), commands.WRONG_RESULT, lambda error: f"wrong result: {error}"),
    commands.Failure((PlanError, RecordError, ValueError), commands.USAGE),
    # No library or GPU, no kernel for a shape, no memory: each message says which.
    commands.Failure((RuntimeError,), commands.NO_MACHINE),
)


def exit_code(program: str, command: Callable[[], None], when_interrupted: str = "interrupted") -> int:
    """Runs `command` and turns its exceptions into a sentence on stderr and an exit code; 0 when there is none."""
    return commands.exit_code(program, command, _FAILURES, when_interrupted)
