"""Persons in a real database: one row for whom an organisation names twice, and none shared between two.

Who signs in without a key is one person for a name and an address, and nothing is left once they are erased.

Meetings in a real database: whom they name is kept apart, and stays who it was when their data is erased.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import Row, func, select, update

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, transaction
from db.invitations import invite
from db.meetings import (
    CalendarFeed,
    insert_meeting,
    meetings_of,
    select_feed,
    select_meeting,
    store_feed,
    write_meeting,
)
from db.needs.needs import insert_need
from db.persons import (
    SEEN_DAYS,
    AccountKey,
    delete_sessions_of_person,
    find_account,
    find_or_insert_person,
    find_session,
    insert_session,
    list_accounts,
    note_sign_in,
)
from db.privacy.purge import plan, purge
from db.schema.person_tables import persons
from domain.meetings.meeting import FollowUp, Meeting, MeetingRequest, Participant
from domain.needs.need import Lot, PlannedNeed
from domain.organisation import Client, Scope
from domain.privacy import RetentionPeriods, years_before
from tests.db.suppliers.samples import NOW, ask, execute


async def organisation(engine: Engine, name: str = "Morbihan") -> UUID:
    return await ask(engine, ensure_organisation, name, NOW)


async def named(engine: Engine, organisation_id: UUID, name: str = "Anne Le Goff", **given: Any) -> UUID:
    return await ask(engine, find_or_insert_person, organisation_id, name, NOW, **given)


async def read(engine: Engine, person_id: UUID) -> Row[Any]:
    rows: Sequence[Row[Any]] = await execute(engine, select(persons).where(persons.c.id == person_id))
    return rows[0]


async def test_a_person_named_again_is_found_and_completed(engine: Engine) -> None:
    """Who is named alone is who is known of that name."""
    one = await organisation(engine)
    first = await named(engine, one)
    assert await named(engine, one, "LE GOFF Anne", employer="CH Vannes") == first
    assert await named(engine, one, employer="ch vannes") == first
    assert await named(engine, one) == first
    assert await named(engine, one, "Yann Tanguy") != first
    found = await read(engine, first)
    assert (found.name, found.employer, found.erased_at) == ("Anne Le Goff", "CH Vannes", None)


async def test_namesakes_are_told_apart_by_name_employer_and_organisation(engine: Engine) -> None:
    """The best known of two is meant: completing one can thus never make it the double of the other."""
    one, other = await organisation(engine), await organisation(engine, "Vannes")
    at_esat = await named(engine, one, employer="ESAT")
    elsewhere = await named(engine, one, employer="Another")
    others = [await named(engine, one, "Yann Le Goff", employer="ESAT"), await named(engine, other, employer="ESAT")]
    assert len({at_esat, elsewhere, *others}) == 4
    assert await named(engine, one, employer="Another") == elsewhere
    assert await named(engine, one, employer="ESAT") == at_esat


async def test_two_at_once_name_one_person(engine: Engine) -> None:
    one = await organisation(engine)
    ids = await asyncio.gather(*(named(engine, one, employer="ESAT") for _ in range(6)))
    assert len(set(ids)) == 1
    assert len(await execute(engine, select(persons))) == 1


ISSUER, EMAIL, DIGEST = "https://connexion.example", "anne@exemple.fr", b"digest"
DAY = timedelta(days=1)


async def sign_in(
    connection: Connection, *, name: str = "Anne Le Goff", subject: str = "anne", at: timedelta = DAY * 0
) -> UUID:
    organisation_id = await ensure_organisation(connection, "Morbihan", NOW)
    return await note_sign_in(connection, AccountKey(organisation_id, ISSUER, subject), name, EMAIL, NOW + at)


async def test_who_comes_back_is_the_same_person_seen_later(connection: Connection) -> None:
    """Another account is another one, whatever name and address its provider says, which nobody may have verified."""
    first = await sign_in(connection)
    assert await sign_in(connection, name="LE GOFF Anne", at=DAY) == first
    (account,) = await list_accounts(connection, None, NOW)
    assert (account.id, account.name, account.email) == (first, "Anne Le Goff", EMAIL)
    assert (account.seen_at, account.sessions) == (NOW + DAY, 0)
    assert await sign_in(connection, subject="another") != first
    # a participant of the same name changes nobody who signs in
    own = await ensure_organisation(connection, "Morbihan", NOW)
    await find_or_insert_person(connection, own, "Anne Le Goff", NOW, "ESAT")
    assert await connection.scalar(select(persons.c.employer).where(persons.c.id == first)) is None
    assert await sign_in(connection) == first


async def test_another_name_is_another_person_of_the_same_account(connection: Connection) -> None:
    """The journal keeps calling the first one as it did, and its sessions end."""
    first = await sign_in(connection)
    await insert_session(connection, DIGEST, NOW, NOW + DAY, person_id=first, scopes=("match",))
    second = await sign_in(connection, name="Anne Le Goff-Martin")
    assert second != first
    assert [each.id for each in await list_accounts(connection, None, NOW)] == [second]
    assert await connection.scalar(select(persons.c.name).where(persons.c.id == first)) == "Anne Le Goff"
    assert await find_session(connection, [DIGEST], NOW) is None


async def test_of_many_sessions_of_a_person_the_earliest_ends(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.persons.MOST_SESSIONS", 2)
    digests = [b"first", b"second", b"third"]
    person = await sign_in(connection)
    for n, digest in enumerate(digests):
        at = NOW + timedelta(seconds=n)
        await insert_session(connection, digest, at, NOW + DAY, person_id=person, scopes=("match",))
    found = [await find_session(connection, [digest], NOW) for digest in digests]
    assert [each is not None for each in found] == [False, True, True]


async def test_a_session_is_of_its_person_until_it_ends(connection: Connection) -> None:
    person = await sign_in(connection)
    await insert_session(connection, DIGEST, NOW, NOW + DAY, person_id=person, scopes=("match", "needs"))
    found = await find_session(connection, [DIGEST], NOW)
    assert found is not None
    organisation_id = await ensure_organisation(connection, "Morbihan", NOW)
    expected = Client(person, organisation_id, "Morbihan", ("match", "needs"), person="Anne Le Goff")
    assert (found.key_id, found.person) == (None, expected)
    assert await find_session(connection, [DIGEST], NOW + DAY) is None
    assert await delete_sessions_of_person(connection, person) == 1
    assert await find_session(connection, [DIGEST], NOW) is None


@pytest.mark.parametrize(("after", "opens"), [(SEEN_DAYS * DAY, False), (SEEN_DAYS * DAY - DAY, True)])
async def test_the_address_of_a_calendar_lasts_as_long_as_its_person_comes_back(
    connection: Connection, after: timedelta, opens: bool
) -> None:
    person = await sign_in(connection)
    feed = CalendarFeed(await ensure_organisation(connection, "Morbihan", NOW), person)
    await store_feed(connection, feed, DIGEST, NOW)
    found = await select_feed(connection, [DIGEST], NOW + after, UUID(int=0))
    assert found == (feed if opens else None)


@pytest.mark.parametrize(("right", "opens"), [("needs", True), ("match", False)])
async def test_the_address_of_a_calendar_ends_with_the_right_to_see_needs(
    connection: Connection, right: Scope, opens: bool
) -> None:
    organisation_id = await ensure_organisation(connection, "Morbihan", NOW)
    person = await invite(connection, organisation_id, "anne@x.example", "Anne", [right], NOW)
    feed = CalendarFeed(organisation_id, person)
    await store_feed(connection, feed, DIGEST, NOW)
    assert await select_feed(connection, [DIGEST], NOW, UUID(int=0)) == (feed if opens else None)


@pytest.mark.parametrize("seen_lately", [True, False])
async def test_the_retention_counts_from_when_somebody_last_signed_in(engine: Engine, seen_lately: bool) -> None:
    then = years_before(NOW, 3) - NOW - DAY
    async with transaction(engine) as connection:
        person = await sign_in(connection, at=then)
        if seen_lately:
            await sign_in(connection)
    due = await ask(engine, plan, RetentionPeriods(), NOW)
    assert [each.kind for each in due.others] == ([] if seen_lately else ["persons"])
    await purge(engine, due, "default")
    async with transaction(engine) as connection:
        assert (await find_account(connection, person, NOW) is None) != seen_lately
        # who was erased comes back as somebody else
        assert (await sign_in(connection) == person) == seen_lately


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
