"""Work in a thread that may be given up: a thread cannot be ended from outside, so the work looks from time to time."""

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import partial
from threading import Event
from typing import TypeVar

T = TypeVar("T")

_GIVEN_UP: ContextVar[Event | None] = ContextVar("given_up", default=None)


class GivenUp(Exception):
    """Nobody waits any more for what is being computed."""


def require_wanted() -> None:
    """Raises GivenUp where the work of this thread was given up."""
    given_up = _GIVEN_UP.get()
    if given_up is not None and given_up.is_set():
        raise GivenUp


def may_be_given_up(work: Callable[[], T]) -> tuple[Callable[[], T], Callable[[], None]]:
    """The work, for another thread to call, and a function that gives it up."""
    given_up, context = Event(), copy_context()
    context.run(_GIVEN_UP.set, given_up)
    return partial(context.run, work), given_up.set
