"""Records, one at a time."""

import asyncio

import pytest

from db.core.engine import Engine, transaction
from db.suppliers.read import get_supplier
from db.suppliers.records import get_record, put_record
from db.suppliers.write import current_version
from domain.errors import InvalidContent
from domain.suppliers.supplier import Flag, Placement, SourceRef
from tests.db.suppliers.samples import LATER, NOW, PONTIVY, delete, put, record, same_name


async def test_a_new_record_makes_a_supplier(engine: Engine) -> None:
    written = await put(engine)

    assert (written.status, written.data_version) == ("created", 1)
    async with transaction(engine) as connection:
        entry = await get_supplier(connection, written.supplier_id)
    assert entry is not None
    assert (entry.version, entry.supplier.name, entry.supplier.commune) == (1, "Les Jardins du Blavet", "56178")
    assert entry.supplier.sources == (SourceRef("reseau", "1", NOW),)


async def test_a_record_is_read_as_it_was_received(engine: Engine) -> None:
    flagged = Placement(PONTIVY.location, "56178", (Flag("siret_check_failed", "12345678901234"),))
    sent = record(siret="12345678901234", turnover_eur=850_000.0, description="Légumes « bio » \u2028 \\ \U0001f955")
    written = await put(engine, "a/b é", sent, placement=flagged)

    async with transaction(engine) as connection:
        assert await get_record(connection, "reseau", "a/b é") == written.stored
        assert await get_record(connection, "reseau", "other") is None
    assert (written.stored.record, written.stored.placement) == (sent, flagged)


async def test_the_same_content_again_changes_no_version(engine: Engine) -> None:
    """`received_at` tells that the source still says so, `updated_at` when it said something new."""
    first = await put(engine)
    again = await put(engine, now=LATER)

    assert (again.status, again.data_version) == ("unchanged", first.data_version)
    async with transaction(engine) as connection:
        entry = await get_supplier(connection, first.supplier_id)
    assert entry is not None
    assert (entry.supplier.sources[0].received_at, entry.supplier.updated_at) == (LATER, NOW)


async def test_other_content_keeps_the_supplier(engine: Engine) -> None:
    first = await put(engine)
    changed = await put(engine, what=record("Les Jardins de l'Oust"), now=LATER)

    assert (changed.status, changed.data_version) == ("changed", 2)
    assert changed.supplier_id == first.supplier_id


async def test_another_place_is_other_content(engine: Engine) -> None:
    """New reference data may place the same words elsewhere, and that is what is matched."""
    await put(engine)

    assert (await put(engine, placement=Placement())).status == "changed"


async def test_two_sources_may_use_one_external_id(engine: Engine) -> None:
    ours = await put(engine, source="reseau")
    theirs = await put(engine, what=record("Atelier de l'Oust"), source="ville")

    assert ours.supplier_id != theirs.supplier_id


async def test_deleting_the_last_record_deletes_the_supplier(engine: Engine) -> None:
    written = await put(engine)

    assert await delete(engine) == 2
    assert await delete(engine) is None
    async with transaction(engine) as connection:
        assert await get_record(connection, "reseau", "1") is None
        assert await get_supplier(connection, written.supplier_id) is None


async def test_what_postgresql_cannot_hold_is_refused_with_its_place(engine: Engine) -> None:
    with pytest.raises(InvalidContent) as refused:
        await put(engine, "", record("A\0B", labels=("fine", "not\0fine")))

    found = [(problem.pointer, problem.code) for problem in refused.value.problems]
    assert found == [
        ("/external_id", "invalid_external_id"),
        ("/name", "null_character"),
        ("/labels/1", "null_character"),
    ]


async def test_a_backslash_before_u0000_is_no_nul(engine: Engine) -> None:
    assert (await put(engine, what=record(r"C:\u0000"))).stored.record.name == r"C:\u0000"


async def test_raising_takes_everything_back(engine: Engine) -> None:
    async def put_and_fail() -> None:
        async with transaction(engine) as connection:
            await put_record(connection, "reseau", "1", record(), PONTIVY, now=NOW, similarity=same_name)
            raise LookupError

    with pytest.raises(LookupError):
        await put_and_fail()
    async with transaction(engine) as connection:
        assert await get_record(connection, "reseau", "1") is None
        assert await current_version(connection) == 0


async def test_records_put_at_the_same_time_each_get_a_version(engine: Engine) -> None:
    """The same record twice, and others beside it: one supplier each, no version lost."""
    each = [str(number % 6) for number in range(12)]
    written = await asyncio.gather(*(put(engine, one, record(f"Atelier {one}")) for one in each))

    created = [each for each in written if each.status == "created"]
    assert len({each.supplier_id for each in written}) == 6
    assert sorted(each.data_version for each in created) == [1, 2, 3, 4, 5, 6]
    async with transaction(engine) as connection:
        assert await current_version(connection) == 6
