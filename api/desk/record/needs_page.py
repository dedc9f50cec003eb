"""The stored needs of an organisation: a page that lists them with their next steps, and the form that adds one."""

from functools import partial
from http import HTTPStatus
from typing import cast, get_args
from uuid import UUID

import msgspec
from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import Done, matched_once
from api.desk.need.need_form import read_need_form
from api.desk.need.need_page import need_form_page
from api.desk.need.understood_need import Understood, mistakes_of, understood_beside
from api.needs.edit_need import plan_need
from api.needs.match_own_need import MatchedNeed, new_need_to_match
from api.needs.progress import progress_with_answers
from api.runtime.actor import Acting
from api.web.pagination import read_cursor, write_cursor
from db.core.engine import Connection, transaction
from db.needs.needs import NeedFilters, select_needs
from domain.errors import InvalidContent
from domain.needs.need import NeedAndProcedure, PlannedNeed
from domain.needs.status import Status, next_step

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


PAGES = (list_own_needs, store_need)
