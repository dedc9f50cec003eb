"""Several transactions that make and change the records of one supplier: whoever commits last sees the others."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from db.core.engine import Engine, Subject, lock, share, transaction
from db.suppliers.read import Filters, page_of_suppliers
from db.suppliers.records import put_record
from domain.suppliers.supplier import Supplier
from tests.db.suppliers.samples import LATER, NOW, PONTIVY, delete, load, lock_is_awaited, put, record, row, same_name

SIRET = "22560001400016"


async def the_only_one(engine: Engine) -> Supplier:
    async with transaction(engine) as connection:
        (entry,) = await page_of_suppliers(connection, Filters(), None, 10)
    return entry.supplier


@pytest.mark.parametrize("by_file", [False, True])
async def test_a_record_that_comes_while_another_of_its_siret_is_being_put_joins_it(
    engine: Engine, by_file: bool
) -> None:
    async with transaction(engine) as connection:
        await put_record(connection, "a", "1", record(siret=SIRET), PONTIVY, now=NOW, similarity=same_name)
        coming: Coroutine[Any, Any, object] = (
            load(engine, [row(1, "1", siret=SIRET)], source="b")
            if by_file
            else put(engine, what=record(siret=SIRET), source="b")
        )
        second = asyncio.create_task(coming)
        await lock_is_awaited(engine)
    await second

    assert [each.source for each in (await the_only_one(engine)).sources] == ["a", "b"]


async def test_a_record_deleted_while_another_of_its_supplier_changes(engine: Engine) -> None:
    for source in ("a", "b"):
        await put(engine, what=record(siret=SIRET), source=source)
    async with transaction(engine) as connection:
        changed = record(siret=SIRET, employees=12)
        await put_record(connection, "a", "1", changed, PONTIVY, now=LATER, similarity=same_name)
        deleting = asyncio.create_task(delete(engine, source="b"))
        await lock_is_awaited(engine)
    await deleting

    found = await the_only_one(engine)
    assert (found.employees, [each.source for each in found.sources]) == (12, ["a"])


async def test_two_sources_that_change_one_supplier_at_once_both_count(engine: Engine) -> None:
    for source in ("a", "b"):
        await put(engine, what=record(siret=SIRET), source=source)
    await asyncio.gather(
        put(engine, what=record(siret=SIRET, employees=12), source="a", now=LATER),
        put(engine, what=record(siret=SIRET, ess=True), source="b", now=LATER),
        load(engine, [row(1, "1", siret=SIRET, description="Légumes")], source="c", now=LATER),
    )

    found = await the_only_one(engine)
    assert (found.employees, found.ess, found.description) == (12, True, "Légumes")


async def test_who_moves_records_waits_for_who_notes_a_receipt(engine: Engine) -> None:
    """Both lock many rows, in orders of their own: they must not do it at once."""
    await put(engine, what=record(siret=SIRET), source="a")
    async with transaction(engine) as connection:
        await share(connection, Subject.MOVE, "")
        joining = asyncio.create_task(put(engine, what=record(siret=SIRET), source="b"))
        await lock_is_awaited(engine)
    assert (await joining).status == "created"


async def test_who_notes_a_receipt_waits_for_who_moves_records(engine: Engine) -> None:
    await load(engine, [row(1, "1")])
    async with transaction(engine) as connection:
        await lock(connection, Subject.MOVE, "")
        receiving = asyncio.create_task(load(engine, [row(1, "1")], now=LATER))
        await lock_is_awaited(engine)
    assert (await receiving).unchanged == 1


async def test_nobody_waits_for_ever(engine: Engine) -> None:
    """Sources that are sent whole, again and again, while single records join them and leave."""
    mine = [row(number, f"{number}", siret=f"{number:014}") for number in range(1, 60)]
    theirs = [row(number, f"{number}", siret=f"{number:014}") for number in range(60, 0, -1)]
    await load(engine, mine)
    async with asyncio.timeout(60):
        for _ in range(3):
            await asyncio.gather(
                load(engine, mine, now=LATER),
                load(engine, theirs, source="ville", now=LATER),
                *(put(engine, f"{number}", mine[number].record, source="carte", now=LATER) for number in range(5)),
            )

    assert len(await suppliers(engine)) == 60


async def suppliers(engine: Engine) -> set[UUID]:
    async with transaction(engine) as connection:
        return set((await connection.execute(text("SELECT supplier_id FROM records"))).scalars())
