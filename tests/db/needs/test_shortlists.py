"""Frozen shortlists in a real database: byte for byte, numbered, decided on; one organisation's alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.exc import IntegrityError

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, transaction
from db.needs.needs import insert_need, select_need
from db.needs.shortlists import (
    insert_shortlist,
    select_listed_supplier,
    select_shortlist,
)
from domain.needs.need import Lot, PlannedNeed
from domain.needs.status import StoredNeed
from domain.shortlists.frozen import LotTotal, Named, ShortlistVersion
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


async def test_a_number_is_given_once(engine: Engine) -> None:
    async with transaction(engine) as connection:
        own, need = await new_need(connection)
        await frozen(connection, own, need, answer("x"))
    with pytest.raises(IntegrityError):
        async with transaction(engine) as connection:
            await frozen(connection, own, need, answer("y"), number=1)


async def test_a_supplier_is_named_as_it_was_listed_last(connection: Connection) -> None:
    own, need = await new_need(connection)
    for body in (answer("Avant"), answer("Après"), answer("Autre", OTHER)):
        await frozen(connection, own, need, body)
    assert await select_listed_supplier(connection, own, need.id, ONE) == Named(ONE, "Après")
    assert await select_listed_supplier(connection, own, need.id, UUID(int=3)) is None
