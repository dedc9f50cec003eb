"""Made-up places inside real outlines, for generated pools."""

from random import Random
from typing import Any

import shapely

_TRIES = 60


class Scatter:
    """Draws points inside outlines given in longitude and latitude; None stands for a place without outline."""

    def __init__(self, outlines: Any) -> None:
        self._outlines = outlines
        self._bounds = shapely.bounds(outlines).tolist()

    def point(self, ordinal: int, draw: Random) -> tuple[float, float]:
        """Latitude and longitude of a point inside the outline number `ordinal`, to a tenth of a metre.

        Raises ValueError where there is no outline.
        """
        outline = self._outlines[ordinal]
        if outline is None:
            raise ValueError(f"no outline for number {ordinal}")
        west, south, east, north = self._bounds[ordinal]
        for _ in range(_TRIES):
            lon, lat = round(draw.uniform(west, east), 6), round(draw.uniform(south, north), 6)
            if shapely.contains_xy(outline, lon, lat):
                return lat, lon
        inside = shapely.point_on_surface(outline)
        return round(inside.y, 6), round(inside.x, 6)
