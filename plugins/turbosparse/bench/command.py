"""How the commands that measure end."""

from __future__ import annotations

import sys
from collections.abc import Callable

from turbosparse.bench.plan import PlanError
from turbosparse.bench.record import RecordError
from turbosparse.bench.verify import WrongResultError

WRONG_RESULT, USAGE, NO_MACHINE, INTERRUPTED = 1, 2, 3, 130


def exit_code(program: str, command: Callable[[], None], when_interrupted: str = "interrupted") -> int:
    """Runs `command` and turns its exceptions into a sentence on stderr and an exit code; 0 when there is none."""
    try:
        command()
    except WrongResultError as error:
        code, sentence = WRONG_RESULT, f"wrong result: {error}"
    except (PlanError, RecordError, ValueError) as error:
        code, sentence = USAGE, str(error)
    except RuntimeError as error:
        # No library or GPU, no kernel for a shape, no memory: each message says which.
        code, sentence = NO_MACHINE, str(error)
    except KeyboardInterrupt:
        code, sentence = INTERRUPTED, when_interrupted
    else:
        return 0
    print(f"{program}: {sentence}", file=sys.stderr)
    return code
