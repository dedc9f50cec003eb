"""Use cases of meetings: planned or noted afterwards, and changed."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC
from uuid import UUID

import msgspec

from api.runtime.actor import Acting, require_storage
from db.core.engine import Connection
from db.journal.entries import write_entry
from db.meetings import insert_meeting, select_meeting, unknown_needs, write_meeting
from db.suppliers.read import living_suppliers
from domain.audit import Detail
from domain.errors import InvalidContent, NotFound, Problem, pointer
from domain.meetings.meeting import (
    Meeting,
    MeetingRequest,
    Participant,
    changed_fields,
    problems,
    require_move,
    with_agenda,
)
from domain.needs.status import NO_NEED
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import Text

NO_MEETING = Text("Aucune réunion de cet identifiant", "No meeting with this id")


async def own_meeting(
    connection: Connection, organisation_id: UUID, meeting_id: UUID, *, lock: bool = False
) -> Meeting:
    """The organisation's meeting. `lock`: until the transaction ends, nobody else changes it. Raises NotFound."""
    meeting = await select_meeting(connection, organisation_id, meeting_id, lock=lock)
    if meeting is None:
        raise NotFound(NO_MEETING)
    return meeting


async def plan_meeting(connection: Connection, acting: Acting, request: MeetingRequest) -> Meeting:
    """Store a meeting. Raises InvalidContent with everything wrong in it, and as `require_storage`."""
    await require_storage(connection, acting)
    checked = await _checked(connection, acting, request, frozenset())
    now = acting.now()
    meeting = await insert_meeting(connection, acting.organisation_id, checked, now)
    acting.services.storage_use.add(acting.organisation_id, _size(meeting))
    name = f"meeting:{meeting.id}"
    await write_entry(connection, acting.actor, "meeting.created", name, now, version=1, about=(name,))
    return meeting


async def change_meeting(connection: Connection, acting: Acting, before: Meeting, request: MeetingRequest) -> Meeting:
    """Change a meeting that the caller has locked; `before` itself where nothing changes.

    Raises InvalidContent with everything wrong in the request, Conflict for a status that cannot follow and, where the
    meeting grows, as `require_storage`.
    """
    known = frozenset(each.supplier_id for each in before.participants)
    checked = await _checked(connection, acting, request, known)
    require_move(before.status, checked.status)
    now = acting.now()
    after = await write_meeting(connection, acting.organisation_id, before, checked, now)
    if (growth := _size(after) - _size(before)) > 0:
        await require_storage(connection, acting)
    acting.services.storage_use.add(acting.organisation_id, growth)
    if after is not before:
        action = "meeting.changed" if after.status == before.status else f"meeting.{after.status}"
        detail: Detail = {"fields": changed_fields(before, after)}
        name, version = f"meeting:{after.id}", after.version
        await write_entry(connection, acting.actor, action, name, now, version=version, detail=detail, about=(name,))
    return after


def _size(meeting: Meeting) -> int:
    return len(msgspec.json.encode(meeting))


async def _checked(
    connection: Connection, acting: Acting, request: MeetingRequest, known: Collection[UUID | None]
) -> MeetingRequest:
    """The request as it is stored: with an agenda, each need once, times in UTC, and suppliers by their present name.

    `known`: suppliers that the meeting named before; they stay, even if they left the directory since.
    """
    named = {each.supplier_id for each in request.participants if each.supplier_id}
    suppliers = await living_suppliers(connection, named)
    names = {each: supplier.name for each, supplier in suppliers.items()}
    unknown = await unknown_needs(connection, acting.organisation_id, request.need_ids)
    found = [*problems(request), *_references(acting, request, unknown, {*known, *names})]
    if found:
        raise InvalidContent(tuple(found))
    return msgspec.structs.replace(
        with_agenda(request),
        need_ids=tuple(dict.fromkeys(request.need_ids)),
        starts_at=request.starts_at.astimezone(UTC),
        ends_at=request.ends_at.astimezone(UTC),
        participants=tuple(_participant(each, names) for each in request.participants),
    )


def _references(
    acting: Acting,
    request: MeetingRequest,
    unknown_need_ids: Collection[UUID],
    known_suppliers: Collection[UUID | None],
) -> Iterator[Problem]:
    """Needs, a commune and suppliers of the meeting that do not exist."""
    for place, need_id in enumerate(request.need_ids):
        if need_id in unknown_need_ids:
            yield Problem(pointer("need_ids", place), "unknown_need", NO_NEED)
    commune = request.place and request.place.commune
    if commune and acting.services.reference.territories.commune_ordinal(commune) is None:
        detail = Text(
            f"« {commune} » n'est le code INSEE d'aucune commune", f"“{commune}” is the INSEE code of no commune"
        )
        yield Problem(pointer("place", "commune"), "unknown_code", detail)
    for place, each in enumerate(request.participants):
        if each.supplier_id is not None and each.supplier_id not in known_suppliers:
            yield Problem(pointer("participants", place, "supplier_id"), "unknown_supplier", NO_SUPPLIER)


def _participant(each: Participant, names: Mapping[UUID, str]) -> Participant:
    organisation = each.organisation or (names.get(each.supplier_id) if each.supplier_id else None)
    invited_at = None if each.invited_at is None else each.invited_at.astimezone(UTC)
    return msgspec.structs.replace(each, organisation=organisation, invited_at=invited_at)
