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


def find_placements(records: Sequence[SupplierRecord], geography: Geography) -> list[Placement]:
    """The `Placement` of each record: its own point, else an interior point of its commune, else none.

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
    placements = []
    for position, record in enumerate(records):
        own = stated[position]
        if record.location is not None:
            holder = communes_at[position]
            flags = _location_flags(record, record.location, own, holder, away.get(position), geography)
            held_by = holder if own is None else own
            code = communes[held_by].code if held_by >= 0 else None
            placements.append(Placement(record.location, code, tuple(flags)))
        elif own is None:
            placements.append(Placement(None, None, (Flag("no_place", _place_not_found(record, geography)),)))
        else:
            lat, lon, code = communes[own].lat, communes[own].lon, communes[own].code
            inside = None if lat is None or lon is None else Point(lat, lon)
            placements.append(Placement(inside, code, (Flag("placed_at_commune", code),) if inside else ()))
    return placements


def _place_not_found(record: SupplierRecord, geography: Geography) -> str:
    """The postal code and city of a record that name no commune, and those of the code: “35000 Rennnes (Rennes ?)”."""
    code, city = (record.address.postal_code, record.address.city) if record.address else (None, None)
    served = geography.territories.communes_with_postal_code(code or "")[:3]
    perhaps = ", ".join(geography.territories.communes[each].name for each in served)
    said = " ".join(filter(None, (code, city)))
    return (f"{said} ({perhaps} ?)" if perhaps else said) or "neither a point nor a commune"


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


def _location_flags(
    record: SupplierRecord, point: Point, stated: int | None, holder: int, away_km: float | None, geography: Geography
) -> list[Flag]:
    """Flags on a record's point, given the commune that the address states and the one holding the point (-1: none).

    `away_km`: kilometres from the point to the stated commune, where that has an outline.
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
        return _flag_if_far(nearest, f"postal code {postal_code}")
    commune = communes[stated]
    if away_km is None:  # without an outline, only what lies in another commune is elsewhere for certain
        detail = f"in {communes[holder].code} {communes[holder].name}, not {commune.code} {commune.name}"
        return [Flag("point_far_from_commune", detail)] if holder >= 0 else []
    return _flag_if_far(away_km, f"{commune.code} {commune.name}")


def _flag_if_far(away_km: float, ground: str) -> list[Flag]:
    return [Flag("point_far_from_commune", f"{away_km:.1f} km from {ground}")] if away_km > TOLERANCE_KM else []


def _degrees(points: Iterable[Point]) -> tuple[Floats, Floats]:
    """The latitudes and longitudes of points."""
    degrees = np.array([(point.lat, point.lon) for point in points], dtype=np.float64).reshape(-1, 2)
    return degrees[:, 0], degrees[:, 1]
