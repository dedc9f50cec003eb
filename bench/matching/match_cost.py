"""Measure what matches take beside what `matching.inspection.match_cost` says: its constants are read off here.

    python -m bench.matching.match_cost [SUPPLIERS]        (default: 13500)

Each need is matched by a process's first index, where nothing of it is cached, and twice again; CPU milliseconds of one
core, the least of those again. The last column is the estimate in relation to what was measured.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from math import cos, pi, sin
from random import Random
from typing import NamedTuple

from bench.suppliers import ON, suppliers
from domain.needs.need import Lot, Need, Place, TerritoryRequest
from domain.reference.territory import Polygon, Position
from matching.engine import match_json
from matching.geo.territory import Geography
from matching.index.live_index import Index, LiveIndex
from matching.index.tables import IndexTables, build_tables
from matching.inspection.match_cost import AT_ONCE_MS, estimated_bytes, estimated_ms
from matching.reference import Reference, load_reference

Case = tuple[str, Need]
TEETH = 198


def cases(reference: Reference) -> Iterator[Case]:
    """Names and needs, each costly in another way."""
    segments, draw = list(reference.taxonomy.segments), Random(1)
    two = [tuple(draw.sample(segments, 2)) for _ in range(200)]
    departements = [area.id for area in reference.territories.areas("departement")]
    for code in ("commune:35238", "epci:243500741", "departement:56", "region:53", "country:FR"):
        for count in (2, 10, len(segments)):
            yield f"{code}, {count} segments", _need(code, [Lot("1", segments=tuple(segments[:count]))])
    for count in (3, 10):
        apart = Lot("1", segments=tuple(segments[:: len(segments) // count][:count]))
        yield f"region:53, groupings of {count} segments", _need("region:53", [apart], groupings=10)
    near = TerritoryRequest(near=Place(lat=47.9, lon=-1.9), radius_km=50.0)
    yield "50 km around a point", Need((Lot("1", segments=two[0]),), territory=near)
    for count in (8, 200):
        yield f"{count} lots", _need("departement:56", _lots(two[:count]))
        yield f"{count} lots, all of France", _need("country:FR", _lots(two[:count]))
    yield "200 lots, 100 + 50 rows", _need("departement:56", _lots(two), limit=100, near_misses=50)
    everywhere = [Lot(str(n), segments=of, territory=_codes(departements[n % 96])) for n, of in enumerate(two)]
    yield "200 lots, 96 departements", Need(tuple(everywhere))
    sites = [Lot(str(n), segments=two[0], site=Place(lat=47.3 + n / 100, lon=-2.5)) for n in range(40)]
    yield "40 lots, 40 sites", _need("departement:56", sites)
    all_but_one = [tuple(each for each in segments if each != left) for left in segments]
    yield "8 lots of all segments, all of France", _need("country:FR", _lots(all_but_one[:8]))
    words = [Lot(str(n), keywords=tuple(f"mot {n} {k} bois" for k in range(50))) for n in range(10)]
    yield "10 lots of 50 keywords", _need("departement:56", words)
    for width, height in ((0.1, 0.1), (1.5, 1.0), (7.0, 5.0)):
        for name, drawn in (("circle", circle(9_900)), ("comb", comb(TEETH, 9_900)), ("star", circle(3_000, 0.5))):
            outline = Polygon((ring_in_france(drawn, width, height),))
            territory = TerritoryRequest(geometry=outline)
            yield f"{name} of {width} × {height} degrees", Need((Lot("1", segments=two[0]),), territory=territory)


def comb(teeth: int, vertices: int) -> list[Position]:
    """The outline of a comb in the unit square."""
    steps = max(1, vertices // (2 * teeth) - 2)
    up = [0.05 + 0.95 * step / steps for step in range(steps + 1)]
    points: list[Position] = []
    for tooth in range(teeth):
        points += [(tooth / teeth, y) for y in up] + [((tooth + 0.5) / teeth, y) for y in reversed(up)]
    return [*points, (1.0, 0.05), (1.0, 0.0), (0.0, 0.0)]


def circle(vertices: int, depth: float = 0.0) -> list[Position]:
    """The outline of a circle in the unit square; of a star where `depth` is over 0."""
    angles = [(2 * pi * number / vertices, 0.5 - 0.5 * depth * (number % 2)) for number in range(vertices)]
    return [(0.5 + radius * cos(angle), 0.5 + radius * sin(angle)) for angle, radius in angles]


def ring_in_france(points: Sequence[Position], width: float, height: float) -> tuple[Position, ...]:
    """A closed ring in France of these points, scaled to a width and height in degrees."""
    ring = [(-1.0 + width * point[0], 44.0 + height * point[1]) for point in points]
    return (*ring, ring[0])


def _codes(code: str) -> TerritoryRequest:
    return TerritoryRequest(codes=(code,))


def _need(code: str, lots: Sequence[Lot], limit: int = 20, near_misses: int = 5, groupings: int = 0) -> Need:
    return Need(tuple(lots), territory=_codes(code), limit=limit, near_misses=near_misses, groupings=groupings)


def _lots(segments: Sequence[tuple[str, ...]]) -> list[Lot]:
    return [Lot(str(number), segments=of) for number, of in enumerate(segments)]


def with_empty_cache(reference: Reference) -> Reference:
    """The reference data with no territory cached."""
    geography = Geography(reference.territories)
    geography.load()
    return Reference(
        reference.territories, reference.taxonomy, reference.cpv, reference.rules, reference.interpreter, geography
    )


class MatchCost(NamedTuple):
    """The CPU milliseconds of a first and of a repeated match, estimated and spent; the bytes of its answer."""

    estimated_ms: list[float]
    spent_ms: list[float]
    estimated_bytes: int
    answer_bytes: int


def measure(need: Need, tables: IndexTables, reference: Reference) -> MatchCost:
    """Match a need three times with an index of which nothing is cached, and say what it cost and was estimated at."""
    own = with_empty_cache(reference)
    live = LiveIndex(Index(tables, own.taxonomy, own.cpv, own.geography), data_version=1)
    expected, spent, answer = [], [], b""
    for _ in range(3):
        expected.append(estimated_ms(need, live, own))
        began = time.thread_time()
        answer = match_json(need, live, own, ON, "fr")
        spent.append((time.thread_time() - began) * 1_000)
    return MatchCost([expected[0], expected[2]], [spent[0], min(spent[1:])], estimated_bytes(need, live), len(answer))


def main(count: int) -> None:
    """Measure all cases with `count` suppliers and print the figures."""
    reference = load_reference()
    tables = build_tables(suppliers(count, reference), reference.taxonomy, reference.cpv, reference.geography)
    print(f"{'':42s} {'first: expected, measured, ratio':>34s} {'again':>26s} {'MB':>16s}")
    for name, need in cases(reference):
        cost = measure(need, tables, reference)
        times = zip(cost.estimated_ms, cost.spent_ms, strict=True)
        both = " ".join(f"{expected:9.1f} {spent:9.1f} {expected / spent:6.2f}" for expected, spent in times)
        print(f"{name:42s} {both} {cost.estimated_bytes / 1e6:7.2f} {cost.answer_bytes / 1e6:7.2f}", flush=True)
    _print_plain(tables, reference)


def _print_plain(tables: IndexTables, reference: Reference) -> None:
    """Print how long the estimate itself takes for a plain need."""
    live = LiveIndex(Index(tables, reference.taxonomy, reference.cpv, reference.geography), data_version=1)
    need = _need("departement:56", _lots([("pr-locaux", "pr-specialise"), ("ev-entretien",), ("de-5flux", "de-bio")]))
    match_json(need, live, reference, ON, "fr")
    began, times = time.thread_time(), 20_000
    for _ in range(times):
        estimated_ms(need, live, reference, AT_ONCE_MS)
    print(f"a plain need of three lots is estimated in {(time.thread_time() - began) / times * 1e6:.1f} µs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 13_500)
