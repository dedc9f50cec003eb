"""The vertices that a record draws are counted once for each area, and a source has a budget of them."""

import pytest

from domain.errors import Conflict
from domain.reference.geojson import MultiPolygon, Polygon
from domain.suppliers.drawn_areas import drawn_vertices, require_vertices_left
from domain.suppliers.supplier import Offer, ServiceArea, SupplierRecord
from tests.factories import REDON, RENNES, ring, spiked, square


def record(*areas: ServiceArea | None) -> SupplierRecord:
    return SupplierRecord(
        "Jardin", offers=tuple(Offer(segments=("ev-entretien",), service_area=each) for each in areas)
    )


def test_each_area_counts_once_with_all_its_rings_and_the_smallest_for_what_it_takes() -> None:
    holed = Polygon(coordinates=(spiked(50), ring(REDON, 0.1)[::-1]))
    both = MultiPolygon(coordinates=((spiked(40),), (ring(RENNES, 0.1),)))
    drawn = [ServiceArea(geometry=each) for each in (holed, both, square(REDON, 0.2), holed)]
    assert drawn_vertices(record(None, ServiceArea(radius_km=30), *drawn)) == 55 + 45 + 32
    assert drawn_vertices(record(None, ServiceArea(codes=("departement:56",)))) == 0


@pytest.mark.parametrize(("before", "after"), [(0, 100), (99, 100), (500, 500), (500, 499)])
def test_what_fits_or_does_not_grow_is_taken(before: int, after: int) -> None:
    require_vertices_left(before, after, 100)


@pytest.mark.parametrize("before", [0, 100, 122])
def test_a_refusal_says_how_many_are_over_and_what_helps(before: int) -> None:
    with pytest.raises(
        Conflict, match=r"123 vertices.* 23 more than the 100 allowed.*VIVIER_SOURCE_VERTICES"
    ) as refused:
        require_vertices_left(before, 123, 100)
    assert refused.value.code == "too_many_vertices"
    assert "123 sommets" in refused.value.detail.fr
    assert "23 de plus" in refused.value.detail.fr
