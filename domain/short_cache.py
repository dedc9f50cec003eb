"""A cache of calls with short arguments: calls with long ones are answered, and not cached."""

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


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
