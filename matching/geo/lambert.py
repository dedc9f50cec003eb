"""Coordinates of the French registers: metres of each territory's official projection, as WGS 84 points."""

from functools import cache

from pyproj import Transformer

from domain.suppliers.supplier import Point

# RGF93 / Lambert-93 (EPSG:2154), and the UTM zones of RGAF09, RGFG95, RGR92, RGSPM06 and RGM04 (EPSG:5490, 2972, 2975,
# 4467, 4471). Written out: by number they would be looked up in a database file, which processes that are forked lose.
MAINLAND = "+proj=lcc +lat_0=46.5 +lon_0=3 +lat_1=49 +lat_2=44 +x_0=700000 +y_0=6600000"
_PROJECTIONS = {
    **dict.fromkeys(("971", "972", "977", "978"), "+proj=utm +zone=20"),
    "973": "+proj=utm +zone=22",
    "974": "+proj=utm +zone=40 +south",
    "975": "+proj=utm +zone=21",
    "976": "+proj=utm +zone=38 +south",
}


def register_point(x: float, y: float, departement: str) -> Point | None:
    """The point of metres in the departement's projection (Lambert-93 on the mainland); None for no place at all."""
    lon, lat = _transformer(_PROJECTIONS.get(departement, MAINLAND)).transform(x, y)
    return Point(round(lat, 6), round(lon, 6)) if abs(lat) <= 90 and abs(lon) <= 180 else None


@cache
def _transformer(projection: str) -> Transformer:
    return Transformer.from_pipeline(
        f"+proj=pipeline +step +inv {projection} +ellps=GRS80 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
