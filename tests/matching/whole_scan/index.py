"""The suppliers as arrays."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Area, UnknownTerritory
from domain.suppliers.supplier import BASES, Offer, ServiceArea, Supplier
from matching.geo.geojson_validation import checked_geometry
from matching.geo.projection import earth_centred
from matching.geo.shape import Shape
from matching.geo.territory import Bools, Geography, Territory
from matching.weighted_cache import WeightedCache
from tests.matching.whole_scan.distance_cache import DistanceCache
from tests.matching.whole_scan.eligibility_cache import EligibilityCache
from tests.matching.whole_scan.offerless_cache import OfferlessCache

# how an offer says where it is available
NO_AREA, RADIUS, GROUND, NATIONAL = 0, 1, 2, 3
DISTANCE_BYTES = 16
CACHED_DISTANCES = 10_000_000
"""Weight of the distances that are cached with their shapes, in suppliers: some 160 MB.

Of 220,000 suppliers, these are the distances to 40 communes or EPCI, or to 30 departements.
"""

OFFER_COLUMNS = {
    "supplier": np.int32,
    "basis": np.int8,
    "area_kind": np.int8,
    "area": np.int32,
    "radius_km": np.float64,
}
"""One offer of a segment or family: its supplier (an ordinal), its basis and its area."""
Offers = dict[str, NDArray[Any]]
"""Offers as parallel arrays, by the names of OFFER_COLUMNS."""


class Index:
    """Active suppliers, ready to be matched; never changed once built.

    A supplier is an ordinal: `suppliers[i]`, `positions[i]` (earth-centred kilometres, NaN without a location),
    `draw[i]` (64 bits from its id). `distances(shape)` caches their distances to a shape.
    """

    def __init__(self, suppliers: Iterable[Supplier], taxonomy: Taxonomy, cpv: Cpv, geography: Geography) -> None:
        self.suppliers: list[Supplier] = [supplier for supplier in suppliers if supplier.active]
        self.ordinals = {supplier.id: ordinal for ordinal, supplier in enumerate(self.suppliers)}
        self.taxonomy, self.cpv, self.geography = taxonomy, cpv, geography
        points = [(s.location.lat, s.location.lon) if s.location else (np.nan, np.nan) for s in self.suppliers]
        self.positions = earth_centred(*np.array(points, dtype=np.float64).reshape(-1, 2).T)
        digests = [hashlib.blake2b(supplier.id.bytes, digest_size=8).digest() for supplier in self.suppliers]
        self.draw = np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.uint64)
        self.eligibility = EligibilityCache(self.suppliers)
        self.areas = _Areas(geography)
        self.offers = self._tables()
        self._meeting: WeakKeyDictionary[Territory, Bools] = WeakKeyDictionary()
        self.distances: WeightedCache[Shape, DistanceCache] = WeightedCache(
            lambda shape: DistanceCache(self.positions, shape),
            lambda made: len(made.positions) + made.shape.weight // DISTANCE_BYTES,
            CACHED_DISTANCES,
        )
        self.offerless = OfferlessCache(self.suppliers, self.positions, self.draw, self.eligibility, self.distances)

    def areas_meeting(self, territory: Territory) -> Bools:
        """For each distinct service area made of ground, whether it shares ground with a territory.

        Found once for as long as the territory itself is kept.
        """
        meeting = self._meeting.get(territory)
        if meeting is None:
            meeting = self._meeting[territory] = self.areas.meeting(territory)
        return meeting

    def _tables(self) -> dict[str, Offers]:
        rows: dict[str, list[tuple[int, int, int, int, float]]] = {}
        for ordinal, supplier in enumerate(self.suppliers):
            for offer in supplier.offers:
                kind, radius_km, area = self.areas.intern(offer.service_area)
                row = ordinal, BASES.index(offer.basis), kind, area, radius_km
                for segment in offered_segments(offer, self.taxonomy, self.cpv):
                    rows.setdefault(segment, []).append(row)
        self.areas.freeze()
        return {
            segment: {
                name: np.array(column, kind)
                for (name, kind), column in zip(OFFER_COLUMNS.items(), zip(*offers, strict=True), strict=True)
            }
            for segment, offers in rows.items()
        }


def offered_segments(offer: Offer, taxonomy: Taxonomy, cpv: Cpv) -> tuple[str, ...]:
    """The segments or families an offer answers: those it names, else those of its CPV codes."""
    if offer.segments:
        return tuple(dict.fromkeys(offer.segments))
    return tuple(dict.fromkeys(segment for code in offer.cpv for segment in taxonomy.of_cpv(cpv.normalise(code))))


class _Areas:
    """The distinct service areas made of ground (codes or geometry): which communes each holds."""

    def __init__(self, geography: Geography) -> None:
        self.geography = geography
        self.numbers: dict[ServiceArea, int] = {}
        self.grounds: list[NDArray[np.intp]] = []
        self.drawn: dict[int, shapely.Geometry] = {}
        self.unknown_codes: set[str] = set()

    def intern(self, area: ServiceArea | None) -> tuple[int, float, int]:
        """An offer's area as numbers: its kind, its radius, its place among the distinct areas."""
        if area is None:
            return NO_AREA, np.nan, -1
        if area.national:
            return NATIONAL, np.nan, -1
        if area.radius_km is not None:
            return RADIUS, area.radius_km, -1
        if area not in self.numbers:
            self.numbers[area] = len(self.grounds)
            self.grounds.append(np.flatnonzero(self._ground(area)))
        return GROUND, np.nan, self.numbers[area]

    def freeze(self) -> None:
        """Lay the grounds end to end, once all areas are known."""
        self.communes = np.concatenate([np.empty(0, np.intp), *self.grounds])
        self.owners = np.repeat(np.arange(len(self.grounds)), [len(ground) for ground in self.grounds])

    def meeting(self, territory: Territory) -> Bools:
        meets = np.zeros(len(self.grounds), dtype=bool)
        meets[self.owners[territory.ground[self.communes]]] = True
        if territory.codes is None and self.drawn:
            # what is drawn is compared as drawn: two pieces of one commune need not meet, two zones may meet at sea
            meets[list(self.drawn)] = territory.share_ground(np.array(list(self.drawn.values())))
        return meets

    def _ground(self, area: ServiceArea) -> Bools:
        if area.geometry is not None:
            region = self.drawn[len(self.grounds)] = checked_geometry(area.geometry)
            return self.geography.ground_of(region)
        return self.geography.ground_of_codes(tuple(self._known(area.codes or ())))

    def _known(self, codes: Iterable[str]) -> Iterator[Area]:
        """The areas of the codes; one that reference data has dropped since it was stored is noted and left out."""
        for code in codes:
            try:
                yield self.geography.territories.area(code, suggest=False)
            except UnknownTerritory:
                self.unknown_codes.add(code)
