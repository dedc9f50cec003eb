"""The work of a match, estimated before it starts: from the need, and from what is cached of earlier ones.

The constants are milliseconds of one core, as `python -m bench.match_cost` measures them; of what was not asked for
before, most is spent on the offers near its territories, on outlines that were drawn, and on rows.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple
from weakref import ref

import numpy as np

from domain.needs.need import Lot, Need, TerritoryRequest
from domain.reference.geojson import Geometry, Polygon, Ring
from matching.geo.geojson_validation import has_too_many_vertices
from matching.geo.projection import Floats
from matching.index import LiveIndex
from matching.lot_query import Subject
from matching.reference import Reference

AT_ONCE_MS = 30.0
"""So much is little: where all but the territories may be new and it is not more, nothing else is looked up."""
MOST_MS = 1e9

LOT_MS, SEGMENT_MS, OFFER_MS, ROW_MS, ROW_SEGMENT_MS = 1.5, 0.2, 0.0009, 0.03, 0.006
CPV_MS, KEYWORD_MS, TITLE_MS, SITE_MS = 0.1, 0.4, 1.0, 2.0
SEGMENTS_OF_WORDS, OFFERS_OF_WORDS = 2, 0.06
"""Segments that a keyword, a title or a CPV code stands for, and the share of all suppliers that offer them."""
OFFERS_OF_CODE = 0.1
"""No fewer than the share of all suppliers that offer nearly any segment, before it is looked at."""
GROUPINGS_MS, GROUPED_SUPPLIER_MS = 0.4, 0.0006
"""For groupings, which are never cached: for each pair of segments, and for each supplier near."""
KEPT_LOT_MS, KEPT_ROW_MS = 0.1, 0.01

PLACE_MS, CODE_MS, MEASURE_MS = 6.0, 0.7, 0.0025
VERTEX_MS, SQUARE_DEGREE_MS, DEGREE_MS, JAGGED_MS, STRAIGHT_MS = 0.003, 2.5, 0.4, 0.00035, 0.006
FARTHEST = 360.0
"""Degrees beyond which nobody looks: such an outline is refused."""
DEGREES_NEAR, DEGREES_OF_FRANCE, KM_OF_FRANCE = 1.0, 9.0, 1_000.0
SHARES = {"country": 1.0, "region": 0.2, "departement": 0.12, "nuts": 0.3, "epci": 0.08, "commune": 0.06}
"""The share of all suppliers that are near a territory of each kind."""

LOT_BYTES, SEGMENT_BYTES, CANDIDATE_BYTES, CANDIDATE_SEGMENT_BYTES, OTHER_BYTES = 2_500, 350, 1_000, 55, 500
GROUPING_BYTES, GROUPING_SEGMENT_BYTES = 600, 30


class _Ground(NamedTuple):
    """A territory: the milliseconds until it is known, the share of the suppliers near it.

    `measure_ms`: what each supplier near it takes that is measured for the first time; 0 where that was done.
    """

    ms: float
    share: float
    measure_ms: float = 0.0


NOWHERE = _Ground(0.0, 0.0)
_Grounds = dict[TerritoryRequest | None, _Ground]


def takes_little(need: Need, live: LiveIndex, reference: Reference) -> bool:
    """Whether a match may keep others waiting: its territories are known, or all its lots are kept, and it takes no
    more than `AT_ONCE_MS`."""
    grounds, ms = _grounds(need, live, reference, 0.0)
    known_ms = _kept_ms(need, live, reference) if ms else _in_all(need, live, reference, grounds)
    return known_ms <= AT_ONCE_MS


def estimated_ms(need: Need, live: LiveIndex, reference: Reference, enough: float = MOST_MS) -> float:
    """About the milliseconds that a match takes; no more is looked at than makes it more than `enough`.

    Where it is more than `AT_ONCE_MS`, what is cached is considered.
    """
    if (kept_ms := _kept_ms(need, live, reference)) < MOST_MS:
        return kept_ms
    grounds, ms = _grounds(need, live, reference, enough)
    return ms if ms > enough else min(ms + _in_all(need, live, reference, grounds), MOST_MS)


def words_ms(need: Need) -> float:
    """About the milliseconds until the words of a need's lots are read, where nothing else of it is."""
    keywords = sum(len(lot.keywords) for lot in need.lots)
    titles = sum(lot.title is not None and not (lot.segments or lot.cpv) for lot in need.lots)
    return KEYWORD_MS * keywords + TITLE_MS * titles


def estimated_bytes(need: Need, live: LiveIndex) -> int:
    """About the bytes of an answer in which every lot has as many rows as it asks for."""
    return sum(_lot_bytes(need, lot, live.rows_end) for lot in need.lots)


def _lot_bytes(need: Need, lot: Lot, suppliers: int) -> int:
    segments, others = _segments(lot), 2 * min(need.near_misses, suppliers)
    candidates = min(need.limit, suppliers) * (CANDIDATE_BYTES + CANDIDATE_SEGMENT_BYTES * segments)
    groupings = need.groupings * (GROUPING_BYTES + GROUPING_SEGMENT_BYTES * segments)
    return LOT_BYTES + SEGMENT_BYTES * segments + candidates + OTHER_BYTES * others + groupings


def _segments(lot: Lot) -> int:
    """About the number of segments that a lot asks for."""
    words = len(lot.cpv) + len(lot.keywords) + (lot.title is not None)
    return len(lot.segments) + len(lot.support_segments) + SEGMENTS_OF_WORDS * words


def _rows(need: Need, suppliers: int) -> int:
    return min(need.limit, suppliers) + 2 * min(need.near_misses, suppliers)


def _groupings(need: Need, segments: int, near: float) -> float:
    """Milliseconds for the groupings of a lot of so many segments, with so many suppliers near."""
    return GROUPINGS_MS * segments**2 + GROUPED_SUPPLIER_MS * near if need.groupings and segments > 1 else 0.0


def _offers(lot: Lot, live: LiveIndex) -> float:
    """About the number of offers that answer what a lot asks for."""
    wanted, words = live.base.wanted, len(lot.cpv) + len(lot.keywords)
    if lot.title is not None and not lot.segments:
        words += 1
    codes = lot.segments + lot.support_segments
    named = sum([len(wanted[code].suppliers) for code in codes if code in wanted])
    return named + OFFERS_OF_WORDS * live.rows_end * words


def _new_lot(need: Need, lot: Lot, offers: float, suppliers: int) -> float:
    """Milliseconds for a lot in a known territory, near which there are so many offers, and which was not kept."""
    ms = LOT_MS + CPV_MS * len(lot.cpv) + KEYWORD_MS * len(lot.keywords) + (0.0 if lot.site is None else SITE_MS)
    segments = _segments(lot)
    row_ms = ROW_MS + ROW_SEGMENT_MS * segments
    said = 0.0 if lot.title is None else TITLE_MS
    ms += said + SEGMENT_MS * segments + OFFER_MS * offers + row_ms * _rows(need, suppliers)
    return ms + _groupings(need, segments, offers)


def _kept_ms(need: Need, live: LiveIndex, reference: Reference) -> float:
    """Milliseconds for a need of which all lots are kept; MOST_MS where one is not."""
    for lot, subject in zip(need.lots, reference.reader.known_subjects(need), strict=True):
        if not _is_kept(need, lot, subject, live, reference):
            return MOST_MS
    return len(need.lots) * _kept_lot_ms(need, live)


def _kept_lot_ms(need: Need, live: LiveIndex) -> float:
    return KEPT_LOT_MS + KEPT_ROW_MS * _rows(need, live.rows_end)


def _is_kept(need: Need, lot: Lot, subject: Subject | None, live: LiveIndex, reference: Reference) -> bool:
    """Whether such a lot was answered lately."""
    request = _measured(lot.territory or need.territory)
    territory = None if request is None else reference.geography.known(request)
    if subject is None or territory is None or (need.groupings and len(subject.objects) > 1):
        return False
    selection = live.base.selections.find((ref(territory), subject))
    site = None if lot.site is None else reference.geography.known_place(lot.site)
    return selection is not None and (lot.site is None or site is not None) and selection.is_ranked(lot, site)


def _in_all(need: Need, live: LiveIndex, reference: Reference, grounds: _Grounds) -> float:
    """Milliseconds for all lots, in territories that are known by then, but near which nobody may be measured."""
    shares = [ground.share for ground in grounds.values()]
    most = _most_of_lots(need, live.rows_end, max(shares) if shares else 0.0)
    if most <= AT_ONCE_MS and not any(ground.measure_ms for ground in grounds.values()):
        return most
    ms, unmeasured = 0.0, {request: live.rows_end * ground.share for request, ground in grounds.items()}
    for lot, subject in zip(need.lots, reference.reader.known_subjects(need), strict=True):
        if _is_kept(need, lot, subject, live, reference):
            ms += _kept_lot_ms(need, live)
            continue
        request = _measured(lot.territory or need.territory)
        ground = grounds.get(request, NOWHERE)
        near = _offers(lot, live) * ground.share
        measured = min(near, unmeasured.get(request, 0.0))
        unmeasured[request] = unmeasured.get(request, 0.0) - measured
        ms += _new_lot(need, lot, near, live.rows_end) + ground.measure_ms * measured
    return ms


def _most_of_lots(need: Need, suppliers: int, share: float) -> float:
    """Milliseconds for all lots where each code stands for many offers, and nothing but territories is cached."""
    codes = words = sites = 0
    for lot in need.lots:
        codes += len(lot.segments) + len(lot.support_segments)
        words += len(lot.cpv) + len(lot.keywords)
        if lot.title is not None:
            words += 2
        if lot.site is not None:
            sites += 1
    lots, segments, rows = len(need.lots), codes + SEGMENTS_OF_WORDS * words, need.limit + 2 * need.near_misses
    of_segments = segments * (SEGMENT_MS + ROW_SEGMENT_MS * rows + OFFER_MS * OFFERS_OF_CODE * suppliers * share)
    grouped = lots * _groupings(need, max(2, segments), suppliers * share)  # as if one lot asked for all of them
    return lots * (LOT_MS + ROW_MS * rows) + of_segments + KEYWORD_MS * words + SITE_MS * sites + grouped


def _grounds(need: Need, live: LiveIndex, reference: Reference, enough: float) -> tuple[_Grounds, float]:
    """The territories of a need, and the milliseconds until all of them are known; some, where these take `enough`."""
    grounds: _Grounds = {}
    common, ms = need.territory and _measured(need.territory), 0.0
    if common is not None:
        grounds[common] = ground = _ground(common, live, reference)
        ms = ground.ms
    for lot in need.lots:
        if ms > enough:
            break
        territory = lot.territory and _measured(lot.territory)
        if territory is not None and territory not in grounds:
            grounds[territory] = ground = _ground(territory, live, reference)
            ms += ground.ms
    return grounds, ms


def _measured(request: TerritoryRequest | None) -> TerritoryRequest | None:
    """The territory; None for one that will be refused for its vertices: even to look it up is to read all of them."""
    drawn = None if request is None else request.geometry
    return None if drawn is not None and has_too_many_vertices(drawn) else request


def _ground(request: TerritoryRequest, live: LiveIndex, reference: Reference) -> _Ground:
    rings = [] if request.geometry is None else _rings(request.geometry)
    territory, share = reference.geography.known(request), _share(request, rings)
    if territory is not None and live.base.distances.find(territory.shape) is not None:
        return _Ground(0.0, share)
    ground_ms, each_ms = _drawn(rings)
    ms = PLACE_MS + CODE_MS * len(request.codes or ()) + ground_ms
    return _Ground(ms, share, MEASURE_MS + each_ms)


def _share(request: TerritoryRequest, rings: Sequence[Floats]) -> float:
    """About the share of all suppliers that are near a territory."""
    if request.codes is not None:
        if len(request.codes) == 1:
            return SHARES.get(request.codes[0].partition(":")[0], 0.0)
        return min(1.0, sum([SHARES.get(code.partition(":")[0], 0.0) for code in request.codes]))
    if request.radius_km is not None:
        return min(1.0, (0.3 + request.radius_km / KM_OF_FRANCE) ** 2)
    if not rings:
        return 0.0
    width, height = _extent(rings)
    return min(1.0, (width + 2 * DEGREES_NEAR) * (height + 2 * DEGREES_NEAR) / DEGREES_OF_FRANCE**2)


def _drawn(rings: Sequence[Floats]) -> tuple[float, float]:
    """Milliseconds for an outline, which is held against the communes along it, and for each supplier near it.

    The more it turns to and fro, the more of its edges are equally near to a supplier.
    """
    vertices = sum(map(len, rings))
    if not vertices:
        return 0.0, 0.0
    width, height = _extent(rings)
    length = sum(float(np.hypot(*np.diff(ring, axis=0).T).sum()) for ring in rings)
    jagged = length / max(2 * (width + height), 1e-9)
    ground_ms = VERTEX_MS * vertices + DEGREE_MS * length + SQUARE_DEGREE_MS * width * height
    return min(ground_ms, MOST_MS), min(STRAIGHT_MS + JAGGED_MS * jagged, MOST_MS)


def _rings(geometry: Geometry) -> list[Floats]:
    """Its rings in degrees, each of shape (n, 2)."""
    polygons = [geometry.coordinates] if isinstance(geometry, Polygon) else geometry.coordinates
    return [np.clip(_positions(ring), -FARTHEST, FARTHEST) for rings in polygons for ring in rings]


def _positions(ring: Ring) -> Floats:
    flat = np.fromiter(chain.from_iterable(ring), np.float64)
    if len(flat) == 2 * len(ring):
        return flat.reshape(-1, 2)
    return np.array([position[:2] for position in ring])  # some have a height


def _extent(rings: Sequence[Floats]) -> tuple[float, float]:
    """The degrees of longitude and of latitude that rings take up."""
    width, height = np.ptp(np.concatenate(rings), axis=0).tolist()
    return width, height
