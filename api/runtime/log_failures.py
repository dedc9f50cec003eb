"""Failures in background loops: they are logged, and the loop goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from db.core.connect import is_away

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@contextmanager
def logged_failures(message: str) -> Iterator[None]:
    """Log an exception of the block under `message` and swallow it; without its trace where the database is away."""
    try:
        yield
    except Exception as failure:
        if is_away(failure):
            log.warning(message, failure=type(failure).__name__)
        else:
            log.exception(message)
