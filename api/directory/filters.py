"""The filters of the directory: conditions of the database, and tests of the suppliers that it finds."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from api.web.pagination import Cursor
from api.web.query_string import invalid
from db.suppliers.read import Box, Filters, Ground, PlacedSupplier
from domain.errors import Problem, pointer
from domain.law.reservations.eligibility import LegalFacts, eligibility
from domain.law.rules import Rules
from domain.needs.need import Kilometres, Reserved, Siret, TerritoryRequest
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Area, Territories, UnknownTerritory
from domain.suppliers.record_check import unknown_segment
from domain.suppliers.supplier import Kind, Point, Supplier
from domain.text.bilingual import Text
from matching.geo.shape import are_near, are_on, box_around, boxes_of
from matching.index.supplier_columns import legal_facts
from matching.reference import Reference

Test = Callable[[Sequence[Supplier]], Sequence[bool]]
PlaceTest = Callable[[Sequence[Supplier | PlacedSupplier]], Sequence[bool]]
Placed = TypeVar("Placed", Supplier, PlacedSupplier)

MOST_VALUES = 50
_NUMBER = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,15})?")
Siren = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{9}$", description="SIREN: 9 digits", extra={"fr": "un SIREN, de 9 chiffres"})
]


class SupplierQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The filters of the directory. A supplier passes all that are given; of a repeated one, one value suffices."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] | None = None
    """Items per page; where it is absent 50, or all in a file of CSV or GeoJSON"""
    cursor: Cursor | None = None
    segment: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_VALUES)] | None = None
    """A segment: offered itself, through its CPV codes, or with its whole family. \
A family: offered itself or by one of its segments"""
    territory: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_VALUES)] | None = None
    """The code of a territory in which the supplier stands, by its point"""
    kind: tuple[Kind, ...] | None = None
    """Kinds, of which they hold any"""
    reserved: tuple[Reserved, ...] | None = None
    """A reservation that the supplier is not ineligible for today"""
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    """Words in the name or trade name, whole or in part"""
    near: Annotated[str, msgspec.Meta(examples=["48.1,-1.7"])] | None = None
    """`lat,lon` in degrees; needs `radius_km`"""
    radius_km: Kilometres | None = None
    bbox: str | None = None
    """`west,south,east,north` in degrees"""
    source: str | None = None
    """A source that has a record of the supplier"""
    siret: Siret | None = None
    siren: Siren | None = None
    active: bool | None = None
    """Whether they are matched; both where it is absent"""


class SupplierSelection(NamedTuple):
    """The filters that the database applies, and the tests for the suppliers that it then finds.

    `stands`: whether they stand in the territory; None: anywhere.
    """

    filters: Filters
    tests: tuple[Test, ...]
    stands: PlaceTest | None = None

    def apply_tests(self, suppliers: Sequence[Supplier]) -> list[Supplier]:
        """The suppliers that pass every test, in the same order."""
        suppliers = self.in_territory(suppliers)
        for test in self.tests:
            suppliers = [each for each, passes in zip(suppliers, test(suppliers), strict=True) if passes]
        return list(suppliers)

    def in_territory(self, suppliers: Sequence[Placed]) -> Sequence[Placed]:
        """The suppliers that stand in the territory (all where there is none), in the same order."""
        if self.stands is None:
            return suppliers
        return [each for each, stands in zip(suppliers, self.stands(suppliers), strict=True) if stands]


def selection_of_query(query: SupplierQuery, reference: Reference, on: date) -> SupplierSelection:
    """The filters and tests of a query, with eligibility on the day `on`. Raises Refusal (422) with all faults."""
    problems: list[Problem] = []
    taxonomy = reference.taxonomy
    segments = list(known_segments(query.segment or (), taxonomy, problems))
    areas = list(known_areas(query.territory or (), reference.territories, problems))
    if (query.near is None) != (query.radius_km is None):
        missing = "near" if query.near is None else "radius_km"
        detail = Text("« near » et « radius_km » vont ensemble", "“near” and “radius_km” go together")
        problems.append(Problem(pointer(missing), "missing_parameter", detail))
    centre = _read_degrees("near", query.near, (90, 180), problems)
    box = _bounding_box(query.bbox, problems)
    if problems:
        raise invalid(*problems)
    tests: list[Test] = []
    ground, stands = (None, None) if query.territory is None else _ground_and_test(areas, reference)
    if centre is not None and query.radius_km is not None:
        at, radius_km = Point(*centre), query.radius_km
        tests.append(lambda suppliers: are_near([one.location for one in suppliers], at, radius_km))
        box = box or box_around(at, radius_km)
    if reserved := frozenset(query.reserved or ()):
        tests.append(lambda all_: [_may_answer(legal_facts(one), reserved, on, reference.rules) for one in all_])
    codes = set[str]().union(*(with_family(each, taxonomy) for each in segments))
    through_cpv = _cpv_codes(taxonomy, reference.cpv)
    answering = codes.union(*(through_cpv.get(code, ()) for code in codes))
    filters = Filters(
        activities=None if query.segment is None else tuple(sorted(answering)),
        ground=ground,
        kinds=query.kind,
        source=query.source,
        siret=query.siret,
        siren=query.siren,
        q=query.q,
        bbox=box,
        active=query.active,
    )
    return SupplierSelection(filters, tuple(tests), stands)


def known_segments(codes: Iterable[str], taxonomy: Taxonomy, problems: list[Problem]) -> Iterator[str]:
    """The codes that are a segment or a family; for each other code a problem is added to `problems`."""
    for place, code in enumerate(codes):
        if taxonomy.known(code):
            yield code
        else:
            problems.append(Problem(pointer("segment", place), "unknown_code", unknown_segment(code, taxonomy)))


def known_areas(codes: Iterable[str], territories: Territories, problems: list[Problem]) -> Iterator[Area]:
    """The territories of the codes; for each code without a territory a problem is added to `problems`."""
    for place, code in enumerate(codes):
        try:
            yield territories.area(code)
        except UnknownTerritory as unknown:
            problems.append(Problem(pointer("territory", place), unknown.code, unknown.detail))


def with_family(code: str, taxonomy: Taxonomy) -> set[str]:
    """The codes of a segment and its family, or of a family and its segments."""
    family = taxonomy.family(code)
    return {code, *(each.id for each in family.segments)} if family else {code, taxonomy.segments[code].family}


def _ground_and_test(areas: Sequence[Area], reference: Reference) -> tuple[Ground, PlaceTest]:
    """The ground of the areas, as the database can search it, and a test of whether suppliers stand there.

    A supplier stands where its point does, as for a match; where no outline is known, in its commune.
    """
    geography, communes = reference.geography, reference.territories.communes
    without_outline = {n for area in areas for n in area.communes if communes[n].lat is None}
    codes = frozenset(communes[ordinal].code for ordinal in without_outline)
    shape = geography.territory(TerritoryRequest(codes=tuple(area.id for area in areas))).shape

    def are_in_territory(suppliers: Sequence[Supplier | PlacedSupplier]) -> list[bool]:
        on_ground = are_on(shape, [one.location for one in suppliers])
        return [is_on or one.commune in codes for is_on, one in zip(on_ground, suppliers, strict=True)]

    return Ground(boxes_of(map(geography.outlines_of, areas)), tuple(sorted(codes))), are_in_territory


def _bounding_box(bbox: str | None, problems: list[Problem]) -> Box | None:
    sides = _read_degrees("bbox", bbox, (180, 90, 180, 90), problems)
    if sides is None:
        return None
    west, south, east, north = sides
    if south > north:
        detail = Text(
            "Le sud est au nord du nord : ouest,sud,est,nord", "South is north of north: west,south,east,north"
        )
        problems.append(Problem(pointer("bbox"), "out_of_range", detail))
    return west, south, east, north


def _read_degrees(name: str, text: str | None, bounds: tuple[int, ...], problems: list[Problem]) -> list[float] | None:
    """The numbers between the commas of a parameter, one for each bound, none of which is further from 0."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != len(bounds) or not all(map(_NUMBER.fullmatch, parts)):
        shape = "48.1,-1.7" if name == "near" else "-2.1,47.6,-1.2,48.4"
        detail = Text(f"Format attendu : {shape}", f"Expected format: {shape}")
        problems.append(Problem(pointer(name), "wrong_format", detail))
        return None
    numbers = [float(part) for part in parts]
    if any(abs(number) > bound for number, bound in zip(numbers, bounds, strict=True)):
        detail = Text("Degrés hors bornes : |lat| ≤ 90, |lon| ≤ 180", "Degrees out of range: |lat| ≤ 90, |lon| ≤ 180")
        problems.append(Problem(pointer(name), "out_of_range", detail))
        return None
    return numbers


@lru_cache(maxsize=2)
def _cpv_codes(taxonomy: Taxonomy, cpv: Cpv) -> Mapping[str, Sequence[str]]:
    """The CPV codes that stand for each segment."""
    found: dict[str, list[str]] = defaultdict(list)
    for code in cpv:
        for segment in taxonomy.of_cpv(code):
            found[segment].append(code)
    return found


@lru_cache(maxsize=10_000)
def _may_answer(facts: LegalFacts, reserved: frozenset[Reserved], on: date, rules: Rules) -> bool:
    """Whether a supplier is not ineligible for all of the reserved types."""
    return any(eligibility(facts, kind, on, rules).outcome != "INELIGIBLE" for kind in reserved)
