"""The outline, bounds and middle of an area, as clients draw them."""

from functools import lru_cache
from typing import NamedTuple

import shapely

from domain.reference.territory import Area
from matching.geo.territory import Geography

DIGITS = 5
"""Decimals of a degree that the outlines have (about a metre)."""
CACHED_OUTLINES = 256


class AreaOutline(NamedTuple):
    """An area in degrees: `bbox` west, south, east, north; `centroid` longitude, latitude; `geometry` as GeoJSON."""

    bbox: tuple[float, float, float, float]
    centroid: tuple[float, float]
    geometry: bytes


class AreaOutlines:
    """Draws areas; the latest are cached."""

    def __init__(self, geography: Geography) -> None:
        self._geography = geography
        self._of_id = lru_cache(CACHED_OUTLINES)(self._draw)

    def of(self, area: Area) -> AreaOutline | None:
        """The outline of an area; None where none is known (overseas collectivities)."""
        return self._of_id(area.id)

    def _draw(self, area_id: str) -> AreaOutline | None:
        area = self._geography.territories.area(area_id)
        pieces = self._geography.outlines_of(area)
        if not len(pieces):
            return None
        whole = pieces[0] if len(pieces) == 1 else shapely.union_all(pieces)
        west, south, east, north = (round(float(bound), DIGITS) for bound in whole.bounds)
        middle = whole.centroid
        centroid = (round(middle.x, DIGITS), round(middle.y, DIGITS))
        return AreaOutline((west, south, east, north), centroid, shapely.to_geojson(whole).encode())
