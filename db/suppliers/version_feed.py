"""Stream of the directory's versions."""

from collections.abc import AsyncGenerator

from db.core.listen_notify import answers
from db.suppliers.write import CHANNEL

# A notification that was lost, or that a connection pooler swallowed, costs at most this.
POLL_SECONDS = 1.0


def listen(url: str, *, poll_seconds: float = POLL_SECONDS) -> AsyncGenerator[int, None]:
    """The stored version of the directory: at once, after every notification, and every `poll_seconds` at the latest.

    A version comes again while nothing changes, as a sign of life; none comes while the database is away. Versions in
    between may be skipped. Ends only with its task, or when it is closed (`contextlib.aclosing`).
    """
    return answers(url, (CHANNEL,), "SELECT version FROM directory_version", poll_seconds=poll_seconds)
