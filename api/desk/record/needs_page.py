"""The stored needs of an organisation: listed with their next steps, added by a form, and changed by it."""

from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar, cast, get_args
from uuid import UUID

import msgspec
from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import Done, id_in, matched_once
from api.desk.need.form_of_need import form_of_need
from api.desk.need.need_form import read_need_form
from api.desk.need.need_page import need_form_page
from api.desk.need.understood_need import Understood, mistakes_of, understand, understood_beside
from api.desk.record.stored_need import changed_need, own_need_of
from api.needs.edit_need import NeedChange, NeedDocument, need_document, plan_need
from api.needs.own_need import progress_with_answers
from api.needs.shortlist_versions import MatchedNeed, new_need_to_match
from api.runtime.actor import Acting
from api.web.pagination import read_cursor, write_cursor
from db.core.engine import Connection, transaction
from db.needs.needs import NeedFilters, select_needs
from domain.errors import InvalidContent
from domain.needs.need import Buyer, Lot, Need, NeedAndProcedure, PlannedNeed
from domain.needs.status import NO_NEED, OPEN, Status, next_step
from matching.reference import Reference

STATUS_CODES: tuple[Status, ...] = get_args(Status)
NEEDS_AT_ONCE = 20


@page("GET", "/besoins", scope="needs")
async def list_own_needs(visit: Visit) -> Response[bytes]:
    """The organisation's needs, the newest first, each with its state and next step."""
    chosen = cast("Status", visit.text("etat")) if visit.text("etat") in STATUS_CODES else None
    filters = NeedFilters(None if chosen is None else (chosen,))
    name, organisation = f"besoins/{chosen}", visit.call.bearer.organisation_id
    after = read_cursor(name, visit.text("suite") or None, UUID)
    async with transaction(visit.services.database) as connection:
        fetch = partial(select_needs, connection, organisation, filters)
        found = await fetch(after, NEEDS_AT_ONCE + 1)
        needs = found[:NEEDS_AT_ONCE]
        progress = await progress_with_answers(connection, organisation, needs)
    return visit.page(
        "record/needs.html",
        needs=[(need, next_step(need, progress[need.id])) for need in needs],
        chosen=chosen,
        is_first=after is None,
        following=write_cursor(name, needs[-1].id) if len(found) > len(needs) else None,
    )


@page("POST", "/besoins", scope="needs")
async def store_need(visit: Visit) -> Response[bytes]:
    """The way to the need that the form says, stored; the form again where something in it is to be corrected."""
    understood = await understood_beside(visit, read_need_form(visit.fields))
    if understood.need is None:
        return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        return await _stored(visit, understood.need)
    except InvalidContent as invalid:
        return refused_form(visit, understood, invalid)


def refused_form(visit: Visit, understood: Understood, invalid: InvalidContent) -> Response[bytes]:
    """The form of a need again, with what is to be corrected."""
    refused = understood._replace(mistakes=tuple(mistakes_of(invalid)))
    return need_form_page(visit, understood.form, refused, HTTPStatus.UNPROCESSABLE_ENTITY)


async def _stored(visit: Visit, need: NeedAndProcedure) -> Response[bytes]:
    content = msgspec.convert(need, PlannedNeed, from_attributes=True)

    async def carry_out(connection: Connection, acting: Acting, matched: MatchedNeed | None) -> Done:
        stored, _ = await plan_need(connection, acting, content, matched)
        return Done(f"/besoins/{stored.id}?fait=garde")

    return await matched_once(visit, partial(new_need_to_match, content=content), carry_out)


T = TypeVar("T", bound=msgspec.Struct)


def taken_over(before: NeedDocument, said: NeedAndProcedure, reference: Reference) -> NeedChange:
    """The need with what its form says otherwise than before; what the form cannot say stays as it is."""
    as_shown = understand(form_of_need(before, keep_ids=True), reference).need
    changes = _changes(before, as_shown, said, NeedAndProcedure)
    return msgspec.structs.replace(before, **changes | {"lots": tuple(_lots(before, as_shown, said))})


def _lots(before: Need, as_shown: Need | None, said: Need) -> list[Lot]:
    stored = {lot.id: lot for lot in before.lots}
    shown = {lot.id: lot for lot in as_shown.lots} if as_shown else {}
    return [_lot(stored[lot.id], shown.get(lot.id), lot) if lot.id in stored else lot for lot in said.lots]


def _lot(before: Lot, as_shown: Lot | None, said: Lot) -> Lot:
    changes = _changes(before, as_shown, said, Lot)
    if "title" in changes:
        # other words were read anew: the trades of the old ones are not theirs
        changes["segments"] = said.segments
    return msgspec.structs.replace(before, **changes)


def _changes(before: Any, as_shown: Any, said: Any, kind: type[T]) -> dict[str, Any]:
    """The fields that the form says otherwise than it was shown; all that it says, where it could not be shown."""
    changes: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "lots":
            continue
        new = getattr(said, field.name)
        shown = field.default if as_shown is None else getattr(as_shown, field.name)
        if new != shown:
            changes[field.name] = _value(getattr(before, field.name), shown, new)
    return changes


def _value(before: Any, shown: Any, new: Any) -> Any:
    """A field as it is to be stored: of the buyer, what the form does not say stays."""
    if isinstance(new, Buyer) and isinstance(before, Buyer):
        return msgspec.structs.replace(before, **_changes(before, shown, new, Buyer))
    return new


@page("GET", "/besoins/{need_id}/changer", scope="needs")
async def show_change_form(visit: Visit, need_id: str) -> Response[bytes]:
    """The form, filled in with what the need says."""
    need = await own_need_of(visit, need_id)
    if need.status not in OPEN:
        return visit.redirect(f"/besoins/{need.id}")
    form = form_of_need(need.content, keep_ids=True)
    form = msgspec.structs.replace(form, need_id=str(need.id), known=need_document(need).etag)
    understood = await understood_beside(visit, form)
    # what the form cannot say of the need is no mistake yet
    return need_form_page(visit, understood.form, understood._replace(mistakes=()))


@page("POST", "/besoins/{need_id}/changer", scope="needs")
async def save_changed_need(visit: Visit, need_id: str) -> Response[bytes]:
    """The way to the need as the form changes it; the form again where something in it is to be corrected."""
    form = msgspec.structs.replace(read_need_form(visit.fields), need_id=str(id_in(need_id, NO_NEED)))
    await own_need_of(visit, need_id)
    understood = await understood_beside(visit, form)
    said = understood.need
    if said is None:
        return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY)

    def edit(before: NeedDocument) -> NeedChange:
        return taken_over(before, said, visit.services.reference)

    try:
        return await changed_need(visit, need_id, edit, "change")
    except InvalidContent as invalid:
        return refused_form(visit, understood, invalid)


PAGES = (
    list_own_needs,
    store_need,
    show_change_form,
    save_changed_need,
)
