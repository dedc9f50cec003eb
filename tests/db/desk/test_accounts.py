"""People who sign in without a key: one person for a name and an address, and nothing left once they are erased."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, transaction
from db.desk.accounts import find_account, list_accounts, note_sign_in
from db.desk.sessions import delete_sessions_of_person, find_session, insert_session_of_person
from db.meetings.calendar_feeds import SEEN_DAYS, CalendarFeed, select_feed, store_feed
from db.meetings.persons import erase_persons, find_or_insert_person
from db.privacy.purge import plan, purge
from db.schema.person_tables import persons
from domain.organisation import Client
from domain.privacy.retention import RetentionPeriods, years_before
from tests.db.suppliers.samples import NOW

ISSUER, EMAIL, DIGEST = "https://connexion.example", "anne@exemple.fr", b"digest"
DAY = timedelta(days=1)


async def sign_in(
    connection: Connection, *, name: str = "Anne Le Goff", subject: str = "anne", at: timedelta = DAY * 0
) -> UUID:
    organisation_id = await ensure_organisation(connection, "Morbihan", NOW)
    return await note_sign_in(connection, organisation_id, ISSUER, subject, name, EMAIL, NOW + at)


async def test_who_comes_back_is_the_same_person_seen_later(engine: Engine) -> None:
    async with transaction(engine) as connection:
        first = await sign_in(connection)
        assert await sign_in(connection, name="LE GOFF Anne", at=DAY) == first
        (account,) = await list_accounts(connection, None, NOW)
    assert (account.id, account.name, account.email) == (first, "Anne Le Goff", EMAIL)
    assert (account.seen_at, account.sessions) == (NOW + DAY, 0)


async def test_another_name_is_another_person_of_the_same_account(engine: Engine) -> None:
    """The journal keeps calling the first one as it did, and its sessions end."""
    async with transaction(engine) as connection:
        first = await sign_in(connection)
        await insert_session_of_person(connection, DIGEST, first, ("match",), NOW, NOW + DAY, "token")
        second = await sign_in(connection, name="Anne Le Goff-Martin")
        assert second != first
        assert [each.id for each in await list_accounts(connection, None, NOW)] == [second]
        assert await connection.scalar(select(persons.c.name).where(persons.c.id == first)) == "Anne Le Goff"
        assert await find_session(connection, [DIGEST], NOW) is None


async def test_of_many_sessions_of_a_person_the_earliest_ends(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.desk.sessions.MOST_OF_ONE", 2)
    digests = [b"first", b"second", b"third"]
    async with transaction(engine) as connection:
        person = await sign_in(connection)
        for n, digest in enumerate(digests):
            at = NOW + timedelta(seconds=n)
            await insert_session_of_person(connection, digest, person, ("match",), at, NOW + DAY, "token")
        found = [await find_session(connection, [digest], NOW) for digest in digests]
    assert [each is not None for each in found] == [False, True, True]


async def test_two_accounts_are_never_one_person(engine: Engine) -> None:
    """Whatever name and address their provider says, which nobody may have verified."""
    async with transaction(engine) as connection:
        first = await sign_in(connection)
        assert await sign_in(connection, subject="another") != first
        assert await sign_in(connection) == first


async def test_a_participant_of_the_same_name_changes_nobody_who_signs_in(engine: Engine) -> None:
    async with transaction(engine) as connection:
        first = await sign_in(connection)
        organisation_id = await ensure_organisation(connection, "Morbihan", NOW)
        await find_or_insert_person(connection, organisation_id, "Anne Le Goff", NOW, "ESAT")
        assert await connection.scalar(select(persons.c.employer).where(persons.c.id == first)) is None
        assert await sign_in(connection) == first


async def test_a_session_is_of_its_person_until_it_ends(engine: Engine) -> None:
    async with transaction(engine) as connection:
        person = await sign_in(connection)
        await insert_session_of_person(connection, DIGEST, person, ("match", "needs"), NOW, NOW + DAY, "token")
        found = await find_session(connection, [DIGEST], NOW)
        assert found is not None
        organisation_id = await ensure_organisation(connection, "Morbihan", NOW)
        expected = Client(person, organisation_id, "Morbihan", ("match", "needs"), person="Anne Le Goff")
        assert (found.key_id, found.person) == (None, expected)
        assert await find_session(connection, [DIGEST], NOW + DAY) is None
        assert await delete_sessions_of_person(connection, person) == 1
        assert await find_session(connection, [DIGEST], NOW) is None


async def test_nothing_is_left_of_who_is_erased_and_they_come_back_as_somebody_else(engine: Engine) -> None:
    async with transaction(engine) as connection:
        person = await sign_in(connection)
        await insert_session_of_person(connection, DIGEST, person, ("match",), NOW, NOW + DAY, "token")
        await erase_persons(connection, [person], NOW)
        assert await find_account(connection, person, NOW) is None
        assert await find_session(connection, [DIGEST], NOW) is None
        assert await sign_in(connection) != person


@pytest.mark.parametrize(("after", "opens"), [(SEEN_DAYS * DAY, False), (SEEN_DAYS * DAY - DAY, True)])
async def test_the_address_of_a_calendar_lasts_as_long_as_its_person_comes_back(
    engine: Engine, after: timedelta, opens: bool
) -> None:
    async with transaction(engine) as connection:
        person = await sign_in(connection)
        feed = CalendarFeed(await ensure_organisation(connection, "Morbihan", NOW), person)
        await store_feed(connection, feed, DIGEST, NOW)
        found = await select_feed(connection, [DIGEST], NOW + after, UUID(int=0))
    assert found == (feed if opens else None)


@pytest.mark.parametrize("seen_lately", [True, False])
async def test_the_retention_counts_from_when_somebody_last_signed_in(engine: Engine, seen_lately: bool) -> None:
    then = years_before(NOW, 3) - NOW - DAY
    async with transaction(engine) as connection:
        person = await sign_in(connection, at=then)
        if seen_lately:
            await sign_in(connection)
    async with transaction(engine) as connection:
        due = await plan(connection, RetentionPeriods(), NOW)
    assert [each.kind for each in due.others] == ([] if seen_lately else ["persons"])
    await purge(engine, due, "default")
    async with transaction(engine) as connection:
        assert (await find_account(connection, person, NOW) is None) != seen_lately
