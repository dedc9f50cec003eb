"""The parts that all pages of a stored need share: the need itself, changes that cross another's, pages of lots."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from litestar import Response

from api.desk.need_in_words import changed_lines
from api.desk.understood_place import Mistake
from api.desk.visit import Visit
from api.desk.written_once import acting_at, id_in
from api.needs.edit_need import Edit, edit_need, need_document
from api.needs.own_need import own_need
from api.web.problems import Refusal
from db.core.engine import transaction
from domain.needs.status import NO_NEED, StoredNeed
from domain.shortlists.shortlist import LotShortlist

LOTS_AT_ONCE, LINES_AT_ONCE, MOST_DIGITS = 10, 200, 4
KNOWN_FIELD = "etat"
"""The field with the entity tag of the need as the form was filled in from it."""


async def own_need_of(visit: Visit, need_id: str) -> StoredNeed:
    """The need of a path, of the visitor's organisation. Raises NotFound."""
    async with transaction(visit.services.database) as connection:
        return await own_need(connection, visit.call.bearer.organisation_id, id_in(need_id, NO_NEED))


def stored_need_page(
    visit: Visit,
    template: str,
    need: StoredNeed,
    status: int = HTTPStatus.OK,
    mistakes: tuple[Mistake, ...] = (),
    **shown: Any,
) -> Response[bytes]:
    """A page about a need. `shown`: what the template reads besides the need, its entity tag and the mistakes."""
    etag, wrong = need_document(need).etag, {mistake.field for mistake in mistakes}
    return visit.page(template, status, need=need, etag=etag, mistakes=mistakes, wrong=wrong, **shown)


def known_tag(visit: Visit) -> str:
    """The entity tag of the need from which the form was filled in; one that no need has where the form names none."""
    return visit.text(KNOWN_FIELD) or '""'


async def changed_need(visit: Visit, need_id: str, edit: Edit, told: str) -> Response[bytes]:
    """The way to the need as `edit` changed it; a page that shows both where somebody else changed it meanwhile.

    `told`: the word by which the page of the need says what was done. Raises as `edit_need`.
    """
    done = f"/besoins/{id_in(need_id, NO_NEED)}?fait={told}"
    try:
        await edit_need(acting_at(visit), id_in(need_id, NO_NEED), known_tag(visit), edit)
    except Refusal as refusal:
        if refusal.kind.slug != "stale-version":
            raise
        return await _crossed(visit, need_id, edit) or visit.redirect(done)
    return visit.redirect(done)


async def _crossed(visit: Visit, need_id: str, edit: Edit) -> Response[bytes] | None:
    """The need as it is now beside what was typed; None where both say the same."""
    need = await own_need_of(visit, need_id)
    now = need_document(need)
    lines = list(changed_lines(now, edit(now), visit.services.reference))
    if not lines:
        return None
    typed = [(name, text) for name, text in visit.typed() if name != KNOWN_FIELD]
    again = [*typed, (KNOWN_FIELD, now.etag)]
    path = visit.call.scope["path"]
    return stored_need_page(visit, "need_crossed.html", need, HTTPStatus.CONFLICT, lines=lines, again=again, path=path)


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


def listed_lines(lot: LotShortlist) -> int:
    """The number of suppliers that a version lists for a lot."""
    return len(lot.candidates) + len(lot.near_misses) + len(lot.unknown_trade.nearest)
