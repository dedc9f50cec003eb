"""Format `le-marche`: suppliers as the API of le marché de l'inclusion answers them (JSON, NDJSON).

Pages, lists and single suppliers, in the short form and the detailed one. `kind` becomes an approval without known
dates, `brand` the trade name. Sectors become declared offers by `domain/data/lemarche_sectors.toml`, or by the source's
mapping where it names the slug; one that stands for no segment is flagged. Where a supplier carries its `activities`
(the sector, `presta_type`, `geo_range`, `geo_range_custom_distance`, `locations`), its offers have their types of
service and their area. Without any declared offer they are inferred from the kind and the words of name and texts.
Not read: logos, the region and the QPV, which follow from the address, and the dates of the directory's own upkeep.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.reference.territory import Territories, UnknownTerritory
from domain.suppliers.supplier import PrestaType
from domain.text.bilingual import Text
from sources.file_types.csv_cells import kind_of
from sources.file_types.json_records import Draft, Scalar, readers, text_of, unmapped
from sources.postal_addresses import commune_names
from sources.rows import Context, Document
from sources.trades.inference import OfferInference

LISTS = ("results",)

GeoRange = Literal["COUNTRY", "REGION", "DEPARTMENT", "CUSTOM", "ZONES", ""]

_PLACES = {"CITY": "commune", "DEPARTMENT": "departement", "REGION": "region"}
_NO_PLACE = Text(
    "Un lieu est un objet avec « kind » (CITY, DEPARTMENT ou REGION) et « insee_code »",
    "A location is an object with “kind” (CITY, DEPARTMENT or REGION) and “insee_code”",
)


class Named(msgspec.Struct, frozen=True):
    """A sector, a network, a label, an offer or a client: its name and its description."""

    name: str | None = None
    slug: str | None = None
    description: str | None = None


class Location(msgspec.Struct, frozen=True):
    """A perimeter: a commune, a departement or a region (whose code follows an R)."""

    kind: str | None = None
    insee_code: str | None = None


class Activity(msgspec.Struct, frozen=True):
    """A supplier's activity in one sector: how, and where. `fields`: the same, as a database dump wraps it."""

    sector: Named | str | int | None = None
    presta_type: list[PrestaType] | None = None
    geo_range: GeoRange | None = None
    geo_range_custom_distance: float | None = None
    locations: list[Location | str | int] | None = None
    fields: "Activity | None" = None


class Siae(msgspec.Struct, frozen=True):
    """A supplier, with the fields of the short answer, of the detailed one, and of its activities."""

    id: int | str
    name: str
    kind: str
    brand: str | None = None
    siret: Scalar = None
    description: str | None = None
    address: str | None = None
    city: str | None = None
    post_code: Scalar = None
    department: Scalar = None
    latitude: float | None = None
    longitude: float | None = None
    contact_email: str | None = None
    contact_phone: Scalar = None
    contact_website: str | None = None
    contact_social_website: str | None = None
    is_active: bool | None = None
    is_delisted: bool | None = None
    sectors: list[Named | str] | None = None
    presta_types: list[PrestaType] | None = None
    presta_type: list[PrestaType] | None = None
    activities: list[Activity] | None = None
    networks: list[Named | str] | None = None
    offers: list[Named | str] | None = None
    client_references: list[Named | str] | None = None
    labels: list[Named | str] | None = None
    labels_old: list[Named | str] | None = None


class _Work(NamedTuple):
    """A sector that a supplier works in. `sector`: its slug, its name or a number; `name`: "" where it is not known."""

    sector: str
    name: str
    presta_types: tuple[PrestaType, ...]
    area: Document | None


class _Suppliers:
    """Makes records of the directory's suppliers."""

    def __init__(self, context: Context) -> None:
        self._communes = commune_names(context.territories)
        self._inference = OfferInference(context.taxonomy, context.source)
        self._territories = context.territories
        self._settled = context.mapping.categories
        self._segments = sectors() | self._settled

    def drafts(self, siae: Siae) -> Iterator[Draft]:
        kind = kind_of(siae.kind)
        works = tuple(self._works(siae))
        declared = [offer for work in works if (offer := self._offer(work))]
        postal_code, city = text_of(siae.post_code), (siae.city or "").strip()
        position, description = {"lat": siae.latitude, "lon": siae.longitude}, _description(siae)
        # offers by the kind, and by words where nothing was declared
        texts = () if declared else (siae.name, siae.brand or "", description or "")
        document: Document = {
            "name": siae.name.strip(),
            "trade_name": _known(siae.brand),
            "siret": _known(siae.siret),
            "approvals": [{"kind": kind}],
            "in_prison": True if kind == "SEP" else None,
            "address": {
                "street": _known(siae.address),
                "postal_code": postal_code or None,
                "city": city or None,
                "commune": self._communes.find(postal_code, city, text_of(siae.department)),
            },
            "location": {name: degrees for name, degrees in position.items() if degrees is not None} or None,
            "offers": [*declared, *self._inference.offers(kind, None, texts, siae.city or "")],
            "description": description,
            "contact": {
                "email": _known(siae.contact_email),
                "phone": _known(siae.contact_phone),
                "website": _known(siae.contact_website) or _known(siae.contact_social_website),
            },
            "labels": _names(siae.labels, siae.labels_old),
            "active": siae.is_active is not False and not siae.is_delisted,
        }
        # the sectors that stand for no segment, unless the mapping says so
        unknown = (
            unmapped(f"{sector} {name}".strip())
            for sector, name in dict.fromkeys((work.sector, work.name) for work in works)
            if not self._segments.get(sector) and sector not in self._settled
        )
        yield Draft(text_of(siae.id) or None, document, tuple(unknown))

    def _works(self, siae: Siae) -> Iterator[_Work]:
        """The supplier's activities; then its sectors that none of these is in, with its types of service."""
        seen = set()
        for position, written in enumerate(siae.activities or ()):
            activity = written.fields or written
            sector, name = _sector(activity.sector)
            seen.add(sector)
            area = self._area(activity, siae, position)
            yield _Work(sector, name, tuple(activity.presta_type or ()), area)
        for listed in siae.sectors or ():
            sector, name = _sector(listed)
            if sector not in seen:
                yield _Work(sector, name, tuple(siae.presta_types or siae.presta_type or ()), None)

    def _offer(self, work: _Work) -> Document | None:
        if not (segments := self._segments.get(work.sector)):
            return None
        return {
            "segments": segments,
            "label": work.name or None,
            "presta_types": tuple(dict.fromkeys(work.presta_types)),
            "service_area": work.area,
        }

    def _area(self, activity: Activity, siae: Siae, position: int) -> Document | None:
        departement = f"departement:{text_of(siae.department)}"
        match activity.geo_range:
            case "COUNTRY":
                return {"national": True}
            case "CUSTOM" if activity.geo_range_custom_distance is not None:
                return {"radius_km": activity.geo_range_custom_distance}
            case "ZONES" if activity.locations:
                places = enumerate(activity.locations)
                return {"codes": [_place(place, "activities", position, "locations", at) for at, place in places]}
            case "DEPARTMENT":
                return {"codes": [departement]}
            case "REGION":
                return {"codes": [_region_of(departement, self._territories)]}
        return None


read_json, read_ndjson = readers(LISTS, Siae, lambda context: _Suppliers(context).drafts)


def _sector(written: Named | str | int | None) -> tuple[str, str]:
    """The key of a sector, and its name."""
    if isinstance(written, Named):
        return written.slug or written.name or "", written.name or ""
    return text_of(written), ""


def _place(place: Location | str | int, *path: str | int) -> str:
    if not isinstance(place, Location) or place.kind not in _PLACES or not place.insee_code:
        raise InvalidContent((Problem(pointer(*path), "unknown_value", _NO_PLACE),))
    code = place.insee_code.removeprefix("R") if place.kind == "REGION" else place.insee_code
    return f"{_PLACES[place.kind]}:{code}"


def _region_of(departement: str, territories: Territories) -> str:
    """The region's code; the departement's where it has none or is unknown, which is then found to be wrong."""
    try:
        parents = territories.parents(territories.area(departement))
    except UnknownTerritory:
        return departement
    return next((area.id for area in parents if area.kind == "region"), departement)


def _description(siae: Siae) -> str | None:
    """The supplier's text, with its offers, its networks and its clients."""
    texts = [siae.description or ""]
    texts += (
        offer if isinstance(offer, str) else f"{offer.name or ''} : {offer.description or ''}".strip(" :")
        for offer in siae.offers or ()
    )
    for title, named in (("Réseaux", siae.networks), ("Références", siae.client_references)):
        if names := _names(named):
            texts.append(f"{title} : {', '.join(names)}.")
    return "\n\n".join(text.strip() for text in texts if text.strip()) or None


def _names(*lists: list[Named | str] | None) -> list[str]:
    named = (item for listed in lists for item in listed or ())
    names = ((item.name or item.slug or "") if isinstance(item, Named) else item for item in named)
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _known(value: Scalar) -> str | None:
    return text_of(value) or None


@cache
def sectors() -> dict[str, tuple[str, ...]]:
    """The segments and families that each sector stands for, by its slug; () for one that stands for none."""
    text = (files("domain") / "data" / "lemarche_sectors.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["sectors"], dict[str, tuple[str, ...]])
