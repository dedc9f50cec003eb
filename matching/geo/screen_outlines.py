"""Outlines for maps on a screen: those that come with the product, thinned together, so that neighbours stay so."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import shapely

from domain.reference.territory import Area, Territories
from matching.geo.projection import Geometries
from matching.geo.territory import Geography

Drawn = Literal["departement", "epci", "commune"]

TOLERANCES: dict[Drawn, float] = {"departement": 0.04, "epci": 0.008, "commune": 0.006}
"""Degrees by which an outline is thinned: the side of the triangles that are cut off (0.01: a kilometre)."""
WIDE_DEGREES = 1.5
DECIMALS = 3


def areas_within(area: Area, kind: Drawn, territories: Territories) -> Iterator[Area]:
    """The areas of a kind that lie in an area, or share communes with it."""
    if kind == "commune":
        communes = territories.areas("commune")
        return (communes[ordinal] for ordinal in area.communes)
    inside = {*area.communes}
    return (each for each in territories.areas(kind) if not inside.isdisjoint(each.communes))


def outlines_within(geography: Geography, area: Area, kind: Drawn) -> Iterator[tuple[Area, str]]:
    """The areas of a kind in an area, each with its outline as GeoJSON; those without one are left out."""
    return _drawn(geography, areas_within(area, kind, geography.territories), TOLERANCES[kind])


def outline_of(geography: Geography, area: Area) -> Iterator[tuple[Area, str]]:
    """The area with its own outline as GeoJSON, finer for a small one; nothing where none is known."""
    whole = _whole(geography, area)
    if whole is None:
        return iter(())
    west, south, east, north = whole.bounds
    share = max(east - west, north - south) / WIDE_DEGREES
    return _drawn(geography, (area,), min(1.0, share) * TOLERANCES["departement"])


def _drawn(geography: Geography, areas: Iterable[Area], tolerance: float) -> Iterator[tuple[Area, str]]:
    known = [(area, whole) for area in areas if (whole := _whole(geography, area)) is not None]
    thinned = _thinned([whole for _, whole in known], tolerance)
    for (area, _), outline in zip(known, thinned, strict=True):
        yield area, shapely.to_geojson(outline)


def _thinned(outlines: Sequence[shapely.Geometry], tolerance: float) -> Geometries:
    fewer = shapely.coverage_simplify(outlines, tolerance)
    return shapely.set_precision(fewer, 10.0**-DECIMALS, mode="pointwise")


def _whole(geography: Geography, area: Area) -> shapely.Geometry | None:
    pieces = geography.outlines_of(area)
    if len(pieces) < 2:
        return pieces[0] if len(pieces) else None
    return shapely.union_all(pieces)
