"""Frozen shortlists in a real database: byte for byte, numbered, decided on; one organisation's alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.exc import IntegrityError

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, transaction
from db.needs.needs import insert_need, remove_need, select_need
from db.needs.shortlists import (
    insert_shortlist,
    remove_decision,
    select_decisions,
    select_listed_supplier,
    select_shortlist,
    select_shortlists,
    write_decision,
)
from domain.needs.need import Lot, PlannedNeed
from domain.needs.status import StoredNeed
from domain.shortlists.frozen import Decision, DecisionKey, LotTotal, Named, ShortlistVersion
from domain.shortlists.shortlist import Shortlist
from tests.domain.shortlists.samples import STAMP, listed, summary

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)


def answer(name: str, supplier: UUID = ONE) -> bytes:
    """An answer of a lot with one candidate; spaces show that it is not written anew."""
    found = Shortlist(None, STAMP, (listed("1", [summary(name, supplier)]),), ())
    return msgspec.json.format(msgspec.json.encode(found), indent=3)


async def new_need(connection: Connection, name: str = "Morbihan") -> tuple[UUID, StoredNeed]:
    own = await ensure_organisation(connection, name, NOW)
    return own, await insert_need(connection, own, PlannedNeed(lots=(Lot("1", segments=("ev-entretien",)),)), NOW)


async def frozen(connection: Connection, own: UUID, need: StoredNeed, body: bytes, **fields: Any) -> ShortlistVersion:
    """The next version of a need."""
    current = await select_need(connection, own, need.id)
    assert current is not None
    usual: dict[str, Any] = {
        "number": current.shortlists + 1,
        "need_version": current.version,
        "language": "fr",
        "stamp": STAMP,
        "totals": (LotTotal("1", 12, 1),),
        "created_at": NOW + timedelta(minutes=current.shortlists),
    }
    version = ShortlistVersion(**(usual | fields))
    await insert_shortlist(connection, own, current, version, body)
    return version


async def test_a_version_reads_back_byte_for_byte_with_what_was_asked(connection: Connection) -> None:
    own, need = await new_need(connection)
    await frozen(connection, own, need, answer("Avant"))
    await frozen(connection, own, need, answer("Après"))
    first, last = [await select_shortlist(connection, own, need.id, number) for number in (1, None)]
    assert first is not None
    assert last is not None
    assert (first.body, last.body) == (answer("Avant"), answer("Après"))
    assert (first.number, last.number, first.need, first.decisions) == (1, 2, need.content, ())
    assert await select_shortlist(connection, own, need.id, 3) is None


async def test_versions_are_listed_the_latest_first(connection: Connection) -> None:
    own, need = await new_need(connection)
    made = [await frozen(connection, own, need, answer("x")) for _ in range(3)]
    assert await select_shortlists(connection, own, need.id, None, 2) == [made[2], made[1]]
    assert await select_shortlists(connection, own, need.id, 2, 2) == [made[0]]


async def test_a_number_is_given_once(engine: Engine) -> None:
    async with transaction(engine) as connection:
        own, need = await new_need(connection)
        await frozen(connection, own, need, answer("x"))
    with pytest.raises(IntegrityError):
        async with transaction(engine) as connection:
            await frozen(connection, own, need, answer("y"), number=1)


async def test_another_organisation_reads_nothing(connection: Connection) -> None:
    own, need = await new_need(connection)
    other = await ensure_organisation(connection, "Vannes", NOW)
    await frozen(connection, own, need, answer("x"))
    await write_decision(connection, need.id, 1, Decision("1", ONE, "kept", None, NOW))
    assert await select_shortlist(connection, other, need.id, 1) is None
    assert await select_shortlist(connection, other, need.id, None) is None
    assert await select_shortlists(connection, other, need.id, None, 5) == []
    assert await select_decisions(connection, other, need.id, 1, None, 5) == []
    assert await select_listed_supplier(connection, other, need.id, ONE) is None


async def test_a_decision_takes_the_place_of_the_one_before(connection: Connection) -> None:
    own, need = await new_need(connection)
    await frozen(connection, own, need, answer("x"))
    key = DecisionKey("1", ONE)
    for verdict in (Decision("1", ONE, "kept", "Près", NOW), Decision("1", ONE, "set_aside", None, NOW)):
        await write_decision(connection, need.id, 1, verdict)
        version = await select_shortlist(connection, own, need.id, 1)
        assert version is not None
        assert version.decisions == (verdict,)
    await remove_decision(connection, need.id, 1, key)
    assert await select_decisions(connection, own, need.id, 1, None, 5) == []


async def test_decisions_come_by_lot_and_supplier(connection: Connection) -> None:
    own, need = await new_need(connection)
    await frozen(connection, own, need, answer("x"))
    made = [Decision(lot, one, "kept", None, NOW) for lot in ("1", "2") for one in (ONE, OTHER)]
    for decision in reversed(made):
        await write_decision(connection, need.id, 1, decision)
    assert await select_decisions(connection, own, need.id, 1, None, 3) == made[:3]
    assert await select_decisions(connection, own, need.id, 1, DecisionKey("1", OTHER), 3) == made[2:]


async def test_a_supplier_is_named_as_it_was_listed_last(connection: Connection) -> None:
    own, need = await new_need(connection)
    for body in (answer("Avant"), answer("Après"), answer("Autre", OTHER)):
        await frozen(connection, own, need, body)
    assert await select_listed_supplier(connection, own, need.id, ONE) == Named(ONE, "Après")
    assert await select_listed_supplier(connection, own, need.id, UUID(int=3)) is None


async def test_a_need_that_is_deleted_takes_its_versions_with_it(connection: Connection) -> None:
    own, need = await new_need(connection)
    await frozen(connection, own, need, answer("x"))
    await write_decision(connection, need.id, 1, Decision("1", ONE, "kept", None, NOW))
    await remove_need(connection, own, need.id)
    assert await select_shortlist(connection, own, need.id, 1) is None
