"""The milliseconds that a match takes and the bytes of its answer, estimated by the size of the need before it starts.

What was asked for before may take less than that: nothing is looked up but whether a territory is known. The constants
are milliseconds of one core, as `python -m bench.matching.match_cost` measures them.
"""

from collections.abc import Sequence
from itertools import chain
from math import inf

import numpy as np

from domain.needs.need import Lot, Need, TerritoryRequest
from domain.reference.territory import Position, polygons, vertices
from matching.geo.geojson_validation import MAX_VERTICES
from matching.geo.projection import Floats
from matching.index.live_index import LiveIndex
from matching.reference import Reference

AT_ONCE_MS = 30.0
"""What takes no more may keep other requests waiting."""

LOT_MS, SEGMENT_MS, OFFER_MS, ROW_MS, ROW_SEGMENT_MS = 1.5, 0.2, 0.0009, 0.03, 0.006
CPV_MS, KEYWORD_MS, TITLE_MS, SITE_MS = 0.1, 0.4, 1.0, 2.0
SEGMENTS_OF_WORDS, OFFERS_OF_WORDS = 2, 0.06
"""Segments that a keyword, a title or a CPV code stands for, and the share of all suppliers that offer them."""
GROUPINGS_MS, GROUPED_SUPPLIER_MS = 0.4, 0.0006
"""For groupings: for each pair of segments, and for each offer near."""

PLACE_MS, CODE_MS, MEASURE_MS = 6.0, 0.7, 0.0025
VERTEX_MS, SQUARE_DEGREE_MS, DEGREE_MS, JAGGED_MS, STRAIGHT_MS = 0.003, 2.5, 0.4, 0.00035, 0.006
FARTHEST = 360.0
"""Degrees beyond which nobody looks: such an outline is refused."""
DEGREES_NEAR, DEGREES_OF_FRANCE, KM_OF_FRANCE = 1.0, 9.0, 1_000.0
SHARES = {"country": 1.0, "region": 0.2, "departement": 0.12, "nuts": 0.3, "epci": 0.08, "commune": 0.06}
"""The share of all suppliers that are near a territory of each kind."""

LOT_BYTES, SEGMENT_BYTES, CANDIDATE_BYTES, CANDIDATE_SEGMENT_BYTES, OTHER_BYTES = 2_500, 350, 1_000, 55, 500
GROUPING_BYTES, GROUPING_SEGMENT_BYTES = 600, 30


def estimated_ms(need: Need, live: LiveIndex, reference: Reference, enough: float = inf) -> float:
    """Estimated milliseconds of a match; the estimate stops once it exceeds `enough`.

    Where a territory is new it is more than AT_ONCE_MS: a few, such as France, take several times what is expected.
    """
    ms, grounds, suppliers = 0.0, dict[TerritoryRequest, list[float]](), live.next_ordinal
    rows = min(need.limit, suppliers) + min(need.near_misses + need.unknown_rows, suppliers)
    for lot in need.lots:
        request, share, measure_ms = lot.territory or need.territory, 0.0, 0.0
        if request is not None and not (request.geometry and vertices(request.geometry) > MAX_VERTICES):
            if (found := grounds.get(request)) is None:
                territory_ms, *found = _territory_cost(request, live, reference)
                grounds[request] = found
                ms += territory_ms
            share, measure_ms = found
        # about the offers near the territory that answer what the lot asks for
        words = len(lot.cpv) + len(lot.keywords) + (lot.title is not None and not lot.segments)
        every = OFFERS_OF_WORDS * suppliers * words
        for code in lot.segments + lot.support_segments:
            if (wanted := live.base.wanted.get(code)) is not None:
                every += len(wanted.suppliers)
        offers, segments = share * every, _segment_count(lot)
        said = CPV_MS * len(lot.cpv) + KEYWORD_MS * len(lot.keywords) + TITLE_MS * (lot.title is not None)
        lot_ms = LOT_MS + said + SITE_MS * bool(lot.site) + SEGMENT_MS * segments + OFFER_MS * offers
        if need.groupings and segments > 1:
            lot_ms += GROUPINGS_MS * segments**2 + GROUPED_SUPPLIER_MS * offers
        lot_ms += (ROW_MS + ROW_SEGMENT_MS * segments) * rows
        ms += lot_ms + measure_ms * min(offers, share * suppliers)
        if ms > enough:
            break
    return max(ms, AT_ONCE_MS + 1.0) if any(measured for _, measured in grounds.values()) else ms


def words_ms(need: Need) -> float:
    """Estimated milliseconds of reading the words of a need's lots and nothing else."""
    keywords = sum(len(lot.keywords) for lot in need.lots)
    titles = sum(lot.title is not None and not (lot.segments or lot.cpv) for lot in need.lots)
    return KEYWORD_MS * keywords + TITLE_MS * titles


def estimated_bytes(need: Need, live: LiveIndex) -> int:
    """Estimated bytes of an answer in which every lot has as many rows as it asks for."""
    candidates = min(need.limit, live.next_ordinal)
    others = min(need.near_misses + need.unknown_rows, live.next_ordinal)
    of_lot = LOT_BYTES + CANDIDATE_BYTES * candidates + OTHER_BYTES * others + GROUPING_BYTES * need.groupings
    of_segment = SEGMENT_BYTES + CANDIDATE_SEGMENT_BYTES * candidates + GROUPING_SEGMENT_BYTES * need.groupings
    return of_lot * len(need.lots) + of_segment * sum(map(_segment_count, need.lots))


def _segment_count(lot: Lot) -> int:
    """Estimated number of segments that a lot asks for."""
    words = len(lot.cpv) + len(lot.keywords) + (lot.title is not None)
    return len(lot.segments) + len(lot.support_segments) + SEGMENTS_OF_WORDS * words


def _territory_cost(request: TerritoryRequest, live: LiveIndex, reference: Reference) -> tuple[float, float, float]:
    """Milliseconds to prepare a territory, the share of suppliers near it, and milliseconds to measure to each of them.

    The milliseconds are 0 where it is cached. An outline drawn for it must not have too many vertices.
    """
    width = height = ms = 0.0
    measure_ms = MEASURE_MS
    if request.geometry is not None:
        # all rings at once: one may be of thousands, and others wait meanwhile
        rings = [ring for polygon in polygons(request.geometry) for ring in polygon]
        corners = np.clip(_corners(list(chain.from_iterable(rings))), -FARTHEST, FARTHEST)
        width, height = np.ptp(corners, axis=0).tolist()
        edges = np.hypot(*np.diff(corners, axis=0).T)
        edges[np.cumsum([len(ring) for ring in rings[:-1]], dtype=np.intp) - 1] = 0.0  # from one to the next
        length = float(edges.sum())
        ms = VERTEX_MS * len(corners) + DEGREE_MS * length + SQUARE_DEGREE_MS * width * height
        # the more it turns to and fro, the more of its edges are equally near to a supplier
        measure_ms += STRAIGHT_MS + JAGGED_MS * length / max(2 * (width + height), 1e-9)
        share = (width + 2 * DEGREES_NEAR) * (height + 2 * DEGREES_NEAR) / DEGREES_OF_FRANCE**2
    elif request.radius_km is not None:
        share = (0.3 + request.radius_km / KM_OF_FRANCE) ** 2
    else:
        share = sum([SHARES.get(code.partition(":")[0], 0.0) for code in request.codes or ()])
    known = reference.geography.cached_territory(request)
    if known is not None and live.base.distances.find(known.shape) is not None:
        return 0.0, min(1.0, share), 0.0
    return PLACE_MS + CODE_MS * len(request.codes or ()) + ms, min(1.0, share), measure_ms


def _corners(positions: Sequence[Position]) -> Floats:
    flat = np.fromiter(chain.from_iterable(positions), np.float64)
    if len(flat) == 2 * len(positions):
        return flat.reshape(-1, 2)
    return np.array([position[:2] for position in positions])  # some have a height
