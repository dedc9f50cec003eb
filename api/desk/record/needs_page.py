"""The stored needs of an organisation: listed with their next steps, added by a form, and changed by it."""

from functools import partial
from http import HTTPStatus
from typing import Any, cast, get_args
from uuid import UUID

import msgspec
from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import Done, matched_once
from api.desk.need.need_form import form_of_need, read_need_form
from api.desk.need.need_page import need_form_page
from api.desk.need.understood_need import Understood, mistakes_of, understand, understood_beside
from api.desk.record.stored_need import changed_need, own_need_of
from api.needs.own_need import progress_with_answers
from api.needs.routes import NeedChange, NeedDocument, need_document, plan_need
from api.needs.shortlist_versions import MatchedNeed, new_need_to_match
from api.runtime.actor import Acting
from api.runtime.etag import etag_of
from api.web.pagination import read_cursor, write_cursor
from db.core.engine import Connection, transaction
from db.needs.needs import NeedFilters, select_needs
from domain.errors import InvalidContent
from domain.needs.need import Buyer, Lot, NeedAndProcedure, PlannedNeed
from domain.needs.status import OPEN, Status, next_step
from matching.reference import Reference

STATUS_CODES: tuple[Status, ...] = get_args(Status)
NEEDS_AT_ONCE = 20


@page("GET", "/besoins", scope="needs")
async def list_own_needs(visit: Visit) -> Response[bytes]:
    """The organisation's needs, the newest first, each with its state and next step."""
    chosen = cast("Status", visit.text("etat")) if visit.text("etat") in STATUS_CODES else None
    filters = NeedFilters(None if chosen is None else (chosen,))
    name, organisation = f"besoins/{chosen}", visit.organisation_id
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
    """Store the need that the form says and redirect to it; the form again where something is to be corrected."""
    understood = await understood_beside(visit, read_need_form(visit.fields))
    if understood.need is None:
        return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY)
    content = msgspec.convert(understood.need, PlannedNeed, from_attributes=True)

    async def carry_out(connection: Connection, acting: Acting, matched: MatchedNeed | None) -> Done:
        stored, _ = await plan_need(connection, acting, content, matched)
        return Done(f"/besoins/{stored.id}?fait=garde")

    try:
        return await matched_once(visit, partial(new_need_to_match, content=content), carry_out)
    except InvalidContent as invalid:
        return refused_form(visit, understood, invalid)


def refused_form(visit: Visit, understood: Understood, invalid: InvalidContent) -> Response[bytes]:
    """The form of a need again, with what is to be corrected."""
    refused = understood._replace(mistakes=mistakes_of(invalid))
    return need_form_page(visit, understood.form, refused, HTTPStatus.UNPROCESSABLE_ENTITY)


def taken_over(before: NeedDocument, said: NeedAndProcedure, reference: Reference) -> NeedChange:
    """The need with what its form says otherwise than before; what the form cannot say stays as it is."""
    as_shown = understand(form_of_need(before, keep_ids=True), reference).need
    stored = {lot.id: lot for lot in before.lots}
    shown = {lot.id: lot for lot in as_shown.lots} if as_shown else {}
    lots = []
    for lot in said.lots:
        if (was := stored.get(lot.id)) is None:
            lots.append(lot)
            continue
        changes = _changes(was, shown.get(lot.id), lot, Lot)
        if "title" in changes:
            # other words were read anew: the trades of the old ones are not theirs
            changes["segments"] = lot.segments
        lots.append(msgspec.structs.replace(was, **changes))
    changes = _changes(before, as_shown, said, NeedAndProcedure)
    return msgspec.structs.replace(before, **changes | {"lots": tuple(lots)})


def _changes(before: Any, as_shown: Any, said: Any, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields that the form says otherwise than it was shown; all that it says, where it could not be shown."""
    changes: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "lots":
            continue
        new, old = getattr(said, field.name), getattr(before, field.name)
        shown = field.default if as_shown is None else getattr(as_shown, field.name)
        if new == shown:
            continue
        if isinstance(new, Buyer) and isinstance(old, Buyer):
            # what the form does not say of the buyer stays
            new = msgspec.structs.replace(old, **_changes(old, shown, new, Buyer))
        changes[field.name] = new
    return changes


@page("GET", "/besoins/{need_id}/changer", scope="needs")
async def show_change_form(visit: Visit, need_id: str) -> Response[bytes]:
    """The form, filled in with what the need says."""
    need = await own_need_of(visit, need_id)
    if need.status not in OPEN:
        return visit.redirect(f"/besoins/{need.id}")
    form = form_of_need(need.content, keep_ids=True)
    form = msgspec.structs.replace(form, need_id=str(need.id), known=etag_of(need_document(need)))
    understood = await understood_beside(visit, form)
    # what the form cannot say of the need is no mistake yet
    return need_form_page(visit, understood.form, understood._replace(mistakes=()))


@page("POST", "/besoins/{need_id}/changer", scope="needs")
async def save_changed_need(visit: Visit, need_id: str) -> Response[bytes]:
    """Change a need as its form says and redirect to it; the form again where something is to be corrected."""
    need = await own_need_of(visit, need_id)
    form = msgspec.structs.replace(read_need_form(visit.fields), need_id=str(need.id))
    understood = await understood_beside(visit, form)
    if understood.need is None:
        return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        edit = partial(taken_over, said=understood.need, reference=visit.reference)
        return await changed_need(visit, need, edit, "change")
    except InvalidContent as invalid:
        return refused_form(visit, understood, invalid)


PAGES = (list_own_needs, store_need, show_change_form, save_changed_need)
