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
from matching.geo.territory import Territory
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
KNOWN_LOT_MS, KNOWN_ROW_MS, KNOWN_SUPPLIER_MS = 0.1, 0.01, 0.000015

PLACE_MS, CODE_MS, MEASURE_MS = 6.0, 0.7, 0.0025
VERTEX_MS, SQUARE_DEGREE_MS, DEGREE_MS, JAGGED_MS, STRAIGHT_MS = 0.003, 2.5, 0.4, 0.00035, 0.006
FARTHEST = 360.0
"""Degrees beyond which nobody looks: such an outline is refused."""
DEGREES_NEAR, DEGREES_OF_FRANCE, KM_OF_FRANCE = 1.0, 9.0, 1_000.0
SHARES = {"country": 1.0, "region": 0.2, "departement": 0.12, "nuts": 0.3, "epci": 0.08, "commune": 0.06}
"""The share of all suppliers that are near a territory of each kind."""

LOT_BYTES, SEGMENT_BYTES, CANDIDATE_BYTES, CANDIDATE_SEGMENT_BYTES, OTHER_BYTES = 2_500, 350, 1_000, 55, 500


class _Ground(NamedTuple):
    """A territory: the milliseconds until it is known, the share of the suppliers near it, itself where it is known."""

    ms: float
    share: float
    territory: Territory | None = None


NOWHERE = _Ground(0.0, 0.0)
_Grounds = dict[TerritoryRequest | None, _Ground]


def takes_little(need: Need, live: LiveIndex, reference: Reference) -> bool:
    """Whether a match may keep others waiting: its territories are known, and it takes no more than `AT_ONCE_MS`."""
    grounds, ms = _grounds(need, live, reference, 0.0)
    return not ms and _in_all(need, live, reference, grounds) <= AT_ONCE_MS


def estimated_ms(need: Need, live: LiveIndex, reference: Reference, enough: float = MOST_MS) -> float:
    """About the milliseconds that a match takes; no more is looked at than makes it more than `enough`.

    Where it is more than `AT_ONCE_MS`, what is cached is considered.
    """
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
    return LOT_BYTES + SEGMENT_BYTES * segments + candidates + OTHER_BYTES * others


def _segments(lot: Lot) -> int:
    """About the number of segments that a lot asks for."""
    words = len(lot.cpv) + len(lot.keywords) + (lot.title is not None)
    return len(lot.segments) + len(lot.support_segments) + SEGMENTS_OF_WORDS * words


def _rows(need: Need, suppliers: int) -> int:
    return min(need.limit, suppliers) + 2 * min(need.near_misses, suppliers)


def _new_lot(need: Need, lot: Lot, share: float, live: LiveIndex) -> float:
    """Milliseconds for a lot in a known territory, of which nothing else is cached."""
    wanted, suppliers, words = live.base.wanted, live.rows_end, len(lot.cpv) + len(lot.keywords)
    offers = OFFERS_OF_WORDS * suppliers * words
    for code in lot.segments + lot.support_segments:
        if code in wanted:
            offers += len(wanted[code].suppliers)
    ms = LOT_MS + CPV_MS * len(lot.cpv) + KEYWORD_MS * len(lot.keywords) + (0.0 if lot.site is None else SITE_MS)
    if lot.title is not None:
        ms, offers = ms + TITLE_MS, offers + (0.0 if lot.segments else OFFERS_OF_WORDS * suppliers)
    segments = _segments(lot)
    row_ms = ROW_MS + ROW_SEGMENT_MS * segments
    return ms + SEGMENT_MS * segments + OFFER_MS * offers * share + row_ms * _rows(need, suppliers)


def _lot(
    need: Need, lot: Lot, ground: _Ground, live: LiveIndex, reference: Reference, subject: Subject | None
) -> float:
    """As `_new_lot`, less what is cached."""
    selection = None
    if subject is not None and ground.territory is not None:
        selection = live.base.selections.find((ref(ground.territory), subject))
    if selection is None:
        return _new_lot(need, lot, ground.share, live)
    site = None if lot.site is None else reference.geography.known_place(lot.site)
    is_measured = lot.site is None or (site is not None and selection.sites.find(ref(site)) is not None)
    ms = KNOWN_LOT_MS + KNOWN_SUPPLIER_MS * live.rows_end * ground.share + (0.0 if is_measured else SITE_MS)
    return ms + KNOWN_ROW_MS * _rows(need, live.rows_end)


def _in_all(need: Need, live: LiveIndex, reference: Reference, grounds: _Grounds) -> float:
    """Milliseconds for all lots, in territories that are known by then."""
    shares = [ground.share for ground in grounds.values()]
    most = _most_of_lots(need, live.rows_end, max(shares) if shares else 0.0)
    if most <= AT_ONCE_MS:
        return most
    ms = 0.0
    for lot, subject in zip(need.lots, reference.reader.known_subjects(need), strict=True):
        ground = grounds.get(_measured(lot.territory or need.territory), NOWHERE)
        ms += _lot(need, lot, ground, live, reference, subject)
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
    return lots * (LOT_MS + ROW_MS * rows) + of_segments + KEYWORD_MS * words + SITE_MS * sites


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
        return _Ground(0.0, share, territory)
    ms = PLACE_MS + MEASURE_MS * live.rows_end * share + _drawn(rings, live.rows_end * share)
    return _Ground(ms + CODE_MS * len(request.codes or ()), share)


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


def _drawn(rings: Sequence[Floats], near: float) -> float:
    """Milliseconds for an outline: it is held against the communes along it, and the suppliers near it against it.

    The more it turns to and fro, the more of its edges are equally near to a supplier.
    """
    vertices = sum(map(len, rings))
    if not vertices:
        return 0.0
    width, height = _extent(rings)
    length = sum(float(np.hypot(*np.diff(ring, axis=0).T).sum()) for ring in rings)
    jagged = length / max(2 * (width + height), 1e-9)
    ground = VERTEX_MS * vertices + DEGREE_MS * length + SQUARE_DEGREE_MS * width * height
    return min(ground + near * (STRAIGHT_MS + JAGGED_MS * jagged), MOST_MS)


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
