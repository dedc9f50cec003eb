"""The index holds active suppliers as arrays; the live one, with its changes, answers as if built anew.

Suppliers that are near each other stand together, and those near a shape are few runs of the order.
"""

import json
from itertools import pairwise
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.shortlists.listed_suppliers import SupplierSummary
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.supplier import Contact, Point, Supplier
from matching.engine import match
from matching.geo.shape import PointShape
from matching.index.distances import runs_near
from matching.index.live_index import LiveIndex
from matching.index.supplier_columns import (
    UNPLACED,
    IndexedSupplier,
    details_json,
    document_of,
    legal_facts,
    read_indexed,
    spatial_keys,
    summary_json,
)
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import (
    LYON,
    NANTES,
    ON,
    REDON,
    RENNES,
    VANNES,
    approved,
    codes,
    index,
    live,
    lot,
    matched,
    names,
    need,
    offer,
    place,
    square,
    supplier,
)

NAMES = "abcdefgh"
OFFERS = (
    offer(),
    offer("pr", radius_km=40),
    offer("pr-specialise", national=True),
    offer("ev-entretien", codes=("departement:35",)),
    offer(geometry=square(RENNES, 0.2), basis="inferred"),
    offer("ev-entretien", "pr-locaux", codes=("region:53",)),
    offer(cpv=("90919200",), national=True),
    offer("rs-traiteur"),
)
PLACES: tuple[Point | None, ...] = (RENNES, REDON, VANNES, None)
ASKED = need(
    lot("pr-locaux", "ev-entretien", reserved=("iae", "handicap"), site=place(RENNES), max_distance_km=70),
    lot("pr", id="2", territory=codes("epci:243500741")),
    limit=100,
    near_misses=50,
)

written = st.builds(
    lambda name, offers, at, active, kind: supplier(
        name, *offers, at=at, active=active, approvals=approved(kind) if kind else None
    ),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(OFFERS), min_size=1, max_size=3),
    st.sampled_from(PLACES),
    st.sampled_from((True, True, True, False)),
    st.sampled_from(("ACI", "ESAT", "GEIQ", None)),
)
"""A supplier as it was written; one of few names, so that it is written again."""

changes = st.lists(
    st.one_of(
        st.tuples(st.just("after"), st.lists(written, max_size=3), st.lists(st.sampled_from(NAMES), max_size=2)),
        st.just(("rebased", [], [])),
    ),
    max_size=8,
)


def last_written(suppliers: list[Supplier]) -> dict[str, Supplier]:
    return {one.name: one for one in suppliers}


def answer(reference: Reference, held: LiveIndex) -> Shortlist:
    """What the index answers; the draw and the arithmetic included, the version left out."""
    found = match(ASKED, held, reference, ON, "fr")
    return msgspec.structs.replace(found, stamp=msgspec.structs.replace(found.stamp, data_version=0))


@settings(max_examples=examples(120))
@given(st.lists(written, max_size=8), changes)
def test_a_live_index_answers_as_one_built_from_what_it_holds(
    reference: Reference, first: list[Supplier], later: list[tuple[str, list[Supplier], list[str]]]
) -> None:
    """Whatever was written, written again, made inactive, removed, brought back or rebased on the way."""
    state = last_written(first)
    held = live(*state.values())
    for version, (kind, wrote, gone) in enumerate(later, 2):
        if kind == "rebased":
            held = LiveIndex(held.base.build_with(held.suppliers()), held.data_version)
            continue
        new = last_written(wrote)
        removed = [name for name in gone if name not in new]
        state = {name: one for name, one in state.items() if name not in removed} | new
        held = held.with_changes(new.values(), [supplier(name).id for name in removed], version)
        assert held.data_version == version
    active = {one.name for one in state.values() if one.active}
    assert {one.name for one in held.suppliers()} == active
    assert len(held) == len(active)
    assert answer(reference, held) == answer(reference, live(*state.values()))


def test_more_changes_than_there_is_left_make_a_new_base() -> None:
    """So that the next one makes a short tail again."""
    held = live(supplier("a"), supplier("b")).with_changes([supplier("c"), supplier("d"), supplier("e")], [], 2)
    assert (held.tail.rows, len(held), held.data_version) == (0, 5, 2)
    last = held.with_changes([supplier("f")], [], 3)
    assert (last.base, last.tail.rows, len(last)) == (held.base, 1, 6)


def test_changes_of_one_index_neither_mix_nor_change_it(reference: Reference) -> None:
    """The later one gets a base of its own: in that of the first there are suppliers it knows nothing of."""
    before = live(supplier("a"), supplier("b"))
    first, second = before.with_changes([supplier("c")], [], 2), before.with_changes([supplier("d")], [], 2)
    third = before.with_changes([supplier("a", offer("rs-traiteur"))], [supplier("b").id], 2)
    assert ([one.name for one in third.suppliers()], before.data_version) == (["a"], 1)
    for held, expected in ((first, "abc"), (second, "abd"), (before, "ab")):
        assert answer(reference, held) == answer(
            reference, LiveIndex(index(*map(supplier, expected)), held.data_version)
        )


def test_what_is_written_in_the_same_change_as_it_is_removed_stays() -> None:
    held = live(supplier("a")).with_changes([supplier("a", offer("rs-traiteur"))], [supplier("a").id], 2)
    assert [one.offers[0].segments for one in held.suppliers()] == [("rs-traiteur",)]


def test_shapes_weigh_even_where_nobody_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distances of an empty index take nothing, but hold their shapes."""
    monkeypatch.setattr("matching.index.live_index.DISTANCE_BYTES", 8_000)
    nobody, first, second = index(), PointShape(RENNES.lat, RENNES.lon), PointShape(LYON.lat, LYON.lon)
    measured = nobody.distances(first)
    assert nobody.distances(first) is measured
    nobody.distances(second)
    assert nobody.distances(first) is not measured


def test_a_code_that_reference_data_has_dropped_leaves_the_rest_of_the_area() -> None:
    """A stored record must never keep the directory from being matched."""
    stale = offer(codes=("epci:000000000", "departement:35"))
    built = index(supplier("atelier", stale))
    assert built.unknown_codes == {"epci:000000000"}
    assert names(matched(need(), supplier("atelier", stale, at=LYON)).candidates) == ["atelier"]


def test_a_segment_that_the_taxonomy_has_dropped_does_not_keep_the_index_from_changing(reference: Reference) -> None:
    """Who offers it may be written anew, in the base or later, and leave it or come back to it."""
    stale = supplier("a", offer("pr-dropped"))
    held = live(stale, supplier("b"), supplier("c")).with_changes(
        [supplier("a"), supplier("d", offer("pr-dropped"))], [], 2
    )
    held = held.with_changes([stale, supplier("d")], [], 3)
    assert answer(reference, held) == answer(reference, live(stale, supplier("b"), supplier("c"), supplier("d")))


class _AskedMeanwhile(str):
    """A segment during whose comparison another thread asks for one more."""

    __slots__ = ()
    tables: ClassVar[dict[str, Any]] = {}

    def __hash__(self) -> int:
        for each in range(100):
            self.tables[f"asked meanwhile {each}"] = None
        return super().__hash__()

    __eq__ = str.__eq__


def test_matches_may_ask_for_tables_of_the_tail_while_it_changes() -> None:
    held = live(supplier("a"), supplier("b"), supplier("c")).with_changes([supplier("d")], [], 2)
    (table,) = held.answering_offers("pr-locaux")[1:]
    held.tail.wanted[_AskedMeanwhile("ev")] = table
    _AskedMeanwhile.tables = held.tail.wanted
    assert len(held.with_changes([supplier("e")], [], 3)) == 5


def test_from_south_to_north_then_from_west_to_east_and_unplaced_last() -> None:
    lat, lon = (np.array(column) for column in zip(*_degrees(), strict=True))
    keys = spatial_keys(lat, lon)
    assert np.argsort(keys, kind="stable").tolist() == [2, 1, 0, 3, 4]
    assert keys[4] == UNPLACED


def test_runs_are_in_order_and_apart() -> None:
    lat, lon = np.meshgrid(np.arange(42, 51, 0.1), np.arange(-4, 8, 0.1))
    keys = np.sort(spatial_keys(lat.ravel(), lon.ravel()))
    runs = runs_near(keys, PointShape(RENNES.lat, RENNES.lon), 10.0)
    assert all(low < high for low, high in runs)
    assert all(before[1] < after[0] for before, after in pairwise(runs))
    assert 0 < sum(high - low for low, high in runs) < len(keys) / 5


def _degrees() -> list[tuple[float, float]]:
    return [
        (RENNES.lat, RENNES.lon),
        (NANTES.lat, NANTES.lon),
        (LYON.lat, LYON.lon),
        (RENNES.lat, RENNES.lon + 1),
        (np.nan, np.nan),
    ]


KEPT = set(IndexedSupplier.__struct_fields__) - {"active", "contact", "sources"}


@given(written)
def test_what_is_read_back_is_what_was_read(one: Supplier) -> None:
    document = document_of(one)
    again = read_indexed(summary_json(document), details_json(document))
    for field in KEPT:
        assert getattr(again, field) == getattr(one, field)
    assert legal_facts(again) == legal_facts(document) == legal_facts(one)
    assert [each.source for each in again.sources] == [each.source for each in one.sources]


@given(written)
def test_a_summary_is_what_a_shortlist_shows(one: Supplier) -> None:
    """Byte for byte, whether it was written for the index of all suppliers or read back and written again."""
    shown = msgspec.json.decode(summary_json(document_of(one)), type=SupplierSummary)
    assert shown.id == one.id
    assert shown.updated_at == one.updated_at
    assert msgspec.json.encode(shown) == summary_json(document_of(one))
    again = read_indexed(summary_json(document_of(one)), details_json(document_of(one)))
    assert summary_json(document_of(again)) == summary_json(document_of(one))


def test_the_contact_person_is_left_out() -> None:
    one = document_of(supplier("a", contact=Contact(email="bonjour@a.example", person="Anne Personne")))
    assert b"Anne" not in summary_json(one) + details_json(one)
    assert json.loads(summary_json(one))["contact"] == {"email": "bonjour@a.example", "phone": None, "website": None}
