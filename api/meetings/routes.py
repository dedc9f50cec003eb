"""Meetings with suppliers before publication: planned, held, minuted, and what follows from them."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, timedelta
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.meetings.icalendar import CALENDAR, calendar_of, calendar_of_one
from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, require_match, unless_known
from api.runtime.idempotency import HEADERS, once
from api.web.content_negotiation import JSON
from api.web.dates import end_of, first_moment
from api.web.merge_patch import Patch, patched
from api.web.pagination import Page, Paging, paged
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from db.meetings.meetings import (
    MeetingFilters,
    Position,
    insert_meeting,
    lock_meeting,
    select_meeting,
    select_meetings,
    unknown_needs,
    write_meeting,
)
from db.suppliers.read import living_suppliers
from domain.audit import Detail
from domain.errors import InvalidContent, NotFound, Problem, pointer
from domain.meetings.meeting import (
    TEMPLATES,
    Meeting,
    MeetingRequest,
    Participant,
    Template,
    planned,
    problems,
    require_move,
)
from domain.text.bilingual import Text

TAG = "Meetings"
NO_MEETING = Text("Aucune réunion de cet identifiant", "No meeting of this id")
IN_A_FEED = 2_000


class MeetingQuery(Paging, frozen=True, kw_only=True):
    """Which meetings: about a need, and starting on these days (in France, both included)."""

    need: UUID | None = None
    from_: Annotated[date | None, msgspec.Meta(description="The first day")] = msgspec.field(default=None, name="from")
    to: Annotated[date | None, msgspec.Meta(description="The last day")] = None


class Templates(msgspec.Struct, frozen=True):
    """Formats that have an agenda of their own."""

    items: tuple[Template, ...]


@endpoint("POST", "/meetings", tag=TAG, scope="needs", answers=Meeting, status=201, headers=HEADERS, example="meeting")
async def plan_meeting(call: Call, body: MeetingRequest) -> Response[bytes]:
    """Plan a meeting, or note one that was held.

    It is about one or several needs of the organisation. Without `agenda`, it has that of its format:
    `GET /meetings/templates`. A supplier is named by `supplier_id`; persons are kept apart and can be erased.
    """
    services = call.services
    async with transaction(services.database) as connection:

        async def carry_out() -> Answer:
            request = await _checked(call, connection, planned(body), frozenset())
            now = services.now()
            meeting = await insert_meeting(connection, call.bearer.organisation_id, request, now)
            await write_entry(connection, actor_of(call), "meeting.created", f"meeting:{meeting.id}", now, version=1)
            headers = {"content-type": JSON, "etag": _etag(meeting), "location": f"/meetings/{meeting.id}"}
            return Answer(201, headers, msgspec.json.encode(meeting))

        return await once(call, connection, msgspec.json.encode(body), carry_out)


@endpoint("GET", "/meetings", tag=TAG, scope="needs", answers=Page[Meeting])
async def list_meetings(call: Call, query: MeetingQuery) -> Response[bytes]:
    """The organisation's meetings, in the order in which they start."""
    async with transaction(call.services.database) as connection:
        fetch = partial(select_meetings, connection, call.bearer.organisation_id, _filters(query))
        return await paged(call, query, "meetings", Position, fetch, key=lambda it: Position(it.starts_at, it.id))


@endpoint("GET", "/meetings/templates", tag=TAG, scope="needs", answers=Templates)
async def list_meeting_templates(_: Call) -> Templates:
    """How meetings of a format are usually held, and for how long."""
    return Templates(tuple(TEMPLATES.values()))


@endpoint(
    "GET",
    "/meetings/{id}",
    tag=TAG,
    scope="needs",
    answers=Meeting,
    status=(200, 304),
    headers=IF_NONE_MATCH,
)
async def show_meeting(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """A meeting: who came, what was said, what follows."""
    meeting = await _own(call, id)
    return unless_known(call, msgspec.json.encode(meeting), JSON, _etag(meeting), max_age=None)


@endpoint(
    "PATCH",
    "/meetings/{id}",
    tag=TAG,
    scope="needs",
    answers=Meeting,
    patch=MeetingRequest,
    headers=IF_MATCH,
    problems=("conflict", "stale-version"),
)
async def change_own_meeting(call: Call, id: UUID, body: Patch) -> Response[bytes]:  # noqa: A002
    """Change a meeting: who came, the minutes, what follows; or that it was held or is cancelled.

    Lists are replaced as a whole. `held` and `cancelled` are final, 409 for another status; all else can be completed
    afterwards. Calendars hear of a new time, place, title, agenda or status (`SEQUENCE`).
    """
    services, organisation = call.services, call.bearer.organisation_id
    async with transaction(services.database) as connection:
        before = await lock_meeting(connection, organisation, id)
        require_match(call, None if before is None else _etag(before))
        if before is None:
            raise NotFound(NO_MEETING)
        known = frozenset(each.supplier_id for each in before.participants)
        request = await _checked(call, connection, planned(patched(before, body, MeetingRequest)), known)
        require_move(before.status, request.status)
        now = services.now()
        after = await write_meeting(connection, organisation, before, request, now)
        if after is not before:
            action = "meeting.changed" if after.status == before.status else f"meeting.{after.status}"
            detail: Detail = {"fields": _changed(before, after)}
            await write_entry(
                connection, actor_of(call), action, f"meeting:{id}", now, version=after.version, detail=detail
            )
    return Response(msgspec.json.encode(after), headers={"content-type": JSON, "etag": _etag(after)})


@endpoint("GET", "/meetings/{id}.ics", tag=TAG, scope="needs", answers={CALENDAR: str})
async def show_meeting_in_calendar(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002
    """A meeting as iCalendar (RFC 5545), in the time of Paris; a cancelled one tells calendars so."""
    meeting = await _own(call, id)
    return Response(calendar_of_one(meeting, call.services.reference.territories), media_type=CALENDAR)


@endpoint("GET", "/meetings.ics", tag=TAG, scope="needs", answers={CALENDAR: str}, status=(200, 304))
async def show_calendar(call: Call) -> Response[bytes]:
    """The organisation's meetings as a calendar to subscribe to, the cancelled ones too.

    Those of the last two years and all to come. No person is named in it.
    """
    since = call.services.now() - timedelta(days=730)
    async with transaction(call.services.database) as connection:
        filters = MeetingFilters(after=since)
        found = await select_meetings(connection, call.bearer.organisation_id, filters, None, IN_A_FEED)
    return unless_known(call, calendar_of(found, call.services.reference.territories), CALENDAR, max_age=None)


ROUTES = (
    plan_meeting,
    list_meetings,
    list_meeting_templates,
    show_meeting,
    change_own_meeting,
    show_meeting_in_calendar,
    show_calendar,
)


async def _own(call: Call, meeting_id: UUID) -> Meeting:
    async with transaction(call.services.database) as connection:
        meeting = await select_meeting(connection, call.bearer.organisation_id, meeting_id)
    if meeting is None:
        raise NotFound(NO_MEETING)
    return meeting


async def _checked(
    call: Call, connection: Connection, request: MeetingRequest, known: frozenset[UUID | None]
) -> MeetingRequest:
    """The request as it is kept: each need once, times in UTC, suppliers by their present name. Raises InvalidContent.

    `known`: suppliers that the meeting names already; they stay, also once they left the directory.
    """
    found = list(problems(request))
    unknown = await unknown_needs(connection, call.bearer.organisation_id, request.need_ids)
    detail = Text("Aucun besoin de cet identifiant", "No need of this id")
    found += [
        Problem(pointer("need_ids", place), "unknown_need", detail)
        for place, need_id in enumerate(request.need_ids)
        if need_id in unknown
    ]
    commune = request.place and request.place.commune
    if commune and call.services.reference.territories.commune_ordinal(commune) is None:
        unknown_commune = Text(
            f"« {commune} » n'est le code INSEE d'aucune commune", f"“{commune}” is the INSEE code of no commune"
        )
        found.append(Problem(pointer("place", "commune"), "unknown_code", unknown_commune))
    asked = {each.supplier_id for each in request.participants if each.supplier_id is not None}
    names = {asked: supplier.name for asked, supplier in (await living_suppliers(connection, asked)).items()}
    found += _unknown_suppliers(request.participants, known | names.keys())
    if found:
        raise InvalidContent(tuple(found))
    return msgspec.structs.replace(
        request,
        need_ids=tuple(dict.fromkeys(request.need_ids)),
        starts_at=request.starts_at.astimezone(UTC),
        ends_at=request.ends_at.astimezone(UTC),
        participants=tuple(_as_kept(each, names) for each in request.participants),
    )


def _changed(before: MeetingRequest, after: MeetingRequest) -> list[str]:
    return [name for name in MeetingRequest.__struct_fields__ if getattr(before, name) != getattr(after, name)]


def _unknown_suppliers(participants: Sequence[Participant], known: Collection[UUID | None]) -> list[Problem]:
    detail = Text("Aucun fournisseur de cet identifiant", "No supplier of this id")
    return [
        Problem(pointer("participants", place, "supplier_id"), "unknown_supplier", detail)
        for place, each in enumerate(participants)
        if each.supplier_id is not None and each.supplier_id not in known
    ]


def _as_kept(each: Participant, names: dict[UUID, str]) -> Participant:
    organisation = each.organisation
    if organisation is None and each.supplier_id is not None:
        organisation = names.get(each.supplier_id)
    invited_at = None if each.invited_at is None else each.invited_at.astimezone(UTC)
    return msgspec.structs.replace(each, organisation=organisation, invited_at=invited_at)


def _filters(query: MeetingQuery) -> MeetingFilters:
    return MeetingFilters(
        need_id=query.need,
        after=first_moment(query.from_),
        before=end_of(query.to),
    )


def _etag(meeting: Meeting) -> str:
    return f'"{meeting.version}"'
