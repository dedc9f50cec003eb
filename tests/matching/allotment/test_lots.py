"""Territories are divided into departements or EPCIs, whole or as far as they have them."""

import pytest

from domain.needs.need import TerritoryRequest
from matching.allotment.lots import Areas, area_codes
from tests.factories import REDON, around, codes, reference

TERRITORIES = reference().territories


def communes(of: tuple[str, ...]) -> set[int]:
    return {ordinal for code in of for ordinal in TERRITORIES.area(code).communes}


def test_a_region_is_its_departements() -> None:
    assert area_codes(("region:53",), "departement", TERRITORIES) == [
        ("departement:22",),
        ("departement:29",),
        ("departement:35",),
        ("departement:56",),
    ]


@pytest.mark.parametrize("code", ["departement:56", "departement:29", "epci:243500741", "region:53", "nuts:FRH0"])
@pytest.mark.parametrize("kind", ["departement", "epci"])
def test_areas_make_up_the_territory(code: str, kind: str) -> None:
    """Each commune is in one area: of an EPCI that goes beyond, those inside; those without one are together."""
    parts = area_codes((code,), kind, TERRITORIES) or [(code,)]  # type: ignore[arg-type]
    inside = [communes(part) for part in parts]
    assert set().union(*inside) == communes((code,))
    assert sum(map(len, inside)) == len(communes((code,)))
    assert kind == "departement" or len(parts) > 1 or code.startswith("epci")


def test_what_has_one_area_is_not_divided() -> None:
    assert area_codes(("departement:56",), "departement", TERRITORIES) == []
    assert area_codes(("commune:56178",), "epci", TERRITORIES) == []


def numbered(*requests: TerritoryRequest, kind: str | None = "departement") -> tuple[Areas, list[tuple[int, ...]]]:
    geography = reference().geography
    areas = Areas(geography, kind)  # type: ignore[arg-type]
    return areas, [areas.numbers(request, geography.territory(request)) for request in requests]


def test_areas_that_are_said_alike_are_the_same() -> None:
    areas, (bretagne, morbihan) = numbered(codes("region:53"), codes("departement:56"))
    assert set(morbihan) < set(bretagne)
    assert areas.request(bretagne) == codes("region:53")
    assert areas.request(bretagne[:2]) == codes("departement:22", "departement:29")
    assert len(areas.territories()) == 4


def test_a_radius_is_one_area_and_is_not_united() -> None:
    areas, (near, morbihan) = numbered(around(REDON, 30), codes("departement:56"))
    assert len(near) == 1
    assert areas.request(near) == around(REDON, 30)
    assert (areas.may_unite(near + morbihan), areas.may_unite(morbihan)) == (False, True)


def test_without_an_axis_territories_stay_whole() -> None:
    areas, ((one,), (other,)) = numbered(codes("region:53"), codes("departement:56"), kind=None)
    assert areas.request((one, other)) == codes("region:53", "departement:56")
