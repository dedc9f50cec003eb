"""The lack of each refused supplier, in words."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import ServiceArea
from domain.text.bilingual import Text
from matching import messages
from matching.gates import DISTANCE, SEGMENT, SERVICE_AREA
from matching.geo.projection import to_metre
from matching.lot_match import LotMatch
from matching.near_misses import Refused
from matching.offers import FITS, RELATED, Offers, offered_segments, offers_for
from matching.service_areas import NEARBY_KM, RADIUS
from matching.supplier_columns import Ordinals

SOMEWHERE = ServiceArea()
"""An area made of ground, whichever it is."""


def lacks(lot: LotMatch, refused: Iterable[Refused]) -> dict[int, Text]:
    """The lack of each supplier that a gate before the reservation refused, by its ordinal."""
    columns, cap_km = lot.live.base.columns, lot.query.lot.max_distance_km or 0.0
    found, out_of_area = {}, []
    for gate, ordinal, away in refused:
        if gate == SEGMENT:
            found[ordinal] = _wrong_segment(lot, ordinal)
        elif gate == SERVICE_AREA:
            out_of_area.append(ordinal)
        elif gate == DISTANCE:
            found[ordinal] = messages.too_far(to_metre(away), cap_km, columns.is_placed(ordinal))
    if out_of_area:
        found |= _not_served(lot, np.array(out_of_area, dtype=np.int32))
    return found


def _wrong_segment(lot: LotMatch, ordinal: int) -> Text:
    """That a supplier offers only a neighbour of what is asked, or only what supports it."""
    base, subject = lot.live.base, lot.query.subject
    cpv, taxonomy, label = base.cpv, base.taxonomy, base.taxonomy.label
    offers = base.columns.supplier(ordinal).offers
    offered = {segment for offer in offers for segment in offered_segments(offer, taxonomy, cpv)}
    for some, message in ((subject.objects, messages.fit), (subject.support, messages.support)):
        for wanted in some:
            for segment, fit in offers_for(wanted, taxonomy):
                if segment in offered:
                    return message(FITS[fit], label(wanted), label(segment))
    raise AssertionError("a considered supplier offers something near the lot")


def _not_served(lot: LotMatch, ordinals: Ordinals) -> dict[int, Text]:
    """That no answering offer of some suppliers reaches the territory, by the one of each that reaches farthest."""
    columns, away, found = lot.live.base.columns, lot.to_territory.of(ordinals).tolist(), {}
    for ordinal, area, away_km in zip(ordinals.tolist(), _farthest_areas(lot, ordinals), away, strict=True):
        found[ordinal] = messages.not_served(area, to_metre(away_km), columns.is_placed(ordinal))
    return found


def _farthest_areas(lot: LotMatch, ordinals: Ordinals) -> list[ServiceArea | None]:
    """Of each of some suppliers, the area of the answering offer that reaches farthest; of equal ones the first."""
    codes = _answering(lot.query.subject.objects, lot.live.base.taxonomy)
    reached: list[set[tuple[float, bool]]] = [set() for _ in ordinals]
    for offers in (lot.live.base.offers, lot.live.tail.offers):
        for code in codes & offers.keys():
            for place, reach_km, is_radius in _rows_of(offers[code], ordinals):
                reached[place].add((reach_km, is_radius))
    return [
        _area(*max(some)) if (NEARBY_KM, True) not in some else _first_farthest(lot, ordinal)
        for some, ordinal in zip(reached, ordinals.tolist(), strict=True)
    ]


def _rows_of(offers: Offers, ordinals: Ordinals) -> Iterable[tuple[int, float, bool]]:
    """The offers of some suppliers: the place of each among them, the kilometres it reaches, whether it says so."""
    first, end = np.searchsorted(offers.supplier, (ordinals, ordinals + 1)).tolist()
    return [
        (place, float(offers.reach_km[row]), bool(offers.area_kind[row] == RADIUS))
        for place, (begin, stop) in enumerate(zip(first, end, strict=True))
        for row in range(begin, stop)
    ]


def _area(reach_km: float, is_radius: bool) -> ServiceArea | None:
    if is_radius:
        return ServiceArea(radius_km=reach_km)
    return None if reach_km == NEARBY_KM else SOMEWHERE


def _first_farthest(lot: LotMatch, ordinal: int) -> ServiceArea | None:
    """As `_farthest_areas`, of a supplier of which a declared radius may be as wide as none declared."""
    base = lot.live.base
    answer = _answering(lot.query.subject.objects, base.taxonomy)
    offers = base.columns.supplier(ordinal).offers
    some = (o for o in offers if not answer.isdisjoint(offered_segments(o, base.taxonomy, base.cpv)))
    return max((offer.service_area for offer in some), key=_reach)


def _reach(area: ServiceArea | None) -> float:
    if area is None:
        return NEARBY_KM
    return area.radius_km if area.radius_km is not None else np.inf


@lru_cache(1_024)
def _answering(objects: tuple[str, ...], taxonomy: Taxonomy) -> frozenset[str]:
    """The segments and families that an offer may name to answer the object of a lot."""
    return frozenset(code for each in objects for code, fit in offers_for(each, taxonomy) if fit < RELATED)
