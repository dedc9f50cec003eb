"""Meetings with suppliers before publication: routes, also as iCalendar, and the use cases that the desk shares."""

from collections.abc import Collection, Iterator
from datetime import UTC, date
from functools import partial
from uuid import UUID

import msgspec
from litestar import Response

from api.meetings.calendar import CALENDAR, TAG, calendar_of_one, organisation_calendar
from api.runtime.actor import Acting, acting_of, require_storage
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_NONE_MATCH, alteration, conditional_get, etag_response, require_match
from api.runtime.idempotency import carried_out_once, created_answer, creation
from api.web.pagination import Page, Paging, answer_page
from api.web.query_string import end_of_day, start_of_day
from api.web.request_body import Patch, apply_patch
from db.core.engine import Connection
from db.idempotency import Answer
from db.journal.entries import write_entry
from db.meetings import (
    MeetingFilters,
    MeetingKey,
    insert_meeting,
    select_meeting,
    select_meetings,
    unknown_needs,
    write_meeting,
)
from db.suppliers.read import living_suppliers
from domain.errors import InvalidContent, NotFound, Problem, pointer, require_found
from domain.journal import Detail
from domain.meetings.meeting import (
    TEMPLATES,
    Meeting,
    MeetingRequest,
    MeetingTemplate,
    Participant,
    changed_fields,
    meeting_problems,
    require_move,
    with_agenda,
)
from domain.needs.status import NO_NEED
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import Text, said_by
from matching.reference import code_problems

meetings_endpoint = partial(endpoint, tag=TAG, scope="needs")
NO_MEETING = Text("Aucune réunion de cet identifiant", "No meeting with this id")


class MeetingQuery(Paging, frozen=True, kw_only=True):
    """Filters of a list of meetings: about a need, and starting on these days (in France, both included)."""

    need: UUID | None = None
    """Only meetings about this need"""
    from_: date | None = msgspec.field(default=None, name="from")
    """The first day"""
    to: date | None = None
    """The last day"""


class MeetingTemplateList(msgspec.Struct, frozen=True):
    """Formats that have an agenda of their own."""

    items: tuple[MeetingTemplate, ...]
    """One for each format"""


@creation("/meetings", tag=TAG, scope="needs", answers=Meeting, problems=("storage-quota",), example="meeting")
@carried_out_once
async def create_meeting(call: Call, body: MeetingRequest, connection: Connection) -> Answer:
    """Plan a meeting, or note one that was held.

    It is about one or several needs of the organisation, or about a `territory` before there is any need (`need_ids`
    empty). Without `agenda`, it has that of its format: `GET /meetings/templates`. A supplier is named by
    `supplier_id`; persons are stored apart and can be erased.
    """
    meeting = await plan_meeting(connection, acting_of(call), body)
    return created_answer(meeting, f"/meetings/{meeting.id}", _etag(meeting))


@meetings_endpoint("GET", "/meetings", answers=Page[Meeting])
async def list_meetings(call: Call, query: MeetingQuery, connection: Connection) -> Response[bytes]:
    """The organisation's meetings, in the order in which they start."""
    filters = MeetingFilters(need_id=query.need, after=start_of_day(query.from_), before=end_of_day(query.to))
    fetch = partial(select_meetings, connection, call.bearer.organisation_id, filters)
    return await answer_page(call, query, "meetings", MeetingKey, fetch, key=lambda it: MeetingKey(it.starts_at, it.id))


@meetings_endpoint("GET", "/meetings/templates", answers=MeetingTemplateList)
async def list_meeting_templates(_: Call) -> MeetingTemplateList:
    """The usual agenda and length of a meeting, for each format."""
    return MeetingTemplateList(tuple(TEMPLATES.values()))


@meetings_endpoint("GET", "/meetings/{id}", answers=Meeting, status=(200, 304), headers=IF_NONE_MATCH)
async def get_meeting(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """A meeting: its participants, its minutes, its follow-ups."""
    meeting = await own_meeting(connection, call.bearer.organisation_id, id)
    return conditional_get(call, meeting, etag=_etag(meeting))


@alteration(
    "/meetings/{id}",
    tag=TAG,
    scope="needs",
    answers=Meeting,
    patch=MeetingRequest,
    problems=("conflict", "storage-quota", "stale-version"),
)
async def update_meeting(call: Call, id: UUID, body: Patch, connection: Connection) -> Response[bytes]:
    """Change a meeting: participants, minutes, follow-ups; or that it was held or is cancelled.

    Lists are replaced as a whole. `held` and `cancelled` are final, 409 for another status; all else can be completed
    afterwards. Calendars are told of a new time, place, title, agenda or status (`SEQUENCE`).
    """
    acting = acting_of(call)
    before = await select_meeting(connection, acting.organisation_id, id, lock=True)
    require_match(call, None if before is None else _etag(before))
    if before is None:
        raise NotFound(NO_MEETING)
    after = await change_meeting(connection, acting, before, apply_patch(before, body, MeetingRequest))
    return etag_response(after, _etag(after))


@meetings_endpoint("GET", "/meetings/{id}.ics", answers={CALENDAR: str})
async def get_meeting_calendar(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """A meeting as iCalendar (RFC 5545), in the time of Paris; a calendar that reads a cancelled one removes it."""
    meeting = await own_meeting(connection, call.bearer.organisation_id, id)
    return Response(calendar_of_one(meeting, call.services.reference.territories), media_type=CALENDAR)


@meetings_endpoint("GET", "/meetings.ics", answers={CALENDAR: str}, status=(200, 304), headers=IF_NONE_MATCH)
async def get_meetings_calendar(call: Call, connection: Connection) -> Response[bytes]:
    """The organisation's meetings as a calendar to subscribe to, the cancelled ones too.

    Those of the last two years and all to come. No person is named in it. Calendars that send no key: `POST
    /meetings/feed`.
    """
    shown = await organisation_calendar(call.services, connection, call.bearer.organisation_id)
    return conditional_get(call, shown, CALENDAR)


def _etag(meeting: Meeting) -> str:
    return f'"{meeting.version}"'


async def own_meeting(
    connection: Connection, organisation_id: UUID, meeting_id: UUID, *, lock: bool = False
) -> Meeting:
    """The organisation's meeting; with `lock`, nobody else changes it until the transaction ends. Raises NotFound."""
    return require_found(await select_meeting(connection, organisation_id, meeting_id, lock=lock), NO_MEETING)


async def plan_meeting(connection: Connection, acting: Acting, request: MeetingRequest) -> Meeting:
    """Store a new meeting. Raises InvalidContent with everything wrong in the request, and as `require_storage`."""
    await require_storage(connection, acting)
    checked = await _checked_request(connection, acting, request, frozenset())
    now = acting.now()
    meeting = await insert_meeting(connection, acting.organisation_id, checked, now)
    acting.services.storage_use.add(acting.organisation_id, _encoded_size(meeting))
    name = f"meeting:{meeting.id}"
    await write_entry(connection, acting.actor, "meeting.created", name, now, version=1, about=(name,))
    return meeting


async def change_meeting(connection: Connection, acting: Acting, before: Meeting, request: MeetingRequest) -> Meeting:
    """Store the changes of a meeting that the caller has locked; returns `before` where nothing changes.

    Raises InvalidContent with everything wrong in the request, Conflict for a status that cannot follow and, where the
    meeting grows, as `require_storage`.
    """
    named_before = frozenset(each.supplier_id for each in before.participants)
    checked = await _checked_request(connection, acting, request, named_before)
    require_move(before.status, checked.status)
    now = acting.now()
    after = await write_meeting(connection, acting.organisation_id, before, checked, now)
    if (growth := _encoded_size(after) - _encoded_size(before)) > 0:
        await require_storage(connection, acting)
    acting.services.storage_use.add(acting.organisation_id, growth)
    if after is not before:
        action = "meeting.changed" if after.status == before.status else f"meeting.{after.status}"
        detail: Detail = {"fields": changed_fields(before, after)}
        name, version = f"meeting:{after.id}", after.version
        await write_entry(connection, acting.actor, action, name, now, version=version, detail=detail, about=(name,))
    return after


def _encoded_size(meeting: Meeting) -> int:
    return len(msgspec.json.encode(meeting))


async def _checked_request(
    connection: Connection, acting: Acting, request: MeetingRequest, named_before: Collection[UUID | None]
) -> MeetingRequest:
    """The request as it is stored: with an agenda, each need once, times in UTC, and every supplier's name.

    `named_before`: suppliers that the meeting has already; they stay, even if they left the directory since.
    """
    named = {each.supplier_id for each in request.participants if each.supplier_id}
    suppliers = await living_suppliers(connection, named)
    unknown = await unknown_needs(connection, acting.organisation_id, request.need_ids)

    def problems_of_references() -> Iterator[Problem]:
        """The needs, the commune and the suppliers of the request that are unknown, as problems."""
        for place, need_id in enumerate(request.need_ids):
            if need_id in unknown:
                yield Problem(pointer("need_ids", place), "unknown_need", NO_NEED)
        commune = request.place and request.place.commune
        if commune and acting.services.reference.territories.commune_ordinal(commune) is None:
            detail = said_by(__name__)["no_commune"].filled(commune=commune)
            yield Problem(pointer("place", "commune"), "unknown_code", detail)
        for place, each in enumerate(request.participants):
            if each.supplier_id is not None and each.supplier_id not in {*named_before, *suppliers}:
                yield Problem(pointer("participants", place, "supplier_id"), "unknown_supplier", NO_SUPPLIER)

    def with_supplier_name(each: Participant) -> Participant:
        """The participant, with times in UTC and, where it names no organisation, the present name of its supplier."""
        organisation = each.organisation
        if not organisation and each.supplier_id in suppliers:
            organisation = suppliers[each.supplier_id].name
        invited_at = None if each.invited_at is None else each.invited_at.astimezone(UTC)
        return msgspec.structs.replace(each, organisation=organisation, invited_at=invited_at)

    of_codes = code_problems(acting.services.reference, request.territory, request.segments)
    if found := (*meeting_problems(request), *of_codes, *problems_of_references()):
        raise InvalidContent(found)
    return msgspec.structs.replace(
        with_agenda(request),
        need_ids=tuple(dict.fromkeys(request.need_ids)),
        segments=tuple(dict.fromkeys(request.segments)),
        starts_at=request.starts_at.astimezone(UTC),
        ends_at=request.ends_at.astimezone(UTC),
        participants=tuple(map(with_supplier_name, request.participants)),
    )
