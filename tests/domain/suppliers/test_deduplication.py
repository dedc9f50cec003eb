"""Which records are one supplier, and which supplier keeps its id; what names say of who a supplier is."""

import math
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.suppliers.deduplication import (
    NO_DECISIONS,
    Decisions,
    IdentityFacts,
    Member,
    Name,
    NameSimilarity,
    RecordKey,
    assign_ids,
    metres,
    name_key,
    partition,
    read_name,
)
from domain.suppliers.supplier import Point
from tests.domain.suppliers import deduplication_oracle

HERE = Point(48.07, -2.97)
SIRET = "22560001400016"
OTHER_SIRET = "22560001400024"


def beside(east_m: float, north_m: float = 0.0) -> Point:
    """A point so many metres from HERE."""
    return Point(HERE.lat + north_m / 111_195, HERE.lon + east_m / (111_320 * math.cos(math.radians(HERE.lat))))


def facts(external_id: str, siret: str | None = None, *names: str, **fields: Any) -> IdentityFacts:
    read = tuple(map(read_name, names or ("Les Jardins du Blavet",)))
    told: dict[str, Any] = {"names": read, "place": HERE} | fields
    return IdentityFacts(RecordKey("reseau", external_id), siret, **told)


def same_words(one: Name, other: Name) -> float:
    return float(one.words == other.words and bool(one.words))


def groups(*records: IdentityFacts, decisions: Decisions = NO_DECISIONS) -> list[str]:
    """The external ids of each supplier, run together."""
    found = partition(records, same_words, decisions)
    return sorted("".join(key.external_id for key in group) for group in found)


def prison(external_id: str, place: Point | None) -> IdentityFacts:
    return facts(external_id, SIRET, place=place, in_prison=True)


def pair(one: str, other: str) -> tuple[RecordKey, RecordKey]:
    return RecordKey("reseau", one), RecordKey("reseau", other)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        # one SIRET is one supplier whatever the names and places, and two are never one
        ([facts("a", SIRET), facts("b", SIRET, "Autre nom", place=beside(50_000)), facts("c", OTHER_SIRET)], "ab c"),
        # near-same names at one place are one where a SIRET is missing, also a trade name
        ([facts("a", SIRET), facts("b", place=beside(190))], "ab"),
        ([facts("a"), facts("b", place=beside(190))], "ab"),
        ([facts("a", SIRET), facts("b", place=beside(210))], "a b"),
        ([facts("a", SIRET), facts("b", None, "Les Jardins de l'Oust")], "a b"),
        ([facts("a"), facts("b", place=beside(0, 3_000)), facts("c", place=Point(43.6, 1.44))], "a b c"),
        ([facts("a", SIRET, "Association Untel", "Le Blavet"), facts("b", None, "Le Blavet")], "ab"),
        # all that stand in one commune without a point stand at its middle, and have no names
        ([facts("a", names=()), facts("b", names=())], "a b"),
        # a record without SIRET between two joins the nearer and glues nothing, a chain of such stays whole
        ([facts("l", SIRET, place=beside(-100)), facts("r", OTHER_SIRET, place=beside(90)), facts("m")], "l mr"),
        (
            [
                facts("a", SIRET),
                facts("b", place=beside(150)),
                facts("c", place=beside(200)),
                facts("d", OTHER_SIRET, place=beside(390)),
            ],
            "abc d",
        ),
        # workshops in prisons: at one place only, of which the middle one goes with the nearer, and where it is known
        ([prison("a", HERE), prison("b", beside(900)), prison("c", beside(5_000))], "ab c"),
        ([prison("a", HERE), prison("b", beside(800)), prison("c", beside(1_500))], "a bc"),
        ([prison("a", HERE), prison("b", None)], "a b"),
        ([prison("a", HERE), prison("b", beside(5_000)), facts("c", SIRET, place=beside(9_000))], "a bc"),
    ],
)
def test_records_are_one_supplier_by_siret_or_by_name_and_place(records: list[IdentityFacts], expected: str) -> None:
    assert groups(*records) == expected.split()


def test_it_joins_the_more_alike_before_the_nearer() -> None:
    left = facts("l", SIRET, "Les Jardins du Blavet", place=beside(-150))
    right = facts("r", OTHER_SIRET, "Jardins du Blavet", place=beside(10))

    def alike(one: Name, other: Name) -> float:
        return 1.0 if one.whole == other.whole else 0.9

    assert [len(group) for group in partition([left, right, facts("m")], alike)] == [2, 1]


@pytest.mark.parametrize(
    ("records", "decisions", "expected"),
    [
        # what a person merged draws others along, workshops that are apart too
        (
            [facts("a", SIRET), facts("b", OTHER_SIRET, place=beside(9_000)), facts("c", OTHER_SIRET)],
            Decisions(merged=[pair("a", "b")]),
            "abc",
        ),
        ([prison("a", HERE), prison("b", beside(5_000))], Decisions(merged=[pair("a", "b")]), "ab"),
        # nothing bridges what was split: a third record goes with the nearer
        (
            [facts("a", SIRET), facts("b", SIRET, place=beside(9_000)), facts("c", SIRET, place=beside(8_000))],
            Decisions(split=[pair("a", "b")]),
            "a bc",
        ),
        ([facts("a"), facts("b")], Decisions(split=[pair("b", "a")]), "a b"),
        # a decision about a record that is gone changes nothing
        ([facts("a"), facts("b")], Decisions(merged=[pair("a", "x")], split=[pair("b", "y")]), "ab"),
    ],
)
def test_what_people_decided_comes_first(records: list[IdentityFacts], decisions: Decisions, expected: str) -> None:
    assert groups(*records, decisions=decisions) == expected.split()


def test_many_records_that_say_the_same_cost_no_more_than_few() -> None:
    """Compared two by two these would be six million pairs."""
    compared = 0

    def counting(one: Name, other: Name) -> float:
        nonlocal compared
        compared += 1
        return same_words(one, other)

    many = [facts(f"{number:05}", SIRET if number % 2 else None) for number in range(5_000)]
    assert len(partition(many, counting)) == 1
    assert compared < 10


@pytest.mark.parametrize("lat", [-21.1, 0.0, 14.6, 46.8, 51.0])
@pytest.mark.parametrize("bearing", [0, 1, 2, 3])
def test_two_hundred_metres_are_measured_to_a_metre(lat: float, bearing: int) -> None:
    """Against the chord between the two points on the ellipsoid, which is as long as the arc to a millimetre."""
    angle = bearing * math.pi / 6
    one = Point(lat, 55.0)
    other = Point(lat + 0.0018 * math.cos(angle), 55.0 + 0.0018 * math.sin(angle) / math.cos(math.radians(lat)))

    assert metres(one, other) == pytest.approx(math.dist(on_ellipsoid(one), on_ellipsoid(other)), abs=0.01)


def on_ellipsoid(point: Point) -> tuple[float, float, float]:
    phi, lam = math.radians(point.lat), math.radians(point.lon)
    normal = 6_378_137 / math.sqrt(1 - 0.00669437999014 * math.sin(phi) ** 2)
    across = normal * math.cos(phi)
    return across * math.cos(lam), across * math.sin(lam), normal * (1 - 0.00669437999014) * math.sin(phi)


def test_the_antimeridian_separates_nobody() -> None:
    assert metres(Point(0.0, 179.9995), Point(0.0, -179.9995)) == pytest.approx(111.3, abs=0.1)


def test_sites_that_a_register_places_apart_stay_apart() -> None:
    """Only of one source, and where both places are known; another record of the SIRET joins the nearest."""
    here, there, nowhere = (
        facts(key, SIRET, place=place, is_site=True) for key, place in (("a", HERE), ("b", beside(1_400)), ("c", None))
    )
    assert groups(here, there) == ["a", "b"]
    assert groups(here, nowhere) == ["ac"]
    assert groups(here, there, facts("d", SIRET, place=beside(1_200))) == ["a", "bd"]
    assert groups(here, there, decisions=Decisions([(here.key, there.key)])) == ["ab"]
    of_another = msgspec.structs.replace(there, key=RecordKey("another", "b"))
    assert groups(here, of_another) == ["ba"]


NAMES = ["Les Jardins du Blavet", "Jardins du Blavet", "Jardin Blavet", "ESAT Blavet", "Envie"]


@st.composite
def some_facts(draw: st.DrawFn) -> IdentityFacts:
    """Records that crowd together, so that rules meet."""
    place = draw(st.sampled_from([None, *(beside(east) for east in (0, 0, 120, 240, 700, 1_400, 2_000))]))
    names = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True)) if place else []
    return IdentityFacts(
        key=RecordKey(draw(st.sampled_from("ab")), str(draw(st.integers(0, 30)))),
        siret=draw(st.sampled_from([None, None, "1", "2"])),
        names=tuple(map(read_name, names)),
        place=place,
        in_prison=draw(st.sampled_from([False, False, True])),
        is_site=draw(st.sampled_from([False, False, True])),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[IdentityFacts], Decisions]:
    records = draw(st.lists(some_facts(), max_size=12, unique_by=lambda each: each.key))
    keys = st.sampled_from([each.key for each in records] or [RecordKey("z", "z")])
    merged = draw(st.lists(st.lists(keys, min_size=2, max_size=3, unique=True), max_size=2)) if records[1:] else []
    pairs = st.lists(keys, min_size=2, max_size=2, unique=True)
    split = draw(st.lists(pairs, max_size=2)) if records[1:] else []
    return records, Decisions(merged, [(one, other) for one, other in split])


def crude(one: Name, other: Name) -> float:
    """Symmetric, with ties and several strengths."""
    if not set(one.words) & set(other.words):
        return 0.0
    return 1.0 if one.whole == other.whole else 0.8


@given(case=cases(), seed=st.integers())
def test_the_fast_way_finds_what_the_rule_says_in_any_order(
    case: tuple[list[IdentityFacts], Decisions], seed: int
) -> None:
    records, decisions = case
    shuffled = Random(seed).sample(records, len(records))

    found = {frozenset(group) for group in partition(shuffled, by_initial(crude), decisions)}

    assert found == deduplication_oracle.suppliers(records, by_initial(crude), decisions)


def by_initial(name_similarity: NameSimilarity) -> NameSimilarity:
    """Names that do not share what `name_key` compares are never alike."""
    return lambda one, other: name_similarity(one, other) if name_key(one) == name_key(other) else 0.0


@given(case=cases())
def test_records_that_nothing_links_may_be_left_out(case: tuple[list[IdentityFacts], Decisions]) -> None:
    """A supplier's group is found from its own records and those linked to them alone."""
    records, decisions = case
    everything = partition(records, by_initial(crude), decisions)
    known = {each.key: each for each in records}
    for group in components(records, decisions):
        alone = {frozenset(found) for found in partition([known[key] for key in group], by_initial(crude), decisions)}
        assert alone == {frozenset(found) for found in everything if set(found) <= group}


def components(records: list[IdentityFacts], decisions: Decisions) -> list[set[RecordKey]]:
    """Records linked by any rule, whatever would keep them apart."""
    parts = [{each.key} for each in records]
    for one, other, _ in deduplication_oracle.links(
        sorted(records, key=lambda each: each.key), by_initial(crude), decisions
    ):
        touched = [part for part in parts if one in part or other in part]
        parts = [part for part in parts if part not in touched] + [set().union(*touched)]
    return parts


NOW = datetime(2026, 11, 24, tzinfo=UTC)
OLD, YOUNG, NEW = UUID(int=1), UUID(int=2), UUID(int=1_000)


def member(external_id: str, supplier: UUID, *, age: int = 0, changed: bool = False) -> Member:
    return Member(RecordKey("reseau", external_id), supplier, NOW - timedelta(days=age), changed)


@pytest.mark.parametrize(
    ("groups", "fresh", "ids", "absorbed"),
    [
        ([[member("a", YOUNG), member("b", OLD)]], set(), [OLD], {YOUNG: OLD}),
        # ids of an import sort by its start, and others may have come while it ran: one that somebody saw goes first
        ([[member("a", OLD), member("b", YOUNG)]], {OLD}, [YOUNG], {OLD: YOUNG}),
        # a record that changed leaves and the others stay; of those that all changed the oldest does
        ([[member("a", OLD, age=9, changed=True)], [member("b", OLD)]], set(), [NEW, OLD], {}),
        ([[member("a", OLD, changed=True)], [member("b", OLD, age=9, changed=True)]], set(), [NEW, OLD], {}),
        # one that leaves for another supplier takes no id along
        ([[member("a", OLD)], [member("b", OLD, changed=True), member("c", YOUNG)]], set(), [OLD, YOUNG], {}),
        ([[member("a", OLD)], [member("b", OLD)], [member("c", OLD)]], set(), [OLD, NEW, UUID(int=NEW.int + 1)], {}),
    ],
)
def test_the_oldest_id_that_was_seen_survives_with_the_records_that_stayed(
    groups: list[list[Member]], fresh: set[UUID], ids: list[UUID], absorbed: dict[UUID, UUID]
) -> None:
    """A group that inherits none gets one of its own."""
    serial = count(NEW.int)
    assert assign_ids(groups, fresh, lambda _: UUID(int=next(serial))) == (list(ids), absorbed)


@pytest.mark.parametrize(
    ("text", "words", "stated"),
    [
        ("Les Jardins de l'Île-d'Yeu", ("ile", "jardin", "yeu"), set()),
        ("ASSOC ESPOIR", ("espoir",), {"association"}),
        ("ESAT Saint-Éloi", ("eloi", "saint"), {"esat"}),
        ("ST ELOI", ("eloi", "saint"), set()),
        ("SCOP SARL Le Relais", ("relai",), {"cooperative", "company"}),
        ("GERMA ETTI", ("etti", "germa"), set()),
        ("Envie 2E", ("2e", "envie"), set()),
        ("Atelier A", ("a", "atelier"), set()),
        ("L'Association", (), {"association"}),
        ("", (), set()),
    ],
)
def test_own_words_are_told_from_what_any_supplier_may_be_called(
    text: str, words: tuple[str, ...], stated: set[str]
) -> None:
    name = read_name(text)

    assert (name.words, set(name.forms | name.kinds)) == (words, stated)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ESAT Les Jardins du Blavet", "b j"),
        ("JARDIN DU BLAVAT", "b j"),
        # short words and numbers must be the same in both names, and keep numbered names apart
        ("Envie 35 Pays de Rennes", "35 e pay r"),
        ("ESAT", None),
    ],
)
def test_two_spellings_share_their_key(name: str, key: str | None) -> None:
    assert name_key(read_name(name)) == key
