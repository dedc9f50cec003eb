"""Geometries that clients draw, checked before anything is measured with them, and outlines with fewer vertices.

What is drawn too finely costs memory and time, and says no more.
"""

import shapely

from domain.errors import InvalidContent, Problem, pointer
from domain.reference.territory import Geometry, MultiPolygon, Polygon, polygons, vertices
from domain.text.bilingual import said_by

_SAID = said_by(__name__)

MAX_VERTICES = 10_000
MAX_AREA_VERTICES = 5_000
"""Of a service area once it is simplified: those of the region with the longest coast."""
MOST_JAGGED = 100.0
"""Times that the outline of a service area is as long as the rectangle around it; of regions at most 2.5. What turns to
and fro without end takes long to hold against communes and needs, each time the suppliers are loaded."""


def checked_geometry(geometry: Geometry, *at: str | int) -> shapely.Geometry:
    """The geometry a client drew, checked: closed rings, valid, of few enough vertices. Raises InvalidContent."""
    parts = polygons(geometry)
    require_few_vertices(geometry, *at)
    coordinates = pointer(*at, "coordinates")
    for rings in parts:
        for ring in rings:
            if ring[0] != ring[-1]:
                raise InvalidContent((Problem(coordinates, "ring_not_closed", _SAID["not_closed"]),))
            if any(abs(position[0]) > 180 or abs(position[1]) > 90 for position in ring):
                raise InvalidContent((Problem(coordinates, "out_of_range", _SAID["out_of_range"]),))
    shapes = [
        shapely.Polygon([p[:2] for p in rings[0]], [[p[:2] for p in hole] for hole in rings[1:]]) for rings in parts
    ]
    shape = shapes[0] if len(shapes) == 1 else shapely.MultiPolygon(shapes)
    if not shapely.is_valid(shape) or shapely.area(shape) == 0:
        reason = shapely.is_valid_reason(shape)
        detail = _SAID["invalid_geometry"].filled(reason=reason)
        raise InvalidContent((Problem(coordinates, "invalid_geometry", detail),))
    return shape


def area_to_store(geometry: Geometry, *at: str | int) -> Geometry:
    """The geometry of a service area as it is stored: as given, or simplified.

    Raises InvalidContent, also for too many vertices, or an outline that turns to and fro too much.

    Unlike a territory, that one need is about, it stays, and every need nearby is held against it.
    """
    drawn = checked_geometry(geometry, *at)
    fewer = simplified(drawn)
    left = int(shapely.get_num_coordinates(fewer))
    if left > MAX_AREA_VERTICES:
        detail = _SAID["too_many_vertices_left"].filled(left=left, max_area_vertices=MAX_AREA_VERTICES)
        raise InvalidContent((Problem(pointer(*at), "too_many_vertices", detail),))
    if shapely.length(fewer) > MOST_JAGGED * shapely.length(shapely.envelope(fewer)):
        raise InvalidContent((Problem(pointer(*at), "too_jagged", TOO_JAGGED),))
    if fewer is drawn:
        return geometry
    parts = tuple(
        tuple(tuple(map(tuple, shapely.get_coordinates(ring).tolist())) for ring in shapely.get_rings(part))
        for part in shapely.get_parts(fewer)
    )
    return Polygon(coordinates=parts[0]) if len(parts) == 1 else MultiPolygon(coordinates=parts)


def require_few_vertices(geometry: Geometry, *at: str | int) -> None:
    """Raise InvalidContent where a geometry has too many vertices, found by counting them alone."""
    count = vertices(geometry)
    if count > MAX_VERTICES:
        detail = _SAID["too_many_vertices_given"].filled(count=count, max_vertices=MAX_VERTICES)
        raise InvalidContent((Problem(pointer(*at), "too_many_vertices", detail),))


TOO_JAGGED = _SAID["too_jagged"].filled(most_jagged=f"{MOST_JAGGED:.0f}")


TOLERANCE_DEGREES = 0.00022
"""At most 25 m on the ground, half of what the contract leaves free."""
SMALL = 500
"""Outlines of no more vertices are left as they were drawn."""
WORTHWHILE = 0.8
"""The part of the vertices that may be left: what was simplified once stays as it is."""


def simplified(region: shapely.Geometry) -> shapely.Geometry:
    """The region in degrees with fewer vertices: a valid outline, nowhere farther than 25 m from the given one.

    A region of few vertices, or one that does not get much fewer by it, is given back as it is.
    """
    before = shapely.get_num_coordinates(region)
    if before <= SMALL:
        return region
    fewer = shapely.simplify(region, TOLERANCE_DEGREES, preserve_topology=True)
    if shapely.get_num_coordinates(fewer) > WORTHWHILE * before or not shapely.is_valid(fewer):
        return region
    return fewer
