"""Records, one at a time, what is suppressed of them, and what their sources are told.

That is exactly what was taken out, and nothing of who is called the same.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.core.engine import Engine, transaction
from db.suppliers.records import get_record, put_record
from db.suppliers.sources import count_vertices, describe_source, get_source, list_sources, put_source
from db.suppliers.suppression_list import Suppression, Suppressions, suppress, suppressions_of
from db.suppliers.write import current_version
from domain.errors import Conflict, InvalidContent
from domain.reference.territory import Polygon
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.source import QualityGap, QualityGaps, Row, RowError, Source, SourceMapping, SourceSummary
from domain.suppliers.supplier import Approval, Contact, Flag, Offer, Placement, ServiceArea, SupplierRecord
from tests.conftest import empty, examples
from tests.db.suppliers.samples import (
    LATER,
    NOW,
    PONTIVY,
    addition,
    ask,
    delete,
    load,
    new_id,
    put,
    record,
    row,
    rows,
    same_name,
    supplier,
)


async def test_a_record_is_read_as_it_was_received(engine: Engine) -> None:
    flagged = Placement(PONTIVY.location, "56178", (Flag("siret_check_failed", "12345678901234"),))
    sent = record(siret="12345678901234", turnover_eur=850_000.0, description="Légumes « bio » \u2028 \\ \U0001f955")
    written = await put(engine, "a/b é", sent, placement=flagged)

    assert await ask(engine, get_record, "reseau", "a/b é") == written.stored
    assert await ask(engine, get_record, "reseau", "other") is None
    assert (written.stored.record, written.stored.placement) == (sent, flagged)


async def test_the_same_content_again_changes_no_version(engine: Engine) -> None:
    """`received_at` tells that the source still says so, `updated_at` when it said something new."""
    first = await put(engine)
    again = await put(engine, now=LATER)

    assert (again.status, again.data_version) == ("unchanged", first.data_version)
    found = await supplier(engine, first.supplier_id)
    assert (found.sources[0].received_at, found.updated_at) == (LATER, NOW)


async def test_other_content_keeps_the_supplier(engine: Engine) -> None:
    """And so does another place: new reference data may place the same words elsewhere, and that is what is matched.

    Another source may use the same id.
    """
    first = await put(engine)
    changed = await put(engine, what=record("Les Jardins de l'Oust"), now=LATER)
    assert (changed.status, changed.data_version) == ("changed", 2)
    moved = await put(engine, what=record("Les Jardins de l'Oust"), placement=Placement())
    assert (moved.status, moved.supplier_id, changed.supplier_id) == ("changed", first.supplier_id, first.supplier_id)
    theirs = await put(engine, what=record("Atelier de l'Oust"), source="ville")
    assert theirs.supplier_id != first.supplier_id


async def test_what_postgresql_cannot_hold_is_refused_with_its_place(engine: Engine) -> None:
    with pytest.raises(InvalidContent) as refused:
        await put(engine, "", record("A\0B", labels=("fine", "not\0fine")))

    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("/external_id", "invalid_external_id"),
        ("/name", "null_character"),
        ("/labels/1", "null_character"),
    ]
    # a backslash before u0000 is none
    assert (await put(engine, what=record(r"C:\u0000"))).stored.record.name == r"C:\u0000"


async def test_records_put_at_the_same_time_each_get_a_version(engine: Engine) -> None:
    """The same record twice, and others beside it: one supplier each, no version lost."""
    each = [str(number % 6) for number in range(12)]
    written = await asyncio.gather(*(put(engine, one, record(f"Atelier {one}")) for one in each))

    created = [each for each in written if each.status == "created"]
    assert len({each.supplier_id for each in written}) == 6
    assert sorted(each.data_version for each in created) == [1, 2, 3, 4, 5, 6]
    assert await ask(engine, current_version) == 6


BUDGET = 200
SOURCES = ("a", "b")
Known = dict[str, int]
"""What each record of a source counts for."""

ids = st.sampled_from("12345")
drawn = st.sampled_from([0, 0, 4, 60, 90, 120])
lines = st.dictionaries(ids, drawn | st.sampled_from(["bad", "withheld"]), max_size=5)
steps = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(SOURCES), ids, drawn),
    st.tuples(st.just("delete"), st.sampled_from(SOURCES), ids),
    st.tuples(st.just("load"), st.sampled_from(SOURCES), lines, st.booleans(), st.integers(0, 2), st.booleans()),
)


def drawing(vertices: int, name: str = "Atelier") -> SupplierRecord:
    """A record with an area of so many vertices; none where they are 0."""
    if not vertices:
        return record(name)
    corners = tuple((-2.0 + step / 100, 48.0 + step % 2 / 100) for step in range(vertices - 1))
    area = ServiceArea(geometry=Polygon(coordinates=((*corners, corners[0]),)))
    return record(name, offers=(Offer(segments=("ev-entretien",), service_area=area),))


def counted(vertices: int) -> int:
    return max(32, vertices) if vertices else 0


class Budget:
    """What a source should hold, by a plain reading of the rule."""

    def __init__(self) -> None:
        self.known: Known = {}

    def become(self, after: Known) -> bool:
        """Whether it may become that; it then has."""
        before, total = sum(self.known.values()), sum(after.values())
        fits = total <= BUDGET or total <= before
        if fits:
            self.known = after
        return fits

    def loaded(self, content: dict[str, Any], snapshot: bool, unreadable: int) -> Known:
        after = self.known | {each: counted(found) for each, found in content.items() if isinstance(found, int)}
        after = {each: vertices for each, vertices in after.items() if content.get(each) != "withheld"}
        absent = self.known.keys() - content.keys()
        if snapshot and len(absent) > unreadable:
            after = {each: vertices for each, vertices in after.items() if each not in absent}
        return after


class World:
    """A database beside what it should hold."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.now = engine, NOW
        self.sources = {name: Budget() for name in SOURCES}

    async def take(self, step: tuple[Any, ...]) -> None:
        self.now += timedelta(minutes=1)
        await getattr(self, step[0])(*step[1:])
        for name, source in self.sources.items():
            assert await ask(self.engine, count_vertices, name) == sum(source.known.values())

    async def put(self, name: str, external_id: str, vertices: int) -> None:
        source = self.sources[name]
        fits = source.become(source.known | {external_id: counted(vertices)})
        assert fits == await put_within(self.engine, name, external_id, vertices, self.now)

    async def delete(self, name: str, external_id: str) -> None:
        self.sources[name].known.pop(external_id, None)
        await delete(self.engine, external_id, source=name)

    async def load(
        self, name: str, content: dict[str, Any], snapshot: bool, unreadable: int, is_rehearsed: bool
    ) -> None:
        source, asked = self.sources[name], list[Row | RowError]()
        for line, (external_id, vertices) in enumerate(content.items(), 1):
            if isinstance(vertices, int):
                asked.append(Row(line, external_id, drawing(vertices, f"Atelier {external_id}")))
            else:
                asked.append(RowError(line, external_id, "", vertices, "…"))
        asked += [RowError(10 + number, None, "", "bad", "…") for number in range(unreadable)]
        fits = source.become(source.loaded(content, snapshot, unreadable))
        for dry_run in (True, False) if is_rehearsed else (False,):
            order = {"mode": "snapshot" if snapshot else "upsert", "force": True, "dry_run": dry_run}
            assert fits == await load_within(self.engine, name, asked, self.now, **order)


@contextmanager
def unless_refused() -> Iterator[list[Conflict]]:
    """The refusal of the block, where it is refused for its vertices."""
    refused: list[Conflict] = []
    try:
        yield refused
    except Conflict as conflict:
        if conflict.code != "too_many_vertices":
            raise
        refused.append(conflict)


async def put_within(engine: Engine, source: str, external_id: str, vertices: int, now: datetime) -> bool:
    """Whether the record is taken."""
    content = drawing(vertices, f"Atelier {external_id}")
    with unless_refused() as is_refused:
        async with transaction(engine) as connection:
            await put_record(
                connection, source, external_id, content, PONTIVY, now=now, similarity=same_name, most_vertices=BUDGET
            )
    return not is_refused


async def load_within(engine: Engine, source: str, content: Any, now: datetime, **order: Any) -> bool:
    """Whether the file is taken."""
    with unless_refused() as is_refused:
        await load(engine, content, source=source, now=now, most_vertices=BUDGET, **order)
    return not is_refused


@given(history=st.lists(steps, min_size=1, max_size=10))
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_history_keeps_to_the_budget(engine: Engine, history: Sequence[tuple[Any, ...]]) -> None:
    """Records come and go one by one and by the file, whole files are rehearsed first, and rows of them are bad.

    Then: what is refused is what a plain reading refuses; a rehearsal says the same as the import; and what is added up
    from the records is what the source draws.
    """
    await empty(engine)
    world = World(engine)
    for step in history:
        await world.take(step)


async def test_a_record_that_only_adds_to_suppliers_draws_too(engine: Engine) -> None:
    (offer,) = drawing(120).offers
    rows = [
        Row(line, f"{line}", SupplierRecord("SIREN 356000000", offers=(offer,)), joins="356000000") for line in (1, 2)
    ]
    assert await load_within(engine, "a", rows[:1], NOW)
    assert not await load_within(engine, "a", rows, LATER)


async def test_a_source_that_draws_more_than_it_may_is_read_and_made_smaller(engine: Engine) -> None:
    """Such as after the operator has lowered the budget."""
    for external_id in "12":
        await put(engine, external_id, drawing(190), source="a")
    assert await load_within(engine, "a", [row(1, "3")], LATER)
    assert await put_within(engine, "a", "1", 180, LATER)
    assert not await put_within(engine, "a", "1", 190, LATER)


HERE = RecordKey("reseau", "1")


async def suppressed(engine: Engine, source: str, *details: Suppression) -> Suppressions | None:
    await ask(engine, suppress, details, NOW)
    return await ask(engine, suppressions_of, source)


def left(found: Suppressions | None, external_id: str, contact: Contact) -> Contact | None:
    assert found is not None
    return found.redact(external_id, record(contact=contact)).contact


@pytest.mark.parametrize("phone", ["+33 2 97 00 00 00", "02.97.00.00.00"])
async def test_a_number_is_suppressed_in_any_spelling(engine: Engine, phone: str) -> None:
    found = await suppressed(engine, "reseau", Suppression("phone", "0297000000", HERE))
    assert left(found, "1", Contact(phone=phone)) == Contact()
    assert left(found, "2", Contact(phone=phone)) == Contact(phone=phone)


async def test_of_another_source_only_what_holds_everywhere_is_read_and_once(engine: Engine) -> None:
    assert await suppressed(engine, "other", Suppression("person", "anne goff le", HERE)) is None
    assert await ask(engine, suppressions_of, "reseau", "2") is None
    assert await ask(engine, suppressions_of, "reseau", "1") is not None
    detail = Suppression("email", "a.legoff@esat.example")
    found = await suppressed(engine, "other", detail, detail, Suppression("email", ""))
    assert found is not None
    assert len(found.everywhere) == 1


ON = date(2026, 11, 25)
SIRET = "22560001400016"

SETTINGS = Source(
    "carte",
    "La carte",
    "https://carte.example",
    SourceMapping({"10430": ("re-ressourcerie",)}, {"text_1": "description"}),
    5,
)


async def test_sources_are_listed_with_their_counts(engine: Engine) -> None:
    """An import that stored nothing is not the last one."""
    await load(engine, rows("a", "b"))
    last = await load(engine, rows("a"), now=LATER, id=new_id())
    await load(engine, rows("a"), now=LATER, dry_run=True)
    await ask(engine, put_source, SETTINGS, NOW)
    unsent, sent = await ask(engine, list_sources, ON)
    assert await ask(engine, get_source, "reseau") == Source("reseau")

    assert unsent == SourceSummary(name="carte", label=SETTINGS.label, url=SETTINGS.url)
    assert (sent.name, sent.records, sent.last_received_at) == ("reseau", 2, LATER)
    assert (sent.last_import_id, sent.last_import_at) == (last.id, LATER)


async def test_what_the_records_of_a_source_lack_is_counted(engine: Engine) -> None:
    """As it is now, whichever way they came, and however often they changed; other sources do not count."""
    full = record(siret=SIRET, contact=Contact(email="a@b.fr"))
    await load(engine, [row(1, "a"), row(2, "b", siret=SIRET), row(3, "c", siret=SIRET, offers=())])
    await put(engine, "d", record(offers=()), placement=Placement(flags=(Flag("no_place", ""), Flag("no_offer", ""))))
    await load(engine, [Row(1, "a", full), row(2, "c", contact=Contact(phone="0297000000"))])
    await put(engine, "b", full)
    await put(engine, "b", source="other")

    found = await ask(engine, describe_source, "reseau", ON)
    assert found is not None
    assert found.without == QualityGaps(
        place=QualityGap(1, 0.25), siret=QualityGap(2, 0.5), segment=QualityGap(1, 0.25), email=QualityGap(2, 0.5)
    )
    assert found.flags == {"no_offer": 1, "no_place": 1}


async def test_records_about_nobody_known_wait(engine: Engine) -> None:
    """By SIRET and by SIREN, until their supplier comes; sources without any such record have none."""
    added = [addition(1, "a", SIRET), addition(2, "b", SIRET[:9]), addition(3, "c", "55210055400013")]
    await load(engine, added, source="lists")
    (lists,) = await ask(engine, list_sources, ON)
    assert (lists.waiting, lists.records, lists.flags) == (3, 3, {})
    assert {getattr(lists.without, each).records for each in ("place", "siret", "segment", "email")} == {0}
    await put(engine, "a", record(siret=SIRET))
    assert {each.name: each.waiting for each in await ask(engine, list_sources, ON)} == {"lists": 1, "reseau": 0}


async def test_approvals_expire_without_a_change(engine: Engine) -> None:
    """One of the two kinds of `b` has ended; the approval of `c` is followed by another."""
    ended, until = Approval("ACI", valid_until=date(2026, 1, 31)), Approval("EI", valid_until=ON)
    await load(engine, [row(1, "a", approvals=(until,)), row(2, "b", approvals=(ended, until))])
    await put(engine, "c", record(approvals=(ended, Approval("ACI", valid_from=ON))))

    async with transaction(engine) as connection:
        for on, count in ((date(2026, 1, 31), 0), (ON, 1), (date(2026, 11, 26), 2)):
            (found,) = await list_sources(connection, on)
            assert found.flags == ({"approval_expired": count} if count else {})
