"""Suppliers and needs that meet each other in every way the contract speaks of, around Redon and far from it.

Everything is drawn from a `random.Random`: a seeded one for big cases, Hypothesis's own for small ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import cos, pi, radians, sin
from random import Random
from typing import Any, get_args
from uuid import UUID

import shapely
from msgspec import UNSET

from domain.needs.need import RESERVED_TYPES, Buyer, Lot, Need, PastAward, Place, Reserved, TerritoryRequest
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Part, Taxonomy, segment_of
from domain.reference.territory import Geometry, MultiPolygon, Polygon, Ring, Rings, Territories
from domain.suppliers.supplier import (
    DECLARERS,
    Approval,
    Basis,
    Evidence,
    Kind,
    LegalForm,
    Offer,
    PlacesSize,
    Point,
    ServiceArea,
    Shares,
    SizeInEuros,
    StaffSize,
    Supplier,
    SupplierSize,
)
from tests.matching.oracle.ground import siren_part

FAMILIES = ("pr", "de", "re", "ev", "so")
WEST, SOUTH, EAST, NORTH = -3.2, 47.1, -0.9, 48.5
FAR = (
    Point(48.86, 2.34),
    Point(45.76, 4.84),
    Point(-20.9, 55.5),
    Point(41.93, 8.73),
    Point(46.78, -56.17),
    Point(14.6, -61.0),
)
FAR_COMMUNES = ("75056", "69123", "97411", "2A004", "22016", "97209")
WIDE_CODES = (
    "country:FR",
    "region:53",
    "region:52",
    "departement:35",
    "departement:56",
    "departement:44",
    "epci:243500741",
)
NUTS = ("nuts:FRH", "nuts:FRH0", "nuts:FRH03", "nuts:FRG01", "nuts:FR523", "nuts:FRY4")
ODD_CODES = ("commune:75111", "commune:69381", "commune:97502", "departement:974", "region:94", "departement:975")
UNMAPPED_CPV = "60400000"
# Words of which not all that they may mean is sure.
DOUBTFUL = (
    "Collecte de biodéchets des restaurants scolaires",
    "Nettoyage des vitres et des bureaux de la mairie",
    "Petits travaux de bâtiment",
    "Animation du centre de loisirs",
    "Entretien divers",
)
DATES = (date(2026, 11, 24), date(2026, 3, 1), date(2022, 11, 15), date(2019, 6, 1))


@dataclass(frozen=True)
class Scenery:
    """The part of France and of the taxonomy that suppliers and needs are drawn from."""

    communes: tuple[str, ...]
    names: tuple[str, ...]
    retired: tuple[str, ...]
    epcis: tuple[str, ...]
    inside: Sequence[Point]
    borders: Sequence[Point]
    segments: tuple[str, ...]
    parts: tuple[Part, ...]
    cpv: tuple[str, ...]
    keywords: tuple[str, ...]

    @classmethod
    def of(cls, territories: Territories, taxonomy: Taxonomy, cpv: Cpv, outlines: Any) -> "Scenery":
        near = [
            (place, commune)
            for place, commune in enumerate(territories.communes)
            if commune.lat is not None and commune.lon is not None
            if SOUTH < commune.lat < NORTH and WEST < commune.lon < EAST
        ]
        current = {commune.code for commune in territories.communes}
        numbers = [f"{departement}{number:03d}" for departement in (22, 35, 44, 49, 56) for number in range(1, 400)]
        retired = [code for code in numbers if code not in current and territories.commune_ordinal(code) is not None]
        segments = [one for family in taxonomy.families if family.id in FAMILIES for one in family.segments]
        parts = tuple(part for part in taxonomy.parts.values() if part.id[:2] in FAMILIES)
        prefixes = *(each for one in segments for each in one.cpv), *(each for part in parts for each in part.cpv)
        return cls(
            communes=tuple(commune.code for _, commune in near),
            names=tuple(commune.name for _, commune in near),
            retired=tuple(retired),
            epcis=tuple(sorted({commune.epci for _, commune in near if commune.epci})),
            inside=[Point(c.lat, c.lon) for _, c in near if c.lat is not None and c.lon is not None],
            borders=[
                Point(lat, lon) for i, _ in near for lon, lat in shapely.get_coordinates(outlines[i])[::20].tolist()
            ],
            segments=tuple(one.id for one in segments),
            parts=parts,
            cpv=tuple(sorted({code for each in prefixes if cpv.known(code := each.ljust(8, "0"))})),
            keywords=(*(word for one in segments for word in one.synonyms), *DOUBTFUL * 40),
        )


def suppliers(scenery: Scenery, draw: Random, count: int) -> list[Supplier]:
    """Suppliers of every kind; their ids and names say in which order they were drawn."""
    return [_supplier(scenery, draw, number) for number in range(count)]


def _supplier(scenery: Scenery, draw: Random, number: int) -> Supplier:
    kinds: tuple[Kind, ...] = get_args(Kind)
    held = [_approval(draw, draw.choice(kinds)) for _ in range(draw.choice((0, 1, 1, 1, 2)))]
    approvals = draw.choice((None, tuple(held), tuple(held), tuple(held), ()))
    return Supplier(
        id=UUID(int=(7 << 76) | (2 << 62) | number),
        name=draw.choice(("supplier", "supplier", "supplier", "Régie de quartier", "CCAS")) + f" {number}",
        siret=draw.choice((None, None, None, f"2156{number:010}")),
        kinds=tuple(dict.fromkeys(one.kind for one in approvals or ())),
        legal_form=draw.choice((None, *get_args(LegalForm))),
        ess=draw.choice((None, True, True, False)),
        approvals=approvals,
        shares=Shares(*(draw.choice((None, None, None, 0.2, 0.5, 0.8)) for _ in range(3))),
        in_prison=draw.choice((None, False, False, True)),
        location=_location(scenery, draw),
        offers=tuple(_offer(scenery, draw) for _ in range(draw.choice((0, 1, 1, 2, 3, 5)))),
        turnover_eur=draw.choice((None, 50_000.0, 1_000_000.0)),
        size=_size(draw),
        active=draw.random() > 0.05,
        updated_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


def _size(draw: Random) -> SupplierSize:
    """Every part of a size known or not; amounts that values of lots are equal to, half of, twice, and far from."""
    return SupplierSize(
        staff=draw.choice((None, StaffSize(0, 0), StaffSize(3, 5), StaffSize(10_000))),
        places=draw.choice((None, None, PlacesSize(60))),
        turnover_eur=draw.choice((None, None, SizeInEuros(200_000.0))),
        largest_award_eur=draw.choice((None, None, SizeInEuros(100_000.0), SizeInEuros(400_000.0, duration_months=48))),
    )


def awards(scenery: Scenery, draw: Random, pool: Sequence[Supplier], on: date) -> list[PastAward]:
    """What a buyer awarded to a third of the suppliers, and to one that is gone: mostly reserved to ESS, some later."""
    gone = UUID(int=(7 << 76) | (3 << 62))
    ids = [one.id for one in pool] + [gone]
    return [_award(scenery, draw, number, draw.choice(ids), on) for number in range(len(ids) // 3 + 1)]


def _award(scenery: Scenery, draw: Random, number: int, supplier: UUID, on: date) -> PastAward:
    reserved: tuple[Reserved, ...] = draw.choice((("ess",), ("ess",), ("iae",), ()))
    return PastAward(
        id=UUID(int=number),
        need_id=UUID(int=0),
        lot_id="1",
        supplier_id=supplier,
        supplier_name="winner",
        segments=tuple(draw.sample((*scenery.segments, *FAMILIES), draw.choice((0, 1, 3, 9)))),
        awarded_on=on - timedelta(days=draw.choice((-1, 0, 400, 1094, 1095, 1096, 1097, 1500))),
        value_eur=draw.choice((None, 10_000.0, 500_000.0)),
        reserved=reserved,
        duration_months=draw.choice((None, 12, 48)),
        direct=draw.random() < 0.5,
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


def _approval(draw: Random, kind: Kind) -> Approval:
    start = draw.choice(DATES) - timedelta(days=draw.randrange(-200, 1500))
    end = start + timedelta(days=draw.randrange(0, 1500))
    return Approval(kind=kind, valid_from=draw.choice((start, None)), valid_until=draw.choice((end, end, None)))


def _location(scenery: Scenery, draw: Random) -> Point | None:
    return draw.choice(
        (
            None,
            draw.choice(FAR),
            draw.choice(scenery.inside),
            draw.choice(scenery.borders),
            *(Point(draw.uniform(SOUTH, NORTH), draw.uniform(WEST, EAST)) for _ in range(6)),
        )
    )


def _offer(scenery: Scenery, draw: Random) -> Offer:
    named = draw.sample((*scenery.segments, *FAMILIES), draw.choice((1, 1, 2, 3)))
    segments = draw.choice((named, named, named, []))
    cpv = draw.sample((*scenery.cpv, UNMAPPED_CPV), draw.choice((0, 1, 2)))
    basis: Basis = draw.choice(("declared", "declared", "awarded", "inferred"))
    won = draw.sample(
        (None, date(2016, 5, 2), date(2020, 10, 31), date(2020, 11, 1), date(2025, 3, 4)), draw.randrange(3)
    )
    of_parts = [code for part in scenery.parts if segment_of(part.id) in named for code in part.known_by]
    shown = draw.sample(of_parts, min(len(of_parts), 1)) + draw.sample(("81.30Z",), draw.choice((0, 0, 0, 1)))
    evidence = {
        "awarded": tuple(Evidence("award", on=on) for on in won),
        "inferred": tuple(Evidence("register", reference=naf) for naf in shown),
    }
    return Offer(
        segments=tuple(segments),
        cpv=tuple(cpv),
        service_area=_service_area(scenery, draw),
        basis=basis,
        evidence=evidence.get(basis, ()),
        declared_by=draw.choice((None, *DECLARERS)) if basis == "declared" else None,
    )


def _service_area(scenery: Scenery, draw: Random) -> ServiceArea | None:
    match draw.randrange(7):
        case 0:
            return None
        case 1:
            return ServiceArea(national=True)
        case 2:
            return ServiceArea(geometry=_geometry(scenery, draw))
        case 3 | 4:
            return ServiceArea(codes=_codes(scenery, draw))
        case _:
            return ServiceArea(radius_km=round(draw.uniform(1, draw.choice((20, 80, 300))), 3))


def _codes(scenery: Scenery, draw: Random) -> tuple[str, ...]:
    return tuple(_code(scenery, draw) for _ in range(draw.choice((1, 1, 1, 2, 4))))


def _code(scenery: Scenery, draw: Random) -> str:
    match draw.randrange(9):
        case 0 | 1:
            return "epci:" + draw.choice(scenery.epcis)
        case 2:
            return draw.choice(NUTS)
        case 3:
            return draw.choice(ODD_CODES)
        case 4:
            return "commune:" + draw.choice(scenery.retired)
        case 5 | 6:
            return "commune:" + draw.choice(scenery.communes)
        case _:
            return draw.choice(WIDE_CODES)


def _geometry(scenery: Scenery, draw: Random) -> Geometry:
    """Star-shaped outlines around Redon: small or with edges of a hundred kilometres, with a hole, or in two parts."""
    center = draw.choice(scenery.inside)
    lat, lon = round(center.lat, 6), round(center.lon, 6)
    size = draw.choice((0.03, 0.15, 0.6, 2.0))
    outer = _ring(draw, lat, lon, size, draw.randrange(3, 12))
    match draw.randrange(4):
        case 0:
            hole = tuple((lon + (x - lon) * 0.3, lat + (y - lat) * 0.3) for x, y, *_ in outer)
            return Polygon(coordinates=(outer, hole[::-1]))
        case 1:
            apart: Rings = (_ring(draw, lat, lon + 3 * size, size, 5),)
            return MultiPolygon(coordinates=((outer,), apart))
        case _:
            return Polygon(coordinates=(outer,))


def _ring(draw: Random, lat: float, lon: float, size: float, corners: int) -> Ring:
    angles = [2 * pi * (corner + draw.uniform(0, 0.45)) / corners for corner in range(corners)]
    if draw.random() < 0.2:
        angles.reverse()
    reach = [size * draw.uniform(0.4, 1) for _ in angles]
    ring = [
        (round(lon + far * cos(angle) / cos(radians(lat)), 6), round(lat + far * sin(angle), 6))
        for far, angle in zip(reach, angles, strict=True)
    ]
    return (*ring, ring[0])


def need(scenery: Scenery, draw: Random, lots: int = 1) -> Need:
    """A need of `lots` lots, some with a territory, a site or a cap of their own.

    Where it is certain which communes its territories hold, its title or its buyer may be of one of them.
    """
    of_lots, whole = tuple(_lot(scenery, draw, number) for number in range(lots)), territory(scenery, draw)
    every, title, buyer = [whole, *(lot.territory for lot in of_lots if lot.territory)], None, None
    if all(each.codes for each in every) and draw.random() < 0.6:
        code, name = draw.choice(list(zip(scenery.communes, scenery.names, strict=True)))
        whole = TerritoryRequest(codes=(*(whole.codes or ()), f"departement:{code[:2]}"))
        title, buyer = draw.choice(((f"Marché à {name}", None), (None, Buyer(siret=f"21{siren_part(code)}000016"))))
    return Need(
        lots=of_lots,
        title=title,
        buyer=buyer,
        territory=whole,
        planned_publication_on=draw.choice((None, None, *DATES)),
        limit=draw.choice((100, 100, 3)),
        near_misses=draw.choice((50, 50, 5, 0)),
        unknown_trade=draw.choice((None, None, 200, 3, 0)),
        groupings=draw.choice((0, 10, 10, 3)),
    )


def territory(scenery: Scenery, draw: Random) -> TerritoryRequest:
    match draw.randrange(6):
        case 0:
            return TerritoryRequest(near=_place(scenery, draw, astray=0.002), radius_km=round(draw.uniform(0.5, 60), 3))
        case 1:
            return TerritoryRequest(geometry=_geometry(scenery, draw))
        case _:
            return TerritoryRequest(codes=_codes(scenery, draw))


def _place(scenery: Scenery, draw: Random, astray: float) -> Place:
    """A commune, or a point up to `astray` degrees away from some commune's interior point."""
    match draw.randrange(4):
        case 0:
            return Place(commune=draw.choice((*FAR_COMMUNES, *scenery.retired[:9])))
        case 1:
            return Place(commune=draw.choice(scenery.communes))
        case _:
            point = draw.choice(scenery.inside)
            return Place(lat=point.lat + draw.uniform(-astray, astray), lon=point.lon + draw.uniform(-astray, astray))


def _lot(scenery: Scenery, draw: Random, number: int) -> Lot:
    known = (*scenery.segments, *FAMILIES)
    segments = draw.sample(known, draw.choice((0, 1, 1, 2, 4)))
    cpv = draw.sample((*scenery.cpv, UNMAPPED_CPV), draw.choice((0, 0, 1, 2) if segments else (1, 2)))
    reserved: list[Reserved] = draw.sample(RESERVED_TYPES, draw.choice((0, 0, 1, 1, 2, 3)))
    return Lot(
        id=str(number + 1),
        segments=tuple(segments),
        cpv=tuple(cpv),
        keywords=tuple(draw.sample(scenery.keywords, draw.choice((0, 0, 0, 1)))),
        support_segments=tuple(draw.sample(known, draw.choice((0, 0, 1, 2)))),
        reserved=tuple(reserved) or draw.choice(((), None)),
        site=_place(scenery, draw, astray=0.5) if draw.random() < 0.3 else draw.choice((None, UNSET, UNSET)),
        max_distance_km=round(draw.uniform(1, 150), 3) if draw.random() < 0.3 else None,
        territory=territory(scenery, draw) if draw.random() < 0.2 else None,
        value_eur=draw.choice((None, 50_000.0, 100_000.0, 300_000.0, 400_000.0, 24_000_000.0)),
        duration_months=draw.choice((None, 3, 12, 36)),
        renewal_months=draw.choice((None, None, 12)),
    )
