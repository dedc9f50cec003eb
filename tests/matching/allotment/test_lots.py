"""Territories are divided into departements or EPCIs, whole or as far as they have them."""

from typing import Any

import pytest

from domain.allotment.allotment import AllotmentNeed, AllotmentOptions, DivisibleLot, ProposedLot
from domain.needs.need import Buyer, TerritoryRequest
from domain.suppliers.supplier import Kind
from matching.allotment.allot import allot
from matching.allotment.lots import Areas, area_codes
from tests.factories import ON, REDON, approved, around, codes, live, reference, supplier

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


def proposed(kinds: tuple[Kind, ...], *, least: int = 3, reserve: bool = True, **fields: Any) -> ProposedLot:
    """The lot that is proposed for office cleaning, by suppliers with one approval each."""
    pool = live(*(supplier(f"{kind} {number}", approvals=approved(kind)) for number, kind in enumerate(kinds)))
    need = AllotmentNeed(
        lots=(DivisibleLot(id="1", segments=("pr-locaux",), **fields),),
        buyer=Buyer(kind="local", contracting_authority=True),
        territory=codes("departement:35"),
        allotment=AllotmentOptions(min_candidates=least, reserve=reserve),
    )
    return allot(need, pool, reference(), ON, "fr").proposals[0].lots[0]


def reasons(lot: ProposedLot) -> set[str]:
    return {reason.code for reason in lot.reasons}


@pytest.mark.parametrize(
    ("kinds", "reserved"),
    [
        (("ESAT", "ESAT", "ESAT"), ("handicap",)),
        (("ESAT", "ESAT", "ESAT", "ACI"), ("handicap", "iae")),
        (("ESAT", "ESAT", "ACI"), ("handicap", "iae")),
        (("EI", "ACI", "AI"), ("iae",)),
        (("ESAT", "ACI"), ()),
    ],
)
def test_the_reservation_leaves_the_most_eligible_with_the_fewest_types(
    kinds: tuple[Kind, ...], reserved: tuple[str, ...]
) -> None:
    lot = proposed(kinds)
    assert lot.reserved == reserved
    assert ("reserved" in reasons(lot)) == bool(reserved)
    assert (lot.total, lot.eligible) == (len(kinds), len(kinds))


def test_the_buyers_own_reservation_goes_before() -> None:
    """As long as it leaves enough; else another is proposed, or none."""
    kinds: tuple[Kind, ...] = ("ESAT", "ESAT", "ESAT", "ACI", "ACI", "ACI", "ACI")
    assert proposed(kinds, reserved=("handicap",)).reserved == ("handicap",)
    assert proposed(kinds, reserved=("handicap",), least=4).reserved == ("handicap", "iae")
    alone = proposed(kinds, reserved=("handicap",), least=4, reserve=False)
    assert (alone.reserved, alone.total) == ((), 7)
    assert "reservation_left_out" in reasons(alone)


def test_what_the_law_forbids_is_not_proposed() -> None:
    """Cleaning is no service that may be reserved to the ESS, and that combines with no other."""
    kinds: tuple[Kind, ...] = ("ACI", "ACI", "ACI")
    lot = proposed(kinds, reserved=("iae", "ess"), reserve=False)
    assert (lot.reserved, lot.reservation.outcome) == ((), "ELIGIBLE")
    assert "reservation_forbidden" in reasons(lot)
    assert proposed(kinds, reserved=("iae", "ess")).reserved == ("iae",)


def test_nothing_is_reserved_where_nobody_wants_it() -> None:
    assert proposed(("ESAT", "ESAT", "ESAT"), reserve=False).reserved == ()
