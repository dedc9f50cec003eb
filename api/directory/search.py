"""Searches of the supplier directory: filters, a page of matching suppliers, their number, all of them as one file.

Filters are conditions of a database query, and tests of the suppliers that the query finds.
"""

import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from litestar.response import Stream
from litestar.types import Receive, Scope, Send

from api.directory.formats import supplier_feature, suppliers_as_csv
from api.runtime.endpoint import Call
from api.runtime.services import Services
from api.web.content_negotiation import CSV, GEOJSON
from api.web.pagination import Cursor, Paging, read_cursor, write_cursor
from api.web.query_string import invalid_query
from db.core.engine import transaction
from db.suppliers.read import (
    Box,
    Filters,
    PlacedSupplier,
    PlaceFilter,
    count_suppliers,
    page_of_suppliers,
    placed_suppliers,
)
from domain.errors import Problem, pointer
from domain.law.reservations.eligibility import LegalFacts, eligibility
from domain.law.rules import Rules
from domain.needs.need import Kilometres, Reserved, Siret, TerritoryRequest
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Area, Territories, UnknownTerritory
from domain.suppliers.record_check import unknown_segment
from domain.suppliers.supplier import Kind, Point, Supplier
from domain.text.bilingual import Text, said_by
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
    """Filters of the directory: a supplier must pass every filter given; of a repeated one, any value suffices."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] | None = None
    """Items per page; where it is absent 50, or all in a file of CSV or GeoJSON"""
    cursor: Cursor | None = None
    segment: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_VALUES)] | None = None
    """A segment: offered itself, through its CPV codes, or with its whole family. \
A family: offered itself or by one of its segments"""
    territory: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_VALUES)] | None = None
    """The code of a territory in which the supplier stands, by its point"""
    kind: tuple[Kind, ...] | None = None
    """Kinds; a supplier with an approval of any of them is listed"""
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
    """A query as conditions of the database, and as tests of the suppliers that the database finds.

    `place_test`: whether each supplier is in the territory; None where the query names no territory.
    """

    filters: Filters
    tests: tuple[Test, ...]
    place_test: PlaceTest | None = None

    def apply_tests(self, suppliers: Sequence[Supplier]) -> list[Supplier]:
        """The suppliers that pass every test, in the same order."""
        suppliers = self.in_territory(suppliers)
        for test in self.tests:
            suppliers = [each for each, passes in zip(suppliers, test(suppliers), strict=True) if passes]
        return list(suppliers)

    def in_territory(self, suppliers: Sequence[Placed]) -> Sequence[Placed]:
        """The suppliers in the territory of the query, in the same order; all where the query names no territory."""
        if self.place_test is None:
            return suppliers
        return [each for each, stands in zip(suppliers, self.place_test(suppliers), strict=True) if stands]


def selection_of_query(query: SupplierQuery, reference: Reference, on: date) -> SupplierSelection:
    """A query as conditions and tests, with eligibility on the day `on`. Raises Refusal (422) with all faults."""
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
        raise invalid_query(*problems)
    tests: list[Test] = []
    ground, stands = (None, None) if query.territory is None else _condition_and_test(areas, reference)
    if centre is not None and query.radius_km is not None:
        at, radius_km = Point(*centre), query.radius_km
        tests.append(lambda suppliers: are_near([one.location for one in suppliers], at, radius_km))
        box = box or box_around(at, radius_km)
    if reserved := frozenset(query.reserved or ()):
        tests.append(lambda all_: [_may_answer(legal_facts(one), reserved, on, reference.rules) for one in all_])
    codes = set[str]().union(*(related_codes(each, taxonomy) for each in segments))
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
    """The codes that name a segment or a family; adds a problem to `problems` for every other code."""
    for place, code in enumerate(codes):
        if taxonomy.known(code):
            yield code
        else:
            problems.append(Problem(pointer("segment", place), "unknown_code", unknown_segment(code, taxonomy)))


def known_areas(codes: Iterable[str], territories: Territories, problems: list[Problem]) -> Iterator[Area]:
    """The territories that the codes name; adds a problem to `problems` for every unknown code."""
    for place, code in enumerate(codes):
        try:
            yield territories.area(code)
        except UnknownTerritory as unknown:
            problems.append(Problem(pointer("territory", place), unknown.code, unknown.detail))


def related_codes(code: str, taxonomy: Taxonomy) -> set[str]:
    """For a segment: its code and that of its family. For a family: its code and those of its segments."""
    family = taxonomy.family(code)
    return {code, *(each.id for each in family.segments)} if family else {code, taxonomy.segments[code].family}


def _condition_and_test(areas: Sequence[Area], reference: Reference) -> tuple[PlaceFilter, PlaceTest]:
    """A territory (the union of `areas`) as a condition of the database, and as a test of suppliers.

    A supplier stands where its point does, as for a match; where no outline is known, in its commune.
    """
    geography, communes = reference.geography, reference.territories.communes
    without_outline = {n for area in areas for n in area.communes if communes[n].lat is None}
    codes = frozenset(communes[ordinal].code for ordinal in without_outline)
    shape = geography.territory(TerritoryRequest(codes=tuple(area.id for area in areas))).shape

    def are_in_territory(suppliers: Sequence[Supplier | PlacedSupplier]) -> list[bool]:
        on_ground = are_on(shape, [one.location for one in suppliers])
        return [is_on or one.commune in codes for is_on, one in zip(on_ground, suppliers, strict=True)]

    return PlaceFilter(boxes_of(map(geography.outlines_of, areas)), tuple(sorted(codes))), are_in_territory


def _bounding_box(bbox: str | None, problems: list[Problem]) -> Box | None:
    """West, south, east and north in `bbox`; None where absent or unreadable. Adds a problem for what is wrong."""
    sides = _read_degrees("bbox", bbox, (180, 90, 180, 90), problems)
    if sides is None:
        return None
    west, south, east, north = sides
    if south > north:
        detail = said_by(__name__)["south_above_north"]
        problems.append(Problem(pointer("bbox"), "out_of_range", detail))
    return west, south, east, north


def _read_degrees(name: str, text: str | None, bounds: tuple[int, ...], problems: list[Problem]) -> list[float] | None:
    """The degrees in a parameter, one within ± each of `bounds`; None where absent or faulty, which adds a problem."""
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
    """For each segment, the CPV codes that mean the segment."""
    found: dict[str, list[str]] = defaultdict(list)
    for code in cpv:
        for segment in taxonomy.of_cpv(code):
            found[segment].append(code)
    return found


@lru_cache(maxsize=10_000)
def _may_answer(facts: LegalFacts, reserved: frozenset[Reserved], on: date, rules: Rules) -> bool:
    """Whether a supplier may be eligible for at least one of the reservations on the day `on`."""
    return any(eligibility(facts, kind, on, rules).outcome != "INELIGIBLE" for kind in reserved)


LIST = "suppliers"
READ_AT_ONCE = 200
READ_AT_MOST = 2_000
"""Suppliers tested for one page, where the database cannot apply all filters: the page may then be short or empty, and
still have a next one."""
COUNTED_AT_MOST = 1_000
LOOKED_AT_MOST = 20_000
"""Suppliers in the boxes around a territory whose points are looked at, to count those that stand in it."""

FoundPage = tuple[Sequence[Supplier], UUID | None]
"""Suppliers, and the id to continue after; None where there are no more."""
FindPage = Callable[[UUID | None, int], Awaitable[FoundPage]]
"""Up to so many suppliers after an id."""


def finder_of_suppliers(services: Services, query: SupplierQuery) -> FindPage:
    """A function that reads pages of the suppliers that pass the filters. Raises Refusal (422) for a faulty query."""
    selection = selection_of_query(query, services.reference, services.today())

    async def find_page(after: UUID | None, limit: int) -> FoundPage:
        size = READ_AT_ONCE if selection.tests else limit + 1
        found: list[Supplier] = []
        async with transaction(services.database) as connection:
            for _ in range(READ_AT_MOST // READ_AT_ONCE):
                entries = await page_of_suppliers(connection, selection.filters, after, size)
                found += selection.apply_tests([entry.supplier for entry in entries])
                if len(found) > limit:
                    return found[:limit], found[limit - 1].id
                if len(entries) < size:
                    return found, None
                after = entries[-1].supplier.id
        return found, after

    return find_page


async def search_page(services: Services, query: SupplierQuery) -> tuple[Sequence[Supplier], str | None]:
    """A page of the suppliers that pass the filters, and the cursor of the next page (None on the last page).

    Raises Refusal (400, 422) for a faulty query.
    """
    find = finder_of_suppliers(services, query)
    found, goes_on = await find(read_cursor(LIST, query.cursor, UUID), query.limit or Paging().limit)
    return found, None if goes_on is None else write_cursor(LIST, goes_on)


async def count_of_query(services: Services, query: SupplierQuery) -> int | None:
    """The number of suppliers that pass the filters, at most `COUNTED_AT_MOST` + 1; None where not counted.

    Not counted where it takes tests of whole suppliers, or of too many points. Raises Refusal (422) for a faulty query.
    """
    selection = selection_of_query(query, services.reference, services.today())
    if selection.tests:
        return None
    if selection.place_test is not None:
        found = await _locations_in_territory(services, selection, LOOKED_AT_MOST)
        return None if found is None else min(len(found), COUNTED_AT_MOST + 1)
    async with transaction(services.database) as connection:
        return await count_suppliers(connection, selection.filters, COUNTED_AT_MOST + 1)


async def locations_of_query(services: Services, query: SupplierQuery) -> Sequence[PlacedSupplier]:
    """The locations of the suppliers that pass the filters; () where there are more than `COUNTED_AT_MOST`.

    Also () where it takes tests of whole suppliers, or of too many points. Raises Refusal (422) for a faulty query.
    """
    selection = selection_of_query(query, services.reference, services.today())
    if selection.tests:
        return ()
    found = await _locations_in_territory(
        services, selection, COUNTED_AT_MOST if selection.place_test is None else LOOKED_AT_MOST
    )
    return found if found is not None and len(found) <= COUNTED_AT_MOST else ()


async def _locations_in_territory(
    services: Services, selection: SupplierSelection, most: int
) -> Sequence[PlacedSupplier] | None:
    """The locations of the selected suppliers in the territory; None where the database finds more than `most`."""
    async with transaction(services.database) as connection:
        found = await placed_suppliers(connection, selection.filters, most + 1)
    return None if len(found) > most else selection.in_territory(found)


PART = 50
"""Suppliers read and written at once: some milliseconds of work, between which other requests have their turn."""

MAP_BEGINS = b'{"type":"FeatureCollection","features":['


class WholeListResponse(Stream):
    """A response that streams a file as it is written, and frees the organisation's export slot when it ends."""

    def __init__(self, parts: AsyncGenerator[bytes, None], line: ExitStack, headers: dict[str, str]) -> None:
        super().__init__(parts, headers=headers)
        self._parts, self._line = parts, line

    def to_asgi_response(self, *given: Any, **named: Any) -> Any:
        """The ASGI response, which frees the export slot once it is sent or broken off."""
        answer = super().to_asgi_response(*given, **named)

        async def send_and_free_slot(scope: Scope, receive: Receive, send: Send) -> None:
            with self._line:
                async with aclosing(self._parts):
                    await answer(scope, receive, send)

        return send_and_free_slot


async def stream_suppliers(call: Call, find: FindPage, source: str | None) -> WholeListResponse:
    """Stream all suppliers that `find` reads, as a file of GeoJSON, or of CSV with the ids that `source` gave them.

    Few files are written at once. What is wrong with the first part, or that too many wait (429), is a refusal like any
    other; where a later part cannot be read, the answer breaks off, so that nobody takes a part for the whole.
    """
    exports, key = call.services.exports, str(call.bearer.organisation_id)
    with ExitStack() as line:
        # before the head: once that is sent, nothing can be refused any more, neither now nor by a server that stops
        turn = line.enter_context(exports.queue_of(key))
        await turn.acquire()
        line.callback(turn.release)
        first = await find(None, PART)
        kept = line.pop_all()

    is_map, today = call.media_type == GEOJSON, call.services.today()

    def encode_chunk(suppliers: Sequence[Supplier], *, is_first: bool) -> bytes:
        if is_map:
            features = b",".join(msgspec.json.encode(supplier_feature(each)) for each in suppliers)
            return (MAP_BEGINS if is_first else b",") + features
        return suppliers_as_csv(suppliers, today, source, call.csv, with_header=is_first)

    async def file_chunks() -> AsyncGenerator[bytes, None]:
        (suppliers, goes_on), begins = first, True
        while begins or goes_on is not None:
            # a place is for reading and writing: whoever takes long to receive keeps no other organisation waiting
            async with exports.slot():
                while goes_on is not None and not suppliers:
                    suppliers, goes_on = await find(goes_on, PART)
                part = encode_chunk(suppliers, is_first=begins) if suppliers or begins else b""
            if part:
                yield part
            suppliers, begins = (), False
        if is_map:
            yield b"]}"

    media_type = GEOJSON if is_map else f"{CSV}; charset=utf-8"
    return WholeListResponse(file_chunks(), kept, {"vary": "accept", "content-type": media_type})
