"""Outlines lie where the communes are, cover France without gaps, and fit each other."""

import csv
import hashlib
import json
import lzma
from pathlib import Path

import numpy as np
import pytest
import shapely

from domain.reference.territory import DATA, load
from matching.geo.territory import FILES, Outlined, decode, outlines

KM2_PER_DEGREE2 = 111.2**2


@pytest.mark.parametrize("kind", list(FILES))
def test_every_area_has_a_valid_outline_but_the_overseas_collectivities(kind: Outlined) -> None:
    areas, shapes = load().areas(kind), outlines(kind)
    assert len(areas) == len(shapes)
    assert bool(shapely.is_valid(shapes[shapely.is_geometry(shapes)]).all())
    missing = {area.code[:3] for area, shape in zip(areas, shapes, strict=True) if shape is None}
    collectivities = {"975", "977", "978", "984", "986", "987", "988", "989"}
    assert missing == (collectivities if kind in ("commune", "departement") else set())


def test_outlines_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        outlines("region")[0] = None


def test_every_commune_with_an_outline_has_its_point_inside() -> None:
    communes, shapes = load().communes, outlines("commune")
    for commune, shape in zip(communes, shapes, strict=True):
        assert (commune.lat is None) == (commune.lon is None) == (shape is None)
    located = [(shape, c.lon, c.lat) for c, shape in zip(communes, shapes, strict=True) if shape is not None]
    inside = shapely.contains_xy(*(np.array(column) for column in zip(*located, strict=True)))
    assert bool(inside.all())


def test_centres_from_elsewhere_lie_in_or_near_the_outlines(shared_data: Path) -> None:
    """API Géo's centres: nearly all inside, the others within 2 km (coasts and islands, drawn coarsely).

    Of communes that others absorbed too, among them 22241, 22237, 22147 and others that the source draws as their
    chef-lieu only.
    """
    territories, shapes = load(), outlines("commune")
    with (shared_data / "geo" / "communes_geoapi_centres.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if not row["insee"].startswith(("98", "975", "977", "978"))]
    found = [territories.commune_ordinal(row["insee"]) for row in rows]
    assert None not in found
    centres = shapely.points([(float(row["lon"]), float(row["lat"])) for row in rows])
    degrees = shapely.distance(shapes[np.array(found)], centres)
    assert (degrees == 0).mean() > 0.98
    assert (degrees < 0.02).mean() > 0.9999
    current = [territories.communes[ordinal or 0].code for ordinal in found]
    absorbed = np.array([code != row["insee"] for code, row in zip(current, rows, strict=True)])
    assert absorbed.sum() > 100
    assert degrees[absorbed].max() < 0.01


@pytest.mark.parametrize("kind", ["epci", "departement", "region"])
def test_an_area_is_as_large_as_its_communes_together(kind: Outlined) -> None:
    sizes = np.nan_to_num(shapely.area(outlines("commune")))
    for area, shape in zip(load().areas(kind), outlines(kind), strict=True):
        together = sizes[list(area.communes)].sum()
        assert (0.0 if shape is None else shape.area) == pytest.approx(together, rel=1e-4)


def test_communes_do_not_overlap() -> None:
    """No two communes of Bretagne and Paris's surroundings share more than 1 hectare (some 1e-6 square degrees)."""
    territories, shapes = load(), outlines("commune")
    sample = shapes[[*territories.area("region:53").communes, *territories.area("region:11").communes]]
    first, second = shapely.STRtree(sample).query(sample, predicate="intersects")
    pairs = first < second
    shared = shapely.area(shapely.intersection(sample[first[pairs]], sample[second[pairs]]))
    assert len(shared) > 5_000
    assert shared.max() < 1e-6


def test_the_mainland_has_no_hole_but_llivia() -> None:
    """Merged communes that the source forgets would show as holes."""
    france = shapely.union_all(outlines("region"))
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(france) for ring in part.interiors]
    (enclave,) = [hole for hole in holes if hole.area * KM2_PER_DEGREE2 > 1]
    assert enclave.contains(shapely.Point(1.98, 42.465))


def test_decoding_gives_back_what_was_written() -> None:
    """Two areas and a gap: a square with a hole and an islet, nothing, a triangle."""
    numbers = [3, 3, 4, 18]  # areas, polygons, rings, vertices
    numbers += [2, 0, 1, 2, 1, 1, 5, 5, 4, 4]  # polygons of each, rings of each, vertices of each
    rings = [
        [(0, 0), (9, 0), (9, 9), (0, 9), (0, 0)],
        [(2, 2), (2, 4), (4, 4), (4, 2), (2, 2)],
        [(20, 0), (21, 0), (20, 1), (20, 0)],
        [(-5, -5), (-4, -5), (-5, -4), (-5, -5)],
    ]
    vertices = np.array([vertex for ring in rings for vertex in ring])
    steps = np.diff(vertices, axis=0, prepend=[[0, 0]])
    packed = np.concatenate([numbers, steps[:, 0], steps[:, 1]]).astype("<i4").tobytes()
    square, nothing, triangle = decode(packed)
    assert nothing is None
    assert triangle.equals(_degrees([[rings[3]]]))
    assert square.equals(_degrees([rings[:2], [rings[2]]]))


def _degrees(polygons: list[list[list[tuple[int, int]]]]) -> shapely.MultiPolygon:
    units = shapely.MultiPolygon([(polygon[0], polygon[1:]) for polygon in polygons])
    return shapely.transform(units, lambda xy: xy / 100_000)


def test_the_territories_know_which_outlines_they_came_with() -> None:
    """The version of the territories must change when an outline does: its digest is in the table of communes."""
    digest = hashlib.sha256(b"".join((DATA / name).read_bytes() for name in FILES.values())).hexdigest()
    table = json.loads(lzma.decompress((DATA / "communes.json.xz").read_bytes()))
    assert table["outlines"] == digest
