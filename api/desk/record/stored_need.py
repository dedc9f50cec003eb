"""The parts that all pages of a stored need share: the need itself, changes that cross another's."""

from collections.abc import Awaitable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response

from api.desk.frame.form import NAME, Field, Mistake, read_form
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import acting_at, id_in
from api.desk.need.need_form import lots_from
from api.desk.need.need_in_words import changed_lines
from api.needs.own_need import own_need
from api.needs.routes import Edit, edit_need, need_document
from api.runtime.etag import etag_of
from api.web.problems import Refusal
from db.core.engine import transaction
from domain.needs.status import NO_NEED, StoredNeed
from domain.report.lots import best_outcome
from domain.shortlists.frozen import FrozenShortlist
from domain.shortlists.shortlist import LotShortlist, Shortlist

KNOWN_FIELD = "etat"
"""The field with the entity tag of the need as the form was filled in from it."""


class LotEntryForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form about one lot of a page of lots. `place`: of the lot in the page, from 1."""

    place: Annotated[str, Field("rang")] = ""
    lot: Annotated[str, Field("lot")] = ""

    @property
    def names(self) -> str:
        """The ids of its fields in the page."""
        return f"lot-{self.place}-{NAME}"


LotForm = TypeVar("LotForm", bound=LotEntryForm)


def read_lot_form(form: type[LotForm], visit: Visit) -> LotForm:
    """The form about a lot that is sent; about the first, where it does not say which."""
    read = read_form(form, visit.fields)
    is_placed = read.place.isascii() and read.place.isdecimal()
    return read if is_placed else msgspec.structs.replace(read, place="1")


async def own_need_of(visit: Visit, need_id: str) -> StoredNeed:
    """The need of a path, of the visitor's organisation. Raises NotFound."""
    async with transaction(visit.services.database) as connection:
        return await own_need(connection, visit.organisation_id, id_in(need_id, NO_NEED))


def stored_need_page(
    visit: Visit,
    template: str,
    need: StoredNeed,
    status: int | None = None,
    mistakes: Sequence[Mistake] = (),
    **shown: Any,
) -> Response[bytes]:
    """A page about a need. `shown`: what the template reads besides the need, its entity tag and the mistakes."""
    return visit.page(template, status, need=need, etag=etag_of(need_document(need)), mistakes=mistakes, **shown)


def known_tag(visit: Visit) -> str:
    """The entity tag of the need from which the form was filled in; one that no need has where the form names none."""
    return visit.text(KNOWN_FIELD) or '""'


async def is_crossed(change: Awaitable[object]) -> bool:
    """Whether a change was not made, because somebody else made one since the form was shown. Raises as the change."""
    try:
        await change
    except Refusal as refusal:
        if refusal.kind.slug != "stale-version":
            raise
        return True
    return False


async def changed_need(visit: Visit, need: StoredNeed, edit: Edit, told: str) -> Response[bytes]:
    """Redirect to the need as `edit` changed it; show both where somebody else changed it meanwhile.

    `told`: the word by which the page of the need says what was done. Raises as `edit_need`.
    """
    if await is_crossed(edit_need(acting_at(visit), need.id, known_tag(visit), edit)):
        need = await own_need_of(visit, str(need.id))
        now = need_document(need)
        if lines := list(changed_lines(now, edit(now), visit.reference)):
            typed = [(name, text) for name, text in visit.typed() if name != KNOWN_FIELD]
            again, path = [*typed, (KNOWN_FIELD, etag_of(now))], visit.call.scope["path"]
            shown: dict[str, Any] = {"lines": lines, "again": again, "path": path}
            return stored_need_page(visit, "record/need_crossed.html", need, HTTPStatus.CONFLICT, **shown)
    return visit.redirect(f"/besoins/{need.id}?fait={told}")


def parts_of_version(version: FrozenShortlist, shortlist: Shortlist, place: str) -> dict[str, Any]:
    """The parts that pages of a version share: the lots from that place on, what was asked of them and decided."""

    def listed(lot: LotShortlist) -> int:
        return len(lot.candidates) + len(lot.near_misses) + len(lot.unknown_trade.nearest)

    return {
        "version": version,
        "shown": lots_from(shortlist.lots, place, listed),
        "decisions": {(each.lot_id, each.supplier_id): each for each in version.decisions},
        "titles": {lot.id: lot.title or "" for lot in version.need.lots},
        "reserved": {lot.id: lot.reserved for lot in version.need.lots},
        "best_outcome": best_outcome,
    }
