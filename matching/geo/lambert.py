"""Coordinates of the French registers: metres of each territory's official projection, as WGS 84 points."""

from functools import cache

from pyproj import Transformer

from domain.suppliers.supplier import Point

MAINLAND = 2154
# RGAF09 / UTM 20N, RGFG95 / UTM 22N, RGR92 / UTM 40S, RGSPM06 / UTM 21N, RGM04 / UTM 38S
_PROJECTIONS = {
    **dict.fromkeys(("971", "972", "977", "978"), 5490),
    "973": 2972,
    "974": 2975,
    "975": 4467,
    "976": 4471,
}


def register_point(x: float, y: float, departement: str) -> Point | None:
    """The point of metres in the departement's projection (Lambert-93 on the mainland); None for no place at all."""
    lon, lat = _transformer(_PROJECTIONS.get(departement, MAINLAND)).transform(x, y)
    return Point(round(lat, 6), round(lon, 6)) if abs(lat) <= 90 and abs(lon) <= 180 else None


@cache
def _transformer(epsg: int) -> Transformer:
    return Transformer.from_crs(epsg, 4326, always_xy=True)
