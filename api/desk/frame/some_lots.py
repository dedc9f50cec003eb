"""Pages of the lots of a need, none too long."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

LOTS_AT_ONCE, LINES_AT_ONCE, MOST_DIGITS = 10, 200, 4


class SomeLots(NamedTuple):
    """The lots that one page shows, of a need that may have 200.

    `first`: the place of the first, from 1; `before`, `after`: that of the first on the pages beside, if any.
    """

    lots: Sequence[Any]
    first: int
    total: int
    before: int | None
    after: int | None


def lots_from(lots: Sequence[Any], place: str, lines: Callable[[Any], int] = lambda _: 1) -> SomeLots:
    """The page of lots on which the lot of that place is; the first page, where there is none.

    `lines`: the number of lines that a lot takes. A page has at most ten lots and 200 lines, or one lot.
    """
    wanted = int(place) if place.isascii() and place.isdecimal() and len(place) < MOST_DIGITS else 1
    at = wanted - 1 if 1 <= wanted <= len(lots) else 0
    starts, used = [0], 0
    for index, lot in enumerate(lots):
        used += lines(lot)
        if index > starts[-1] and (index - starts[-1] == LOTS_AT_ONCE or used > LINES_AT_ONCE):
            starts.append(index)
            used = lines(lot)
    page = max(number for number, start in enumerate(starts) if start <= at)
    first, end = starts[page], starts[page + 1] if page + 1 < len(starts) else len(lots)
    return SomeLots(
        lots[first:end],
        first + 1,
        len(lots),
        before=starts[page - 1] + 1 if page else None,
        after=end + 1 if end < len(lots) else None,
    )
