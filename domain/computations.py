"""Computations: those with short arguments are cached, and those whose result nobody waits for are given up.

A thread cannot be ended from outside, so long work looks from time to time whether it is given up.
"""

from collections.abc import Callable, Hashable
from contextvars import ContextVar, copy_context
from functools import lru_cache, partial, wraps
from threading import Event
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
Made = TypeVar("Made")


def short_cache(maxsize: int, longest: int, measure: Callable[..., int]) -> Callable[[F], F]:
    """A decorator like `lru_cache` of size `maxsize` that does not cache calls whose `measure` is over `longest`.

    `measure` takes the arguments of the function, and gives their length in whatever makes them large.
    """

    def decorate(function: F) -> F:
        cached = lru_cache(maxsize)(function)

        @wraps(function)
        def call(*args: Hashable) -> Any:
            return cached(*args) if measure(*args) <= longest else function(*args)

        return cast("F", call)

    return decorate


_GIVEN_UP: ContextVar[Event | None] = ContextVar("given_up", default=None)


class GivenUp(Exception):
    """The computation of this thread was given up, since nobody waits for its result."""


def raise_if_given_up() -> None:
    """Raise GivenUp if the work of this thread was given up."""
    given_up = _GIVEN_UP.get()
    if given_up is not None and given_up.is_set():
        raise GivenUp


def cancellable(work: Callable[[], Made]) -> tuple[Callable[[], Made], Callable[[], None]]:
    """Two functions: one does the work, in another thread; the other makes it raise GivenUp at its next check."""
    given_up, context = Event(), copy_context()
    context.run(_GIVEN_UP.set, given_up)
    return partial(context.run, work), given_up.set
