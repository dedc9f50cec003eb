"""Pages of the site itself: the accessibility statement, the site map, stylesheets and scripts, the ground of maps."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import get_args

import msgspec
from litestar import Response

from api.desk.frame.layout import MEDIA_TYPES, asset_path, assets
from api.desk.frame.page import page
from api.desk.frame.sessions import client_of_session
from api.desk.frame.visit import Visit
from api.desk.frame.words import SAID
from api.web.content_negotiation import GEOJSON
from domain.errors import NotFound
from domain.reference.territory import Commune, UnknownTerritory
from domain.text.bilingual import Text
from matching.geo.map_frame import Drawn, outline_of, outlines_within
from matching.reference import Reference


@page("GET", "/accessibilite", scope=None)
async def show_accessibility(visit: Visit) -> Response[bytes]:
    """The statement, with the contact of the settings."""
    await _know(visit)
    return visit.page("accessibility.html", contact=visit.services.settings.contact)


@page("GET", "/plan", scope=None)
async def show_site_map(visit: Visit) -> Response[bytes]:
    """The pages that the visitor may open."""
    await _know(visit)
    return visit.page("site_map.html")


async def _know(visit: Visit) -> None:
    """Show the menu to whoever is signed in."""
    if visit.new_token is None:
        visit.client = await client_of_session(visit.services, visit.token, visit.call.scope)


YEAR = 365 * 86_400
MOST_TOWNS = 1_500
CACHED = 32
"""Answers that are remembered: some 60 kB each."""
OWN, TOWNS = "contour", "villes"
DRAWN: tuple[Drawn, ...] = get_args(Drawn)
WITHIN: dict[str, tuple[Drawn, ...]] = {"country": ("departement",), "departement": ("epci", "commune")}
"""The kinds of outlines that are drawn of an area, by its kind."""


class Feature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """One outline. `id`: of the territory, such as `commune:56178`."""

    id: str
    properties: dict[str, str]
    geometry: msgspec.Raw


class Outlines(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """Outlines as GeoJSON."""

    features: tuple[Feature, ...]


@page("GET", "/bureau/{digest}/{name}", scope=None)
async def get_asset(visit: Visit, digest: str, name: str) -> Response[bytes]:
    """A stylesheet or script; for a year, where its path is of today."""
    visit.new_token = None
    if name not in assets():
        raise NotFound(Text("Aucun fichier de ce nom", "No file of this name"))
    is_current = asset_path(name) == f"bureau/{digest}/{name}"
    caching = f"public, max-age={YEAR}, immutable" if is_current else "no-cache"
    headers = {"cache-control": caching, "vary": "accept-encoding"}
    return Response(assets()[name], media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)


@page("GET", "/contours/{version}/{code}/{kind}", scope="match")
async def get_outlines(visit: Visit, version: str, code: str, kind: str) -> Response[bytes]:
    """The outlines of a kind in an area, with `contour` its own, or the towns; for a year, where of today's version."""
    reference = visit.reference
    try:
        area = reference.territories.area(code)
    except UnknownTerritory as unknown:
        raise NotFound(unknown.detail) from None
    if kind not in (*WITHIN.get(area.kind, ()), OWN) and (area.kind, kind) != ("country", TOWNS):
        raise NotFound(SAID["no_outlines"])
    content = await visit.work_out(outlines_in, area.id, kind)
    is_current = version == reference.territories.version
    caching = f"private, max-age={YEAR}, immutable" if is_current else "no-store"
    headers = {"cache-control": caching, "vary": "cookie"}
    return Response(content, media_type=GEOJSON, headers=headers)


@lru_cache(CACHED)
def outlines_in(reference: Reference, code: str, kind: str) -> bytes:
    """The outlines of a kind in an area, as GeoJSON; with `contour` its own, with `villes` its largest communes."""
    if kind == TOWNS:
        return msgspec.json.encode(Outlines(tuple(_towns(reference.territories.communes))))
    area, geography = reference.territories.area(code), reference.geography
    drawn = next((each for each in DRAWN if each == kind), None)
    found = outline_of(geography, area) if drawn is None else outlines_within(geography, area, drawn)
    features = (Feature(each.id, {"name": each.label}, msgspec.Raw(outline.encode())) for each, outline in found)
    return msgspec.json.encode(Outlines(tuple(features)))


def _towns(communes: tuple[Commune, ...]) -> Iterator[Feature]:
    """The largest communes, the largest first, as points."""
    for commune in sorted(communes, key=lambda each: -each.population)[:MOST_TOWNS]:
        if commune.lat is not None and commune.lon is not None:
            at = {"type": "Point", "coordinates": (round(commune.lon, 3), round(commune.lat, 3))}
            yield Feature(f"commune:{commune.code}", {"name": commune.name}, msgspec.Raw(msgspec.json.encode(at)))


PAGES = (
    get_asset,
    show_accessibility,
    show_site_map,
    get_outlines,
)
