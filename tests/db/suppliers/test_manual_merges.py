"""Suppliers that people merge and split, also while their records are being imported."""

from uuid import UUID

import pytest

from db.core.engine import Engine
from db.imports.run import Order
from db.suppliers.read import get_supplier
from db.suppliers.regroup import merge_suppliers, split_record
from domain.suppliers.deduplication import RecordKey
from tests.db.suppliers.samples import (
    FAR,
    LATER,
    MUCH_LATER,
    Gate,
    ask,
    delete,
    described,
    names,
    new_id,
    put,
    record,
    row,
    same_name,
    the_only_one,
    version,
)

SIRET = "22560001400016"
A, B, C = (RecordKey("reseau", each) for each in "abc")


async def merge(engine: Engine, *ids: UUID | None) -> UUID:
    return await ask(engine, merge_suppliers, ids, same_name, LATER)


async def split(engine: Engine, supplier: UUID | None, key: RecordKey) -> tuple[UUID, UUID]:
    parted = await ask(engine, split_record, supplier, key, same_name, LATER)
    return parted.kept, parted.split


async def put_two(engine: Engine) -> tuple[UUID, UUID]:
    one, other = await put(engine, "a", record("Un")), await put(engine, "b", record("Deux"))
    return one.supplier_id, other.supplier_id


async def test_merging_what_is_one_already_makes_it_last(engine: Engine) -> None:
    """A person who names an id and the one that it was lost to confirms it."""
    kept = await put(engine, "a", record("Premier"))
    lost = await put(engine, "b", record("Deux"), now=LATER)
    await put(engine, "b", record("Premier"), now=LATER)
    before = await version(engine)
    assert await merge(engine, lost.supplier_id, kept.supplier_id) == kept.supplier_id
    assert await version(engine) == before

    await put(engine, "b", record("Deux"), now=LATER)
    assert await described(engine, "b") == kept.supplier_id


async def test_a_merge_takes_back_a_split_and_a_split_a_merge(engine: Engine) -> None:
    one, other = await put_two(engine)
    merged = await merge(engine, one, other)
    for _ in range(2):
        kept, left = await split(engine, merged, B)
        assert (kept, await described(engine, "b"), left != kept) == (merged, left, True)
        assert await merge(engine, left, kept) == merged
    assert await names(engine) == ["Un"]


async def test_the_same_again_is_no_new_version(engine: Engine) -> None:
    one, other = await put_two(engine)
    merged = await merge(engine, one, other)
    before = await version(engine)
    assert await merge(engine, other, one) == merged
    assert await version(engine) == before

    parted = await split(engine, merged, B)
    assert await split(engine, merged, B) == parted
    assert await version(engine) == before + 1


@pytest.mark.parametrize("order", ["merged", "split", "joined"])
async def test_what_happens_to_a_supplier_while_its_record_is_imported(engine: Engine, order: str) -> None:
    """The import has assembled it already, as of the one record that it had, or as of two."""
    together = record(siret=SIRET)
    await put(engine, "a", record("Un", siret=SIRET, employees=9))
    if order == "split":
        await put(engine, "z", together, source="ville")
    supplier = await described(engine, "a")
    gate = Gate([row(1, "a", "Un neuf", siret=SIRET, description="Légumes")])
    running = await gate.begin(engine, Order(id=new_id(), source="reseau"), LATER)
    if order == "merged":
        other = await put(engine, "z", record("Deux", ess=True), source="ville", placement=FAR)
        await merge(engine, other.supplier_id, supplier)
    elif order == "split":
        await split(engine, supplier, A)
    else:
        await put(engine, "z", record("Deux", siret=SIRET, ess=True), source="ville", placement=FAR)
    gate.open()
    await running

    found = await the_only_one(engine, source="reseau")
    assert (found.description, found.ess, len(found.sources)) == (
        ("Légumes", None, 1) if order == "split" else ("Légumes", True, 2)
    )
    assert len(await names(engine)) == (2 if order == "split" else 1)


@pytest.mark.parametrize("fate", ["lost", "deleted"])
async def test_what_happens_to_a_supplier_that_a_new_record_is_about_to_join(engine: Engine, fate: str) -> None:
    """It is known by the record's SIRET when the row is read; when the import ends it is part of another, or gone."""
    older = await put(engine, "a", record("Un"), source="ville")
    known = await put(engine, "b", record("Deux", siret=SIRET), source="ville", now=LATER)
    gate = Gate([row(1, "a", "Trois", siret=SIRET)])
    running = await gate.begin(engine, Order(id=new_id(), source="reseau"), MUCH_LATER)
    if fate == "lost":
        await merge(engine, older.supplier_id, known.supplier_id)
    else:
        await delete(engine, "b", source="ville")
    gate.open()
    await running

    joined = await described(engine, "a")
    assert (joined == older.supplier_id) == (fate == "lost")
    entries = [await ask(engine, get_supplier, each) for each in (joined, known.supplier_id)]
    assert [entry and len(entry.supplier.sources) for entry in entries] == ([3, 3] if fate == "lost" else [1, 1])
    assert len(await names(engine)) == (1 if fate == "lost" else 2)
