"""One supplier from several records: who joins, who leaves, what stays of it, whatever happened in whatever order.

And while records are being imported, or people merge and split them.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.core.engine import Engine, LockKind, lock, transaction
from db.imports.apply_staged import MANY
from db.imports.prepare_rows import prepare_here
from db.imports.run import Order, run_import
from db.suppliers.feed import START, changes_after
from db.suppliers.read import get_supplier
from db.suppliers.records import delete_record, put_record
from db.suppliers.regroup import merge_suppliers, split_record
from db.suppliers.sources import put_source
from db.suppliers.write import record_rows, stored_record
from domain.errors import Conflict
from domain.suppliers.assembly import assemble
from domain.suppliers.deduplication import Decisions, IdentityFacts, RecordKey, is_site_of_several, name_key, read_name
from domain.suppliers.source import Batch, CheckedRecord, Source
from domain.suppliers.supplier import Approval, Flag, Placement, Point, Supplier, SupplierRecord
from matching.words.names import name_similarity
from tests.conftest import empty, examples
from tests.db.suppliers.samples import (
    FAR,
    LATER,
    MUCH_LATER,
    NOW,
    PONTIVY,
    Gate,
    ask,
    delete,
    described,
    execute,
    load,
    lock_is_awaited,
    names,
    new_id,
    put,
    record,
    row,
    same_name,
    supplier,
    the_only_one,
    version,
)
from tests.domain.suppliers import deduplication_oracle

SIRET, OTHER = "22560001400016", "22560001400024"


async def told(engine: Engine) -> dict[UUID, str | None]:
    """What a reader of the whole change feed knows in the end: the name of every supplier, null where it is no more."""
    changes = await ask(engine, changes_after, START, 100)
    return {change.id: None if change.supplier is None else change.supplier.name for change in changes}


async def test_a_lost_id_is_a_tombstone_that_leads_to_the_survivor(engine: Engine) -> None:
    """Also where it is lost to one that is lost in its turn."""
    oldest = await put(engine, "a", record("Un", siret=SIRET), now=NOW)
    middle = await put(engine, "b", record("Deux", siret=OTHER), now=LATER)
    youngest = await put(engine, "c", record("Trois"), source="ville", now=MUCH_LATER)
    await put(engine, "c", record("Trois", siret=OTHER), source="ville", now=MUCH_LATER)
    assert await told(engine) == {oldest.supplier_id: "Un", middle.supplier_id: "Trois", youngest.supplier_id: None}

    await put(engine, "b", record("Deux", siret=SIRET), now=MUCH_LATER)
    await put(engine, "c", record("Trois", siret=SIRET), source="ville", now=MUCH_LATER)

    found = await supplier(engine, youngest.supplier_id)
    assert found == await supplier(engine, oldest.supplier_id)
    assert (found.id, len(found.sources)) == (oldest.supplier_id, 3)


async def test_a_new_record_that_joins_leaves_no_trace_of_an_id_of_its_own(engine: Engine) -> None:
    """And a dry run none at all."""
    ours = await put(engine, what=record(siret=SIRET))
    await load(engine, [row(1, "a", siret=SIRET)], source="carte", dry_run=True)
    assert await version(engine) == 1
    await put(engine, what=record(siret=SIRET), source="ville")
    await load(engine, [row(1, "a", siret=SIRET), row(2, "b", siret=SIRET)], source="carte")

    assert list(await told(engine)) == [ours.supplier_id]


async def test_a_record_whose_siret_changes_leaves_its_supplier_and_joins_another(engine: Engine) -> None:
    """The one that leaves was there first: the others keep the id."""
    await put(engine, what=record(siret=SIRET))
    await put(engine, what=record("Jardins", siret=SIRET), source="ville", now=LATER)
    before = await described(engine)
    left = await put(engine, what=record(siret=OTHER), now=MUCH_LATER)
    assert await described(engine, source="ville") == before != left.supplier_id
    assert await told(engine) == {before: "Jardins", left.supplier_id: "Les Jardins du Blavet"}

    back = await put(engine, what=record(siret=SIRET), now=MUCH_LATER)
    assert (back.status, back.supplier_id) == ("changed", before)
    assert (await told(engine))[left.supplier_id] is None


async def test_a_higher_rank_goes_first(engine: Engine) -> None:
    """As soon as it is set, and for what comes later; where nothing is shared it changes nothing."""
    await put(engine)
    await ask(engine, put_source, Source("reseau", rank=-1), LATER)
    assert await version(engine) == 1
    for source in ("a", "b"):
        await put(engine, what=record(f"De {source}", siret=SIRET), source=source, placement=FAR)
    ours = {"Les Jardins du Blavet"}
    assert set(await names(engine)) - ours == {"De a"}

    await ask(engine, put_source, Source("b", rank=1), LATER)
    assert (set(await names(engine)) - ours, await version(engine)) == ({"De b"}, 4)
    await put(engine, what=record("Toujours de a", siret=SIRET), source="a", placement=FAR, now=MUCH_LATER)
    assert set(await names(engine)) - ours == {"De b"}


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
    changed = record(siret=SIRET, employees=12)
    async with transaction(engine) as connection:
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


async def test_who_moves_records_and_who_notes_a_receipt_wait_for_each_other(engine: Engine) -> None:
    """Both lock many rows, in orders of their own: they must not do it at once."""
    await load(engine, [row(1, "1", siret=SIRET)], source="a")
    async with transaction(engine) as connection:
        await lock(connection, LockKind.MOVE, "", shared=True)
        joining = asyncio.create_task(put(engine, what=record(siret=SIRET), source="b"))
        await lock_is_awaited(engine)
    assert (await joining).status == "created"
    async with transaction(engine) as connection:
        await lock(connection, LockKind.MOVE, "")
        receiving = asyncio.create_task(load(engine, [row(1, "1", siret=SIRET)], source="a", now=LATER))
        await lock_is_awaited(engine)
    assert (await receiving).unchanged == 1


async def test_nobody_waits_for_ever(engine: Engine) -> None:
    """Sources that are sent whole, again and again, while single records join them and leave."""
    mine = [row(number, f"{number}", siret=f"{number:014}") for number in range(1, 60)]
    theirs = [row(number, f"{number}", siret=f"{number:014}") for number in range(60, 0, -1)]
    await load(engine, mine)
    async with asyncio.timeout(60):
        for _ in range(2):
            await asyncio.gather(
                load(engine, mine, now=LATER),
                load(engine, theirs, source="ville", now=LATER),
                *(put(engine, f"{number}", mine[number].record, source="carte", now=LATER) for number in range(5)),
            )

    assert len(await names(engine)) == 60


@pytest.mark.parametrize("order", ["merged", "split", "joined"])
async def test_what_happens_to_a_supplier_while_its_record_is_imported(engine: Engine, order: str) -> None:
    """The import has assembled it already, as of the one record that it had, or as of two."""
    together = record(siret=SIRET)
    await put(engine, "a", record("Un", siret=SIRET, employees=9))
    if order == "split":
        await put(engine, "z", together, source="ville")
    before = await described(engine, "a")
    gate = Gate([row(1, "a", "Un neuf", siret=SIRET, description="Légumes")])
    running = await gate.begin(engine, Order(id=new_id(), source="reseau"), LATER)
    if order == "merged":
        other = await put(engine, "z", record("Deux", ess=True), source="ville", placement=FAR)
        await ask(engine, merge_suppliers, (other.supplier_id, before), same_name, LATER)
    elif order == "split":
        await ask(engine, split_record, before, RecordKey("reseau", "a"), same_name, LATER)
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
        await ask(engine, merge_suppliers, (older.supplier_id, known.supplier_id), same_name, LATER)
    else:
        await delete(engine, "b", source="ville")
    gate.open()
    await running

    joined = await described(engine, "a")
    assert (joined == older.supplier_id) == (fate == "lost")
    entries = [await ask(engine, get_supplier, each) for each in (joined, known.supplier_id)]
    assert [entry and len(entry.supplier.sources) for entry in entries] == ([3, 3] if fate == "lost" else [1, 1])
    assert len(await names(engine)) == (1 if fate == "lost" else 2)


# In a row to the north, 150 m apart; one beside the second; one and two kilometres away; the middle of the commune.
PLACES = [
    *(Placement(Point(48.07 + metres / 111_195, -2.97), "56178") for metres in (0, 150, 300, 450, 1_100, 2_000)),
    Placement(Point(48.07 + 150 / 111_195, -2.969), "56178"),
    Placement(Point(48.07, -2.97), "56178", (Flag("placed_at_commune", "56178"),)),
]
NAMES = ["Les Jardins du Blavet", "JARDIN DU BLAVAT", "ESAT Jardins du Blavet", "Jardins du Blavet EI", "Envie"]

contents = st.builds(
    lambda name, trade_name, siret, in_prison, approvals, place: (
        SupplierRecord(name=name, trade_name=trade_name, siret=siret, in_prison=in_prison, approvals=approvals),
        place,
    ),
    st.sampled_from(NAMES[:1] * 4 + NAMES),
    st.sampled_from([None, None, None, None, "Envie", "Jardins du Blavet"]),
    st.sampled_from([None, None, None, "22560001400016", "22560001400024"]),
    st.sampled_from([None, None, None, None, True]),
    st.sampled_from([None, None, (Approval("ESAT"),)]),
    st.sampled_from(PLACES[:3] * 3 + PLACES),
)
Content = tuple[SupplierRecord, Placement]
keys = st.builds(RecordKey, st.sampled_from("ab"), st.sampled_from("1234"))
files = st.dictionaries(st.sampled_from("1234"), contents)
steps = st.one_of(
    st.tuples(st.just("put"), keys, contents),
    st.tuples(st.just("put"), keys, contents),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("load"), st.sampled_from("ab"), files, st.booleans()),
    st.tuples(st.just("load"), st.sampled_from("ab"), files, st.booleans()),
    st.tuples(st.just("merge"), keys, keys),
    st.tuples(st.just("part"), keys),
)


class World:
    """The directory beside a plain account of what it should hold."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOW
        self.records: dict[RecordKey, Content] = {}
        self.merged: list[set[RecordKey]] = []
        self.split: set[tuple[RecordKey, RecordKey]] = set()
        self.position = START
        self.copy: dict[UUID, Supplier | None] = {}

    async def take(self, step: tuple[Any, ...]) -> None:
        self.now += timedelta(minutes=1)
        await getattr(self, step[0])(*step[1:])
        await self.follow()

    async def follow(self) -> None:
        """Apply what the change feed tells since the last step, as a reader does that keeps a copy."""
        for change in await ask(self.engine, changes_after, self.position, 200):
            self.position = change.position
            self.copy[change.id] = change.supplier

    async def put(self, key: RecordKey, content: Content) -> None:
        self.records[key] = content
        await ask(self.engine, put_record, *key, *content, now=self.now, similarity=name_similarity)

    async def delete(self, key: RecordKey) -> None:
        self.records.pop(key, None)
        await ask(self.engine, delete_record, *key, self.now, name_similarity)

    async def load(self, source: str, contents: dict[str, Content], snapshot: bool) -> None:
        if snapshot:
            self.records = {key: content for key, content in self.records.items() if key.source != source}
        self.records |= {RecordKey(source, external_id): content for external_id, content in contents.items()}
        order = Order(id=new_id(), source=source, mode="snapshot" if snapshot else "upsert", force=True)
        await run_import(self.engine, order, prepare_here(batches(contents)), lambda: self.now, name_similarity)

    async def merge(self, one: RecordKey, other: RecordKey) -> None:
        known = await self.suppliers()
        if one in known and other in known and known[one] != known[other]:
            await ask(self.engine, merge_suppliers, [known[one], known[other]], name_similarity, self.now)
            merged = {key for key, supplier in known.items() if supplier in {known[one], known[other]}}
            self.split = {pair for pair in self.split if not merged.issuperset(pair)}
            self.merged.append(merged)

    async def part(self, key: RecordKey) -> None:
        known = await self.suppliers()
        if key not in known:
            return
        others = {other for other, supplier in known.items() if supplier == known[key] and other != key}
        try:
            await ask(self.engine, split_record, known[key], key, name_similarity, self.now)
        except Conflict:
            assert not others
            return
        self.split |= {(key, other) for other in others}
        self.merged = [merged - {key} for merged in self.merged]

    async def suppliers(self) -> dict[RecordKey, UUID]:
        """The supplier of each record."""
        rows = await execute(self.engine, "SELECT source, external_id, supplier_id FROM records")
        return {RecordKey(row.source, row.external_id): row.supplier_id for row in rows}

    def expected(self) -> deduplication_oracle.Suppliers:
        facts = [identity_facts(key, *content) for key, content in self.records.items()]

        def similarity(one: Any, other: Any) -> float:  # of names that share a key alone
            return name_similarity(one, other) if name_key(one) == name_key(other) else 0.0

        return deduplication_oracle.suppliers(facts, similarity, Decisions(self.merged, self.split))


def identity_facts(key: RecordKey, record: SupplierRecord, placement: Placement) -> IdentityFacts:
    names = () if placement.flags else [read_name(name) for name in (record.name, record.trade_name) if name]
    readable = tuple(name for name in names if name_key(name))
    return IdentityFacts(
        key, record.siret, readable, placement.location, record.in_prison is True, is_site_of_several(record)
    )


def batches(contents: dict[str, Content]) -> Iterator[Batch]:
    """Two records at a time."""
    records = [CheckedRecord(line, key, *content) for line, (key, content) in enumerate(contents.items(), 1)]
    for start in range(0, len(records), 2):
        yield Batch(records[start : start + 2])


@given(first=files, history=st.lists(steps, max_size=8), many=st.sampled_from([1, MANY]))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_history_ends_as_the_rule_says(
    engine: Engine, first: dict[str, Content], history: Sequence[tuple[Any, ...]], many: int
) -> None:
    """Records come, change and go, one by one and by the file, from two sources, and people decide in between.

    An import of `many` looks for their namesakes in another way.

    Then: the records of each supplier are those that a slow reading of the rule finds in what is left; every supplier
    says what its records say; and a reader of the change feed, asking after every step, knows just that.
    """
    await empty(engine)
    world = World(engine)
    with patch("db.imports.apply_staged.MANY", many):
        for step in (("load", "a", first, False), *history):
            await world.take(step)

    described = await world.suppliers()
    suppliers = set(described.values())
    found = {frozenset(key for key, each in described.items() if each == one) for one in suppliers}
    assert found == world.expected()
    assert {each for each, supplier in world.copy.items() if supplier is not None} == suppliers
    stored = await ask(engine, record_rows, suppliers)
    for one in suppliers:
        assert said(world.copy[one]) == said(assemble(one, list(map(stored_record, stored[one]))))


def said(supplier: Supplier | None) -> Supplier:
    """Without the dates of receipt, which no change of content marks."""
    assert supplier is not None
    sources = tuple(msgspec.structs.replace(each, received_at=NOW) for each in supplier.sources)
    return msgspec.structs.replace(supplier, sources=sources)


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
