"""The GeoJSON geometries (RFC 7946) that clients may send: longitude first, WGS 84."""

from typing import Annotated

import msgspec

Position = Annotated[tuple[float, ...], msgspec.Meta(min_length=2, max_length=3, description="[longitude, latitude]")]
Ring = Annotated[
    tuple[Position, ...], msgspec.Meta(min_length=4, description="Closed: the last position repeats the first.")
]
Rings = Annotated[tuple[Ring, ...], msgspec.Meta(min_length=1, description="The outer ring, then its holes.")]


class Polygon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="Polygon"):
    """GeoJSON Polygon."""

    coordinates: Rings
    """Rings of positions, longitude first: the outer one, then holes"""
    bbox: tuple[float, ...] | None = None
    """Accepted and not read"""


class MultiPolygon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="MultiPolygon"):
    """GeoJSON MultiPolygon."""

    coordinates: Annotated[tuple[Rings, ...], msgspec.Meta(min_length=1)]
    """Polygons, each as rings of positions, longitude first"""
    bbox: tuple[float, ...] | None = None
    """Accepted and not read"""


Geometry = Polygon | MultiPolygon


def polygons(geometry: Geometry) -> tuple[Rings, ...]:
    """The polygons of a geometry, each as its rings."""
    return (geometry.coordinates,) if isinstance(geometry, Polygon) else geometry.coordinates


def vertices(geometry: Geometry) -> int:
    """The number of positions of all rings of a geometry."""
    return sum(len(ring) for rings in polygons(geometry) for ring in rings)
