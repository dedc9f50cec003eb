"""Small documents for tests: a test says what matters to it, the rest is usual.

A supplier's id comes from its name, so that names are enough to say who was found.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

import msgspec

from domain.needs.need import Award, Lot, Need, Place, TerritoryRequest
from domain.reference.territory import Polygon, Ring
from domain.shortlists.listed_suppliers import Candidate, NearMiss, UnknownSupplier
from domain.shortlists.shortlist import LotShortlist
from domain.suppliers.supplier import Approval, Basis, Evidence, Kind, Offer, Point, ServiceArea, Supplier
from domain.text.bilingual import Language
from matching.engine import match
from matching.index.live_index import Index, LiveIndex
from matching.reference import Reference, load_reference

ON = date(2026, 11, 24)
NAMES = UUID("0191d7c4-0000-7000-8000-000000000000")

RENNES, VANNES, NANTES = Point(48.1113, -1.6800), Point(47.6559, -2.7603), Point(47.2173, -1.5534)
REDON, PARIS, LYON = Point(47.6514, -2.0849), Point(48.8530, 2.3499), Point(45.7578, 4.8320)
SAINT_DENIS = Point(-20.8789, 55.4481)


@cache
def reference() -> Reference:
    """The reference data, loaded once for all tests."""
    return load_reference()


def supplier(name: str = "atelier", *offers: Offer, at: Point | None = RENNES, **fields: Any) -> Supplier:
    """An active supplier in Rennes that cleans offices, unless said otherwise."""
    usual = {"updated_at": datetime(2026, 11, 1, tzinfo=UTC), "location": at}
    return Supplier(id=uuid5(NAMES, name), name=name, offers=offers or (offer(),), **(usual | fields))


def offerless(name: str, at: Point | None = RENNES, **fields: Any) -> Supplier:
    """An active supplier in Rennes of which no offer is known, unless said otherwise."""
    return msgspec.structs.replace(supplier(name, at=at, **fields), offers=())


def offer(*segments: str, cpv: Iterable[str] = (), basis: Basis = "declared", **area: Any) -> Offer:
    """An offer of these segments (office cleaning); `area` is its service area, if it declares any."""
    named = segments if segments or cpv else ("pr-locaux",)
    return Offer(segments=named, cpv=tuple(cpv), basis=basis, service_area=ServiceArea(**area) if area else None)


def based_on(one: Offer, *evidence: Evidence) -> Offer:
    """The offer with what it rests on."""
    return msgspec.structs.replace(one, evidence=evidence)


def approved(*kinds: Kind, until: date | None = None) -> tuple[Approval, ...]:
    """Approvals of these kinds that began in 2020."""
    return tuple(Approval(kind=kind, valid_from=date(2020, 1, 1), valid_until=until) for kind in kinds)


def lot(*segments: str, id: str = "1", **fields: Any) -> Lot:
    """A lot that asks for these segments, or for office cleaning where it asks for nothing else."""
    usual = segments or (() if {"segments", "cpv", "keywords"} & fields.keys() else ("pr-locaux",))
    return Lot(id=id, **({"segments": usual} | fields))


def award(**fields: Any) -> Award:
    usual: dict[str, Any] = {"id": UUID(int=1), "need_id": UUID(int=9), "lot_id": "1", "supplier_id": UUID(int=1)}
    usual |= {"supplier_name": "Jardin", "segments": (), "awarded_on": ON, "value_eur": 1_000.5, "reserved": ()}
    usual |= {"duration_months": None, "direct": False, "created_at": datetime(2026, 11, 24, 9, tzinfo=UTC)}
    return Award(**usual | fields)


def need(*lots: Lot, territory: TerritoryRequest | None = None, **fields: Any) -> Need:
    """A need of one lot in Ille-et-Vilaine, unless said otherwise."""
    return Need(lots=lots or (lot(),), territory=territory or codes("departement:35"), **fields)


def codes(*given: str) -> TerritoryRequest:
    """The union of these codes."""
    return TerritoryRequest(codes=given)


def around(where: Point | str, radius_km: float) -> TerritoryRequest:
    """What is near a point, or near the commune of that code."""
    return TerritoryRequest(near=place(where), radius_km=radius_km)


def place(where: Point | str) -> Place:
    """A point, or the commune of that code."""
    return Place(commune=where) if isinstance(where, str) else Place(lat=where.lat, lon=where.lon)


def square(middle: Point, half: float) -> Polygon:
    """A square that goes `half` a degree each way from its middle."""
    return Polygon(coordinates=(ring(middle, half),))


def ring(middle: Point, half: float) -> Ring:
    """The closed ring of a square, anticlockwise, longitude first."""
    west, east, south, north = middle.lon - half, middle.lon + half, middle.lat - half, middle.lat + half
    return ((west, south), (east, south), (east, north), (west, north), (west, south))


def spiked(vertices: int, height: int = 1) -> Ring:
    """A ring of that many positions, the last repeating the first, with spikes of some kilometres."""
    top = [(-2.0 + step / vertices, 48.0 + step % 2 * height / 100) for step in range(vertices - 3)]
    return ((-1.0, 47.0), (-2.0, 47.0), *top, (-1.0, 47.0))


def comb(middle: Point, half: float, teeth: int = 198, pieces: int = 25) -> Polygon:
    """A comb that goes `half` a degree each way from its middle, each edge of its teeth in so many pieces.

    As it stands here it has 9,879 vertices, nearly all that a geometry may have; 400 would draw the same.
    """
    (west, south), (east, _), (_, north), *_ = ring(middle, half)
    step = (east - west) / (2 * teeth - 1)
    corners = [(west + column * step, south + half * (0.1 + 1.9 * (column % 2))) for column in range(2 * teeth)]
    corners[-1] = east, north
    dense = [
        (lon + (to_lon - lon) * piece / pieces, lat + (to_lat - lat) * piece / pieces)
        for (lon, lat), (to_lon, to_lat) in pairwise(corners)
        for piece in range(pieces)
    ]
    return Polygon(coordinates=(((west, south), *dense, corners[-1], (east, south), (west, south)),))


def moved(start: Point, north: float = 0.0, east: float = 0.0) -> Point:
    """A point some degrees away."""
    return Point(start.lat + north, start.lon + east)


def index(*suppliers: Supplier) -> Index:
    """An index of these suppliers."""
    ours = reference()
    return Index.build(suppliers, ours.taxonomy, ours.cpv, ours.geography)


def live(*suppliers: Supplier) -> LiveIndex:
    """What a server holds that has loaded these suppliers."""
    return LiveIndex(index(*suppliers), data_version=1)


def matched(asked: Need, *suppliers: Supplier, on: date = ON, language: Language = "fr") -> LotShortlist:
    """The shortlist of the first lot of a need."""
    return match(asked, live(*suppliers), reference(), on, language).lots[0]


def names(rows: Iterable[Candidate | NearMiss | UnknownSupplier]) -> list[str]:
    """Who is listed, in order."""
    return [row.supplier.name for row in rows]
