"""Formats of directories of inclusion structures: `emplois` and `le-marche` (JSON, NDJSON).

Format `emplois`: inclusion structures and their jobs, from the API of les emplois de l'inclusion.
A structure is a record, under its `id`, or SIRET and kind where an extract has none; `type` becomes an approval without
known dates, `enseigne` the trade name. Each of its `postes` with a ROME code, or a title, that names a trade is an
offer; what is not found so is inferred from the words of name and description, and from the kind. The commune is looked
up by postal code and city. Not read: telephones and e-mail addresses, which are those of persons, and conditions of
jobs.

Format `le-marche`: suppliers as the API of le marché de l'inclusion answers them.
Pages, lists and single suppliers, in the short form and the detailed one. `kind` becomes an approval without known
dates, `brand` the trade name. Sectors become declared offers by `domain/data/lemarche_sectors.toml`, or by the source's
mapping where it names the slug; one that stands for no segment is flagged. Where a supplier carries its `activities`
(the sector, `presta_type`, `geo_range`, `geo_range_custom_distance`, `locations`), its offers have their types of
service and their area. Without any declared offer they are inferred from the kind and the words of name and texts.
Not read: logos, the region and the QPV, which follow from the address, and the dates of the directory's own upkeep.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.reference.territory import UnknownTerritory
from domain.suppliers.supplier import PrestaType
from domain.text.bilingual import said_by
from sources.file_types.csv_cells import approval_kind
from sources.file_types.json_items import Draft, Scalar, make_readers, text_of
from sources.postal_addresses import PostalAddress, commune_names
from sources.rows import Context, Document, day_of, mapped_segments, unmapped_flag
from sources.trades.evidence_readers import Job, offers_of_jobs
from sources.trades.inference import OfferInference, without_segments
from sources.validation import whole_siret

LISTS = ("results",)

_ROME = re.compile(r"\b[A-N][0-9]{4}\b")


class JobPosting(msgspec.Struct, frozen=True):
    """A job that a structure offers; `rome` is its ROME code, alone or after the label."""

    rome: Scalar = None
    appellation_modifiee: Scalar = None
    mis_a_jour_le: Scalar = None
    cree_le: Scalar = None


class Structure(msgspec.Struct, frozen=True):
    """An inclusion structure with its jobs."""

    type: str
    id: Scalar = None
    raison_sociale: Scalar = None
    enseigne: Scalar = None
    siret: Scalar = None
    site_web: Scalar = None
    description: Scalar = None
    addresse_ligne_1: Scalar = None
    addresse_ligne_2: Scalar = None
    code_postal: Scalar = None
    ville: Scalar = None
    departement: Scalar = None
    postes: list[JobPosting] | None = None


def _drafts_of_structures(context: Context) -> Callable[[Structure], Iterator[Draft]]:
    """Return a function that makes the record of an inclusion structure."""
    communes = commune_names(context.territories)
    inference = OfferInference(context.taxonomy, context.source)

    def job(posting: JobPosting) -> Job:
        code = _ROME.search(text_of(posting.rome))
        updated = text_of(posting.mis_a_jour_le) or text_of(posting.cree_le)
        return Job(code[0] if code else "", text_of(posting.appellation_modifiee), day_of(updated))

    def drafts(structure: Structure) -> Iterator[Draft]:
        kind = approval_kind(structure.type.strip())
        name, sign = text_of(structure.raison_sociale), text_of(structure.enseigne)
        street = ", ".join(filter(None, map(text_of, (structure.addresse_ligne_1, structure.addresse_ligne_2))))
        postal_code, city = text_of(structure.code_postal), text_of(structure.ville)
        description, siret = text_of(structure.description), whole_siret(text_of(structure.siret))
        by_jobs = offers_of_jobs(context.taxonomy, context.source, map(job, structure.postes or ()), kind)
        known = {segment for offer in by_jobs for segment in offer.segments}
        inferred = inference.offers(kind, None, (name, sign, description), city)
        document: Document = {
            "name": name or sign,
            "trade_name": sign if sign and sign != name and name else None,
            "siret": siret or None,
            "approvals": [{"kind": kind}],
            "address": communes.document(PostalAddress(street, postal_code, city), text_of(structure.departement)),
            "offers": (*by_jobs, *without_segments(inferred, known)),
            "description": description or None,
            "contact": {"website": text_of(structure.site_web) or None},
        }
        # SIRET and kind together are one structure
        key = text_of(structure.id) or (f"{siret}/{structure.type.strip()}" if siret else None)
        yield Draft(key, document)

    return drafts


read_emplois_json, read_emplois_ndjson = make_readers(LISTS, Structure, _drafts_of_structures)


GeoRange = Literal["COUNTRY", "REGION", "DEPARTMENT", "CUSTOM", "ZONES", ""]

_PLACES = {"CITY": "commune", "DEPARTMENT": "departement", "REGION": "region"}
_NO_PLACE = said_by(__name__)["no_place"]


class NamedItem(msgspec.Struct, frozen=True):
    """The name and description of a sector, a network, a label, an offer or a client."""

    name: str | None = None
    slug: str | None = None
    description: str | None = None


class Location(msgspec.Struct, frozen=True):
    """A commune, a departement or a region (whose code follows an R) in which a supplier works."""

    kind: str | None = None
    insee_code: str | None = None


class Activity(msgspec.Struct, frozen=True):
    """A supplier's types of service and area in one sector; in a database dump, all of it is under `fields`."""

    sector: NamedItem | str | int | None = None
    presta_type: list[PrestaType] | None = None
    geo_range: GeoRange | None = None
    geo_range_custom_distance: float | None = None
    locations: list[Location | str | int] | None = None
    fields: "Activity | None" = None


class Siae(msgspec.Struct, frozen=True):
    """A supplier with the fields of the directory's answers, brief or detailed."""

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
    sectors: list[NamedItem | str] | None = None
    presta_types: list[PrestaType] | None = None
    presta_type: list[PrestaType] | None = None
    activities: list[Activity] | None = None
    networks: list[NamedItem | str] | None = None
    offers: list[NamedItem | str] | None = None
    client_references: list[NamedItem | str] | None = None
    labels: list[NamedItem | str] | None = None
    labels_old: list[NamedItem | str] | None = None


class _Suppliers:
    """Makes records of the directory's suppliers."""

    def __init__(self, context: Context) -> None:
        self._communes = commune_names(context.territories)
        self._inference = OfferInference(context.taxonomy, context.source)
        self._territories = context.territories
        self._mapping = context.mapping

    def drafts(self, siae: Siae) -> Iterator[Draft]:
        kind = approval_kind(siae.kind)
        works = tuple(self._sectors_and_offers(siae))
        declared = [
            offer | {"segments": segments}
            for sector, offer in works
            if (segments := self._segments_of(sector, offer["label"] or ""))
        ]
        address = PostalAddress(text_of(siae.address), text_of(siae.post_code), text_of(siae.city))
        position, description = {"lat": siae.latitude, "lon": siae.longitude}, _description(siae)
        # offers by the kind, and by words where nothing was declared
        texts = () if declared else (siae.name, siae.brand or "", description or "")
        document: Document = {
            "name": siae.name.strip(),
            "trade_name": text_of(siae.brand) or None,
            "siret": whole_siret(text_of(siae.siret)) or None,
            "approvals": [{"kind": kind}],
            "in_prison": True if kind == "SEP" else None,
            "address": self._communes.document(address, text_of(siae.department)),
            "location": {name: degrees for name, degrees in position.items() if degrees is not None} or None,
            "offers": [*declared, *self._inference.offers(kind, None, texts, siae.city or "")],
            "description": description,
            "contact": {
                "email": text_of(siae.contact_email) or None,
                "phone": text_of(siae.contact_phone) or None,
                "website": text_of(siae.contact_website) or text_of(siae.contact_social_website) or None,
            },
            "labels": _distinct_names(siae.labels, siae.labels_old),
            "active": siae.is_active is not False and not siae.is_delisted,
        }
        # the sectors that stand for no segment, unless the mapping says so
        unknown = (
            unmapped_flag(sector, name)
            for sector, name in dict.fromkeys((sector, offer["label"] or "") for sector, offer in works)
            if not self._segments_of(sector, name) and mapped_segments(self._mapping, sector, name) is None
        )
        yield Draft(text_of(siae.id) or None, document, tuple(unknown))

    def _segments_of(self, sector: str, name: str) -> Sequence[str]:
        """The segments of a sector, by the source's mapping or else by our own table; () where neither knows any."""
        mapped = mapped_segments(self._mapping, sector, name)
        return sectors().get(sector, ()) if mapped is None else mapped

    def _sectors_and_offers(self, siae: Siae) -> Iterator[tuple[str, Document]]:
        """Yield each sector of a supplier (slug, name or number) with an offer whose segments are still missing.

        Its activities come first; then its sectors that none of these is in, with its types of service.
        """
        seen = set()
        for position, written in enumerate(siae.activities or ()):
            activity = written.fields or written
            sector, name = _sector_key_and_name(activity.sector)
            seen.add(sector)
            types = tuple(dict.fromkeys(activity.presta_type or ()))
            area = self._service_area(activity, siae, position)
            yield sector, {"label": name or None, "presta_types": types, "service_area": area}
        for listed in siae.sectors or ():
            sector, name = _sector_key_and_name(listed)
            if sector not in seen:
                types = tuple(dict.fromkeys(siae.presta_types or siae.presta_type or ()))
                yield sector, {"label": name or None, "presta_types": types, "service_area": None}

    def _service_area(self, activity: Activity, siae: Siae, position: int) -> Document | None:
        """The service area of a supplier's activity at `position`; None where it tells none."""
        departement = f"departement:{text_of(siae.department)}"
        match activity.geo_range:
            case "COUNTRY":
                return {"national": True}
            case "CUSTOM" if activity.geo_range_custom_distance is not None:
                return {"radius_km": activity.geo_range_custom_distance}
            case "ZONES" if activity.locations:
                places = enumerate(activity.locations)
                return {"codes": [_area_code(place, "activities", position, "locations", at) for at, place in places]}
            case "DEPARTMENT":
                return {"codes": [departement]}
            case "REGION":
                try:
                    parents = self._territories.parents(self._territories.area(departement))
                except UnknownTerritory:  # which the check of the record then tells
                    parents = ()
                return {"codes": [next((area.id for area in parents if area.kind == "region"), departement)]}
        return None


read_le_marche_json, read_le_marche_ndjson = make_readers(LISTS, Siae, lambda context: _Suppliers(context).drafts)


def _sector_key_and_name(written: NamedItem | str | int | None) -> tuple[str, str]:
    """The slug (else the name or number) of a sector, and its name; "" for what is not given."""
    if isinstance(written, NamedItem):
        return written.slug or written.name or "", written.name or ""
    return text_of(written), ""


def _area_code(place: Location | str | int, *path: str | int) -> str:
    if not isinstance(place, Location) or place.kind not in _PLACES or not place.insee_code:
        raise InvalidContent((Problem(pointer(*path), "unknown_value", _NO_PLACE),))
    code = place.insee_code.removeprefix("R") if place.kind == "REGION" else place.insee_code
    return f"{_PLACES[place.kind]}:{code}"


def _description(siae: Siae) -> str | None:
    """The supplier's description, then its offers, networks and clients; None where there is no text."""
    texts = [siae.description or ""]
    texts += (
        offer if isinstance(offer, str) else f"{offer.name or ''} : {offer.description or ''}".strip(" :")
        for offer in siae.offers or ()
    )
    for title, named in (("Réseaux", siae.networks), ("Références", siae.client_references)):
        if names := _distinct_names(named):
            texts.append(f"{title} : {', '.join(names)}.")
    return "\n\n".join(text.strip() for text in texts if text.strip()) or None


def _distinct_names(*lists: list[NamedItem | str] | None) -> list[str]:
    named = (item for listed in lists for item in listed or ())
    names = ((item.name or item.slug or "") if isinstance(item, NamedItem) else item for item in named)
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


@cache
def sectors() -> dict[str, tuple[str, ...]]:
    """The segments and families that each sector stands for, by its slug; () where it stands for none."""
    content = (files("domain") / "data" / "lemarche_sectors.toml").read_bytes()
    return msgspec.toml.decode(content, type=dict[str, dict[str, tuple[str, ...]]])["sectors"]
