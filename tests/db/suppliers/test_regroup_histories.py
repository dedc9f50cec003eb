"""Whatever happened in whatever order, the directory ends as the rule says of what is left."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.core.engine import Engine
from db.imports.apply_staged import MANY
from db.imports.prepare_rows import prepare_here
from db.imports.run import Order, run_import
from db.suppliers.feed import START, changes_after
from db.suppliers.records import delete_record, put_record
from db.suppliers.regroup import merge_suppliers, split_record
from db.suppliers.write import record_rows, stored_record
from domain.errors import Conflict
from domain.suppliers.assembly import assemble
from domain.suppliers.deduplication import Decisions, IdentityFacts, RecordKey, name_key, read_name
from domain.suppliers.source import Batch, CheckedRecord
from domain.suppliers.supplier import Flag, Placement, Point, Supplier, SupplierRecord
from matching.words.names import name_similarity
from tests.conftest import examples
from tests.db.conftest import empty
from tests.db.suppliers.samples import NOW, ask, execute, new_id
from tests.domain.suppliers import deduplication_oracle

# In a row to the north, 150 m apart; one beside the second; one and two kilometres away; the middle of the commune.
PLACES = [
    *(Placement(Point(48.07 + metres / 111_195, -2.97), "56178") for metres in (0, 150, 300, 450, 1_100, 2_000)),
    Placement(Point(48.07 + 150 / 111_195, -2.969), "56178"),
    Placement(Point(48.07, -2.97), "56178", (Flag("placed_at_commune", "56178"),)),
]
NAMES = ["Les Jardins du Blavet", "JARDIN DU BLAVAT", "ESAT Jardins du Blavet", "Jardins du Blavet EI", "Envie"]

contents = st.builds(
    lambda name, trade_name, siret, in_prison, place: (
        SupplierRecord(name=name, trade_name=trade_name, siret=siret, in_prison=in_prison),
        place,
    ),
    st.sampled_from(NAMES[:1] * 4 + NAMES),
    st.sampled_from([None, None, None, None, "Envie", "Jardins du Blavet"]),
    st.sampled_from([None, None, None, "22560001400016", "22560001400024"]),
    st.sampled_from([None, None, None, None, True]),
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
        facts = [told(key, *content) for key, content in self.records.items()]
        return deduplication_oracle.suppliers(facts, sharing_a_key, Decisions(self.merged, self.split))


def told(key: RecordKey, record: SupplierRecord, placement: Placement) -> IdentityFacts:
    names = () if placement.flags else [read_name(name) for name in (record.name, record.trade_name) if name]
    readable = tuple(name for name in names if name_key(name))
    return IdentityFacts(key, record.siret, readable, placement.location, record.in_prison is True)


def sharing_a_key(one: Any, other: Any) -> float:
    return name_similarity(one, other) if name_key(one) == name_key(other) else 0.0


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
