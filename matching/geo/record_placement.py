"""Places suppliers' records on the ground, and flags what is doubtful about a record's point or address."""

from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from domain.suppliers.supplier import Flag, Placement, Point, SupplierRecord
from matching.geo.projection import Floats, Geometries
from matching.geo.shape import GEODESIC, METRES
from matching.geo.territory import Geography

TOLERANCE_KM = 1.0
"""The distance outside its commune's outline at which a point is flagged: outlines are drawn to some 10 m, and
harbours and river banks lie outside them."""
SHORE_DEGREES = 0.02
"""The distance off any outline at which a point is still in France (some 2 km)."""


def place(records: Sequence[SupplierRecord], geography: Geography) -> list[Placement]:
    """The place of each record: its own point, else an interior point of its commune, else nowhere known.

    The commune is the address's (its successor where that code is retired), else the one that holds the point. What
    is doubtful is flagged, never refused: a point far from its commune, a point on no French ground, no place at all.
    """
    points = {position: record.location for position, record in enumerate(records) if record.location is not None}
    holders = geography.commune_at(*_degrees(points.values())).tolist()
    communes_at = dict(zip(points, holders, strict=True))
    # the commune that each address states
    given = [record.address.commune if record.address else None for record in records]
    stated = [geography.territories.commune_ordinal(code) if code else None for code in given]
    communes = geography.territories.communes
    elsewhere = {
        position: commune
        for position, commune in enumerate(stated)
        if position in points
        and commune is not None
        and commune != communes_at[position]
        and communes[commune].lat is not None
    }
    # all are measured at once: a shape of its own for each commune would cost more than all the rest of its record
    outlines = geography.outlines[list(elsewhere.values())]
    away = dict(zip(elsewhere, _kilometres([points[each] for each in elsewhere], outlines), strict=True))
    return [
        _place(record, stated[position], communes_at.get(position), away.get(position), geography)
        for position, record in enumerate(records)
    ]


def _place(
    record: SupplierRecord, stated: int | None, holder: int | None, away: float | None, geography: Geography
) -> Placement:
    """The place of a record. `stated`: the commune of its address; `holder`: the one that holds its point (-1: none);
    `away`: kilometres from the point to the stated commune, where another one holds it."""
    communes = geography.territories.communes
    if record.location is not None and holder is not None:
        commune = stated if stated is not None else holder
        flags = tuple(_doubts(record, record.location, stated, holder, away, geography))
        return Placement(record.location, communes[commune].code if commune >= 0 else None, flags)
    if stated is None:
        return Placement(None, None, (Flag("no_place", "neither a point nor a commune"),))
    commune_of = communes[stated]
    if commune_of.lat is None or commune_of.lon is None:
        return Placement(None, commune_of.code, ())
    inside = Point(commune_of.lat, commune_of.lon)
    return Placement(inside, commune_of.code, (Flag("placed_at_commune", commune_of.code),))


def _kilometres(points: Sequence[Point], outlines: Geometries) -> list[float]:
    """The kilometres from each point to its own outline, 0 inside.

    That one is looked for where degrees of longitude are made as long as degrees of latitude, and is measured to on the
    ellipsoid.
    """
    lat, lon = _degrees(points)
    shrunk = np.cos(np.radians(lat))
    corners, outline = shapely.get_coordinates(outlines, return_index=True)
    corners[:, 0] *= shrunk[outline]
    local = shapely.set_coordinates(outlines.copy(), corners)
    ways = shapely.get_coordinates(shapely.shortest_line(shapely.points(lon * shrunk, lat), local)).reshape(-1, 2, 2)
    _, _, metres = GEODESIC.inv(lon, lat, ways[:, 1, 0] / shrunk, ways[:, 1, 1])
    return [round(float(one) / 1_000, METRES) for one in metres]


def _doubts(
    record: SupplierRecord, point: Point, stated: int | None, holder: int, away: float | None, geography: Geography
) -> list[Flag]:
    """Flags on a point, given the commune that its address states and the one that holds it (-1: none).

    `away`: kilometres from the point to the stated commune, where that has an outline.
    """
    communes = geography.territories.communes
    if stated == holder:
        return []
    if stated is None:
        at = shapely.Point(point.lon, point.lat)
        if holder < 0 and not len(geography.tree.query(at, "dwithin", SHORE_DEGREES)):
            return [Flag("outside_france", f"{point.lat}, {point.lon}")]
        # a postal code that serves no commune says nothing
        postal_code = record.address.postal_code if record.address else None
        served = geography.territories.communes_with_postal_code(postal_code) if postal_code else ()
        if not served or holder in served or any(communes[ordinal].lat is None for ordinal in served):
            return []
        nearest = min(_kilometres([point] * len(served), geography.outlines[list(served)]))
        return _far_flags(nearest, f"postal code {postal_code}")
    commune = communes[stated]
    if away is None:  # without an outline, only what lies in another commune is elsewhere for certain
        detail = f"in {communes[holder].code} {communes[holder].name}, not {commune.code} {commune.name}"
        return [Flag("point_far_from_commune", detail)] if holder >= 0 else []
    return _far_flags(away, f"{commune.code} {commune.name}")


def _far_flags(away_km: float, ground: str) -> list[Flag]:
    return [Flag("point_far_from_commune", f"{away_km:.1f} km from {ground}")] if away_km > TOLERANCE_KM else []


def _degrees(points: Iterable[Point]) -> tuple[Floats, Floats]:
    """The latitudes and longitudes of points."""
    degrees = np.array([(point.lat, point.lon) for point in points], dtype=np.float64).reshape(-1, 2)
    return degrees[:, 0], degrees[:, 1]
