"""The failure of a command, and its exit status."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from api.settings import BadSetting
from db.embedded.home import EmbeddedError
from domain.errors import DomainError

FAILED = 1
USAGE = 2
INTERRUPTED = 130
ORDERLY = (0, FAILED, USAGE, INTERRUPTED)
"""The exit statuses of a command that was not ended by a crash."""


class CommandFailed(Exception):
    """The message is for the person who typed the command; `status` is the command's exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


def status_of(command: Callable[[], int]) -> int:
    """The exit status of a command, whose failure is written to standard error; raises what is the program's fault."""
    try:
        status = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read us has seen enough; the interpreter would complain once more when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as failure:
        if (message := _message(failure)) is None:
            raise
        with suppress(BrokenPipeError):
            sys.stderr.write(f"vivier: {message}\n")
        if isinstance(failure, BadSetting):
            return USAGE
        return failure.status if isinstance(failure, CommandFailed) else FAILED
    return status


def _message(failure: Exception) -> str | None:
    """The failure in words for the person who typed the command; None for a fault of the program."""
    if isinstance(failure, CommandFailed | BadSetting | DomainError | EmbeddedError):
        return str(failure)
    from db.core.connect import is_away, refusal  # noqa: PLC0415 - most commands never come here

    if (said := refusal(failure)) is not None:
        return f"the database refused the connection: {said}"
    if is_away(failure):
        return f"the database cannot be reached; check DATABASE_URL ({type(failure).__name__}: {failure})"
    return None
