"""The outline, bounds and middle of an area, as clients draw them."""

from collections import OrderedDict
from typing import NamedTuple

import shapely

from domain.reference.territory import Area
from matching.geo.territory import Geography

DIGITS = 5
"""Decimals of a degree that the outlines have (about a metre)."""
PORTRAITS_KEPT = 256


class Portrait(NamedTuple):
    """An area in degrees: `bbox` west, south, east, north; `centroid` longitude, latitude; `outline` as GeoJSON."""

    bbox: tuple[float, float, float, float]
    centroid: tuple[float, float]
    outline: bytes


class Portraits:
    """Draws areas; those asked for lately are kept."""

    def __init__(self, geography: Geography) -> None:
        self._geography = geography
        self._kept: OrderedDict[str, Portrait | None] = OrderedDict()

    def of(self, area: Area) -> Portrait | None:
        """The portrait of an area; None where no outline is known (overseas collectivities)."""
        if area.id in self._kept:
            self._kept.move_to_end(area.id)
        else:
            self._kept[area.id] = self._draw(area)
            if len(self._kept) > PORTRAITS_KEPT:
                self._kept.popitem(last=False)
        return self._kept[area.id]

    def _draw(self, area: Area) -> Portrait | None:
        pieces = self._geography.outlines_of(area)
        if not len(pieces):
            return None
        whole = pieces[0] if len(pieces) == 1 else shapely.union_all(pieces)
        west, south, east, north = (round(float(bound), DIGITS) for bound in whole.bounds)
        middle = whole.centroid
        centroid = (round(middle.x, DIGITS), round(middle.y, DIGITS))
        return Portrait((west, south, east, north), centroid, shapely.to_geojson(whole).encode())
