"""Contact details of a person in many frozen shortlists."""

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import text

from db.core.engine import Engine, transaction
from db.privacy import erase, shortlist_contacts
from db.privacy.erase import erase_person
from db.privacy.shortlist_contacts import READ_AT_ONCE
from domain.audit import Actor
from domain.privacy.data_subject import DataSubject
from tests.db.exchanges.samples import OpenedExchange, exchange
from tests.db.suppliers.samples import LATER

ADDRESS = "a.legoff@esat.example"
MANY = 10 * READ_AT_ONCE
SUPPLIER = '{{"supplier":{{"id":"00000000-0000-0000-0000-000000000001"}},'
BODY = SUPPLIER + '"contact":{{"email":"{}","phone":null,"website":null}}}}'


async def frozen(engine: Engine, started: OpenedExchange, body: str) -> None:
    """Freeze `MANY` shortlists of one need with that body."""
    async with transaction(engine) as connection:
        await connection.execute(
            text("""
                INSERT INTO shortlists
                    (need_id, number, need_version, need, language, stamp, totals, ledger, body, created_at)
                SELECT id, number, 1, json_build_object('lots', json_build_array(), 'title', 'Vu Anne Le Goff'), 'fr',
                    '{}', '[]', '[]', convert_to(:body, 'UTF8'), now()
                FROM needs, generate_series(1, :many) number WHERE id = :need
            """),
            {"body": body, "many": MANY, "need": started.need_id},
        )


async def test_the_server_goes_on_while_many_shortlists_are_redacted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes long is done in other threads, a slice at a time, and the event loop turns between two slices."""
    started = await exchange(engine)
    await frozen(engine, started, BODY.format(ADDRESS))
    turns, slices, threads = 0, [], set()

    async def beat() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def noted(module: Any, name: str) -> None:
        work = getattr(module, name)

        def wrapped(rows: Any, *given: Any) -> Any:
            slices.append((turns, len(rows)))
            threads.add(threading.current_thread())
            return work(rows, *given)

        monkeypatch.setattr(module, name, wrapped)

    noted(shortlist_contacts, "_redacted")
    noted(erase, "_unreadable")
    beating = asyncio.create_task(beat())
    owner = started.organisation_id
    done = await erase_person(engine, DataSubject(ADDRESS, "Anne Le Goff"), [owner], Actor(owner, "command"), LATER)
    beating.cancel()
    assert threading.main_thread() not in threads
    of_shortlists = [(turn, rows) for turn, rows in slices if rows <= READ_AT_ONCE]
    # twice to find them, once to write them
    assert len(of_shortlists) == 3 * MANY / READ_AT_ONCE
    assert len({turn for turn, _ in of_shortlists}) == len(of_shortlists)
    assert len([each for each in done.changed if each.field == "contact.email"]) == MANY
    async with transaction(engine) as connection:
        left = await connection.execute(text("SELECT DISTINCT convert_from(body, 'UTF8') FROM shortlists"))
        assert left.scalars().all() == [BODY.replace('"{}"', "null").format()]
