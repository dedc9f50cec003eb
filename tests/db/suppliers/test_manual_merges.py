"""Suppliers that people merge and split, also while their records are being imported."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from db.core.engine import Engine, transaction
from db.imports.prepare_rows import prepare_here
from db.imports.run import Order, run_import
from db.suppliers.read import get_supplier
from db.suppliers.regroup import merge_suppliers, split_record, supplier_of
from domain.errors import Conflict, InvalidContent, NotFound
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.source import Batch, Row, RowError
from domain.suppliers.supplier import Placement, Point
from tests.db.suppliers.samples import LATER, batches, delete, names, new_id, put, record, row, same_name, version

SIRET = "22560001400016"
A, B, C = (RecordKey("reseau", each) for each in "abc")
MUCH_LATER = LATER + timedelta(hours=1)
FAR = Placement(Point(48.2, -2.97), "56178")


async def merge(engine: Engine, *ids: UUID) -> UUID:
    async with transaction(engine) as connection:
        return await merge_suppliers(connection, ids, same_name, LATER)


async def split(engine: Engine, supplier: UUID, key: RecordKey) -> tuple[UUID, UUID]:
    async with transaction(engine) as connection:
        parted = await split_record(connection, supplier, key, same_name, LATER)
    return parted.kept, parted.split


async def described(engine: Engine, key: RecordKey) -> UUID:
    async with transaction(engine) as connection:
        found = await supplier_of(connection, key)
    assert found is not None
    return found


async def put_two(engine: Engine) -> tuple[UUID, UUID]:
    one, other = await put(engine, "a", record("Un")), await put(engine, "b", record("Deux"))
    return one.supplier_id, other.supplier_id


async def test_merging_is_for_all_records_of_the_suppliers(engine: Engine) -> None:
    """The one that stood for a supplier when it was merged may go, and what came with it stays."""
    one, other = await put_two(engine)
    joined = await put(engine, "c", record("Deux"))
    assert joined.supplier_id == other
    await merge(engine, one, other)
    await delete(engine, "b")
    await put(engine, "c", record("Trois"), placement=FAR, now=LATER)

    assert await described(engine, C) == await described(engine, A)


async def test_merging_what_is_one_already_makes_it_last(engine: Engine) -> None:
    """A person who names an id and the one that it was lost to confirms it."""
    kept = await put(engine, "a", record("Premier"))
    lost = await put(engine, "b", record("Deux"), now=LATER)
    await put(engine, "b", record("Premier"), now=LATER)
    before = await version(engine)
    assert await merge(engine, lost.supplier_id, kept.supplier_id) == kept.supplier_id
    assert await version(engine) == before

    await put(engine, "b", record("Deux"), now=LATER)
    assert await described(engine, B) == kept.supplier_id


async def test_a_merge_takes_back_a_split_and_a_split_a_merge(engine: Engine) -> None:
    one, other = await put_two(engine)
    merged = await merge(engine, one, other)
    for _ in range(2):
        kept, left = await split(engine, merged, B)
        assert (kept, await described(engine, B), left != kept) == (merged, left, True)
        assert await merge(engine, left, kept) == merged
    assert await names(engine) == ["Un"]


async def test_a_split_is_from_those_who_were_there(engine: Engine) -> None:
    """Another record of the SIRET joins the nearer one."""
    first = await put(engine, "a", record("Un", siret=SIRET))
    await put(engine, "b", record("Deux", siret=SIRET), placement=FAR)
    await split(engine, first.supplier_id, B)
    await put(engine, "c", record("Trois", siret=SIRET), placement=FAR)

    assert await described(engine, C) == await described(engine, B) != await described(engine, A)


async def test_the_same_again_is_no_new_version(engine: Engine) -> None:
    one, other = await put_two(engine)
    merged = await merge(engine, one, other)
    before = await version(engine)
    assert await merge(engine, other, one) == merged
    assert await version(engine) == before

    parted = await split(engine, merged, B)
    assert await split(engine, merged, B) == parted
    assert await version(engine) == before + 1


async def test_what_there_is_not(engine: Engine) -> None:
    one, other = await put_two(engine)
    with pytest.raises(InvalidContent) as unknown:
        await merge(engine, one, new_id())
    assert [problem.pointer for problem in unknown.value.problems] == ["/ids/1"]
    with pytest.raises(NotFound):
        await split(engine, new_id(), A)
    with pytest.raises(InvalidContent):
        await split(engine, one, B)
    with pytest.raises(InvalidContent):
        await split(engine, other, C)
    with pytest.raises(Conflict):
        await split(engine, one, A)


def paused(content: list[Row | RowError], reached: threading.Event, opened: threading.Event) -> Iterator[Batch]:
    """The rows, and then nothing until it is opened; it is reached once they are staged."""
    yield from batches(content)
    yield Batch(())  # it is asked for while the rows are being staged, what follows it afterwards
    reached.set()
    opened.wait(10)


@pytest.mark.parametrize("order", ["merged", "split", "joined"])
async def test_what_happens_to_a_supplier_while_its_record_is_imported(engine: Engine, order: str) -> None:
    """The import has assembled it already, as of the one record that it had, or as of two."""
    together = record(siret=SIRET)
    await put(engine, "a", record("Un", siret=SIRET, employees=9))
    if order == "split":
        await put(engine, "z", together, source="ville")
    supplier = await described(engine, A)
    reached, opened = threading.Event(), threading.Event()
    batches = paused([row(1, "a", "Un neuf", siret=SIRET, description="Légumes")], reached, opened)
    importing = run_import(engine, Order(id=new_id(), source="reseau"), prepare_here(batches), lambda: LATER, same_name)
    running = asyncio.create_task(importing)
    await asyncio.to_thread(reached.wait, 10)
    if order == "merged":
        other = await put(engine, "z", record("Deux", ess=True), source="ville", placement=FAR)
        await merge(engine, other.supplier_id, supplier)
    elif order == "split":
        await split(engine, supplier, A)
    else:
        await put(engine, "z", record("Deux", siret=SIRET, ess=True), source="ville", placement=FAR)
    opened.set()
    await running

    async with transaction(engine) as connection:
        entry = await get_supplier(connection, await described(engine, A))
    assert entry is not None
    found = entry.supplier
    assert (found.description, found.ess, len(found.sources)) == (
        ("Légumes", None, 1) if order == "split" else ("Légumes", True, 2)
    )
    assert len(await names(engine)) == (2 if order == "split" else 1)


@pytest.mark.parametrize("fate", ["lost", "deleted"])
async def test_what_happens_to_a_supplier_that_a_new_record_is_about_to_join(engine: Engine, fate: str) -> None:
    """It is known by the record's SIRET when the row is read; when the import ends it is part of another, or gone."""
    older = await put(engine, "a", record("Un"), source="ville")
    known = await put(engine, "b", record("Deux", siret=SIRET), source="ville", now=LATER)
    reached, opened = threading.Event(), threading.Event()
    batches = paused([row(1, "a", "Trois", siret=SIRET)], reached, opened)
    order = Order(id=new_id(), source="reseau")
    running = asyncio.create_task(run_import(engine, order, prepare_here(batches), lambda: MUCH_LATER, same_name))
    await asyncio.to_thread(reached.wait, 10)
    if fate == "lost":
        await merge(engine, older.supplier_id, known.supplier_id)
    else:
        await delete(engine, "b", source="ville")
    opened.set()
    await running

    joined = await described(engine, A)
    assert (joined == older.supplier_id) == (fate == "lost")
    async with transaction(engine) as connection:
        entries = [await get_supplier(connection, each) for each in (joined, known.supplier_id)]
    assert [entry and len(entry.supplier.sources) for entry in entries] == ([3, 3] if fate == "lost" else [1, 1])
    assert len(await names(engine)) == (1 if fate == "lost" else 2)
