"""Suppliers that people merge, and records that they split from their supplier."""

from uuid import UUID

from db.core.engine import Engine
from db.suppliers.merge_split import merge_suppliers, split_record
from domain.suppliers.deduplication import RecordKey
from tests.db.suppliers.samples import LATER, ask, described, names, put, record, same_name, version

B = RecordKey("reseau", "b")


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
