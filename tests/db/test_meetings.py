"""Meetings in a real database: whom they name is kept apart, and stays who it was when their data is erased."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import func, select, update

from db.api_keys import ensure_organisation
from db.core.engine import Connection
from db.meetings import insert_meeting, meetings_of, select_meeting, write_meeting
from db.needs.needs import insert_need
from db.schema.person_tables import persons
from domain.meetings.meeting import FollowUp, Meeting, MeetingRequest, Participant
from domain.needs.need import Lot, PlannedNeed

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
CONTENT = PlannedNeed(lots=(Lot(id="1", segments=("de-biodechets",)),))


async def planned(connection: Connection) -> tuple[UUID, Meeting]:
    organisation = await ensure_organisation(connection, "CHBA", NOW)
    need = await insert_need(connection, organisation, CONTENT, NOW)
    request = MeetingRequest(
        (need.id,),
        "one_to_one",
        "Visite",
        NOW,
        NOW + timedelta(hours=1),
        agenda=(),
        participants=(Participant("buyer", name="Anne Le Goff", organisation="CHBA"),),
        follow_ups=(FollowUp("Rappeler", "Anne Le Goff"),),
    )
    return organisation, await insert_meeting(connection, organisation, request, NOW)


async def test_who_was_erased_is_not_made_anew_when_the_meeting_changes(connection: Connection) -> None:
    """Who takes part and who follows up are one person."""
    organisation, meeting = await planned(connection)
    assert await select_meeting(connection, organisation, meeting.id) == meeting
    assert await meetings_of(connection, organisation, meeting.need_ids[0]) == [meeting]
    erased = {"name": "Personne 1", "name_key": "", "employer": None, "employer_key": "", "erased_at": NOW}
    await connection.execute(update(persons).values(erased))
    before = await select_meeting(connection, organisation, meeting.id)
    assert before is not None
    assert before.participants[0].name == before.follow_ups[0].who == "Personne 1"

    request = msgspec.convert(msgspec.structs.replace(before, title="Autre"), MeetingRequest, from_attributes=True)
    after = await write_meeting(connection, organisation, before, request, NOW)
    assert after.participants == before.participants
    assert await connection.scalar(select(func.count()).select_from(persons)) == 1
