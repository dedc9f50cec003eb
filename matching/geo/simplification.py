"""Outlines with fewer vertices: what is drawn too finely costs memory and time, and says no more."""

import shapely

TOLERANCE_DEGREES = 0.00022
"""At most 25 m on the ground, half of what the contract leaves free."""
SMALL = 500
"""Outlines of no more vertices are left as they were drawn."""
WORTHWHILE = 0.8
"""The part of the vertices that may be left: what was simplified once stays as it is."""


def simplified(region: shapely.Geometry) -> shapely.Geometry:
    """A valid polygon or multipolygon in degrees, whose outline is nowhere farther than 25 m from the given one.

    A region of few vertices, or one that does not get much fewer by it, is given back as it is.
    """
    before = shapely.get_num_coordinates(region)
    if before <= SMALL:
        return region
    fewer = shapely.simplify(region, TOLERANCE_DEGREES, preserve_topology=True)
    if shapely.get_num_coordinates(fewer) > WORTHWHILE * before or not shapely.is_valid(fewer):
        return region
    return fewer
