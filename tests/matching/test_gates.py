"""Who is a candidate: the gates in the contract's order, the first that refuses names the refusal."""

from datetime import date
from typing import Any

import pytest
from pyproj import Geod

from domain.needs.need import Place, Reserved
from domain.suppliers.supplier import Approval, Point, Shares, Supplier
from matching.gates import GATES
from tests.factories import (
    REDON,
    RENNES,
    SAINT_DENIS,
    VANNES,
    approved,
    codes,
    lot,
    matched,
    names,
    need,
    offer,
    place,
    supplier,
)


def verdict(one: Supplier, **fields: Any) -> str | None:
    """The gate that refuses a supplier for a lot in Ille-et-Vilaine; None for a candidate; "absent" otherwise."""
    found = matched(need(lot(**fields)), one)
    if found.near_misses:
        return found.near_misses[0].excluded_by
    return None if found.total else "absent"


def test_the_gates_stand_in_the_contract_s_order() -> None:
    assert [gate for gate, _ in GATES] == ["segment", "service_area", "distance", "reservation"]


def test_each_gate_says_what_it_asks() -> None:
    assert all(gate.__doc__ and gate.__doc__.endswith(".") for _, gate in GATES)


def test_the_first_gate_that_refuses_is_named() -> None:
    """A supplier that fails them all, then one fewer each time."""
    hard: dict[str, Any] = {"site": place(RENNES), "max_distance_km": 20, "reserved": ("iae",)}
    near_by_trade = offer("pr-specialise", codes=("departement:56",))
    assert verdict(supplier("x", near_by_trade, at=VANNES, approvals=()), **hard) == "segment"
    assert verdict(supplier("x", offer(codes=("departement:56",)), at=VANNES, approvals=()), **hard) == "service_area"
    assert verdict(supplier("x", offer(national=True), at=VANNES, approvals=()), **hard) == "distance"
    assert verdict(supplier("x", offer(national=True), at=RENNES, approvals=()), **hard) == "reservation"
    assert verdict(supplier("x", offer(national=True), at=RENNES, approvals=approved("EI")), **hard) is None


def test_another_trade_is_not_even_a_near_miss() -> None:
    assert verdict(supplier("x", offer("rs-traiteur"))) == "absent"


def test_inactive_suppliers_are_neither() -> None:
    assert verdict(supplier("x", active=False)) == "absent"
    assert verdict(supplier("x", offer("pr-specialise"), active=False)) == "absent"


def test_one_answering_offer_that_reaches_the_territory_is_enough() -> None:
    """The other offers may be of another trade, or serve elsewhere."""
    shop = supplier("x", offer("rs-traiteur", national=True), offer(radius_km=1), offer("pr"), at=Point(48.07, -0.77))
    assert verdict(shop) is None


def test_the_offer_that_reaches_the_territory_must_be_one_that_answers() -> None:
    shop = supplier("x", offer("pr-specialise", national=True), offer(radius_km=1), at=VANNES)
    assert verdict(shop) == "service_area"


def test_one_of_the_requested_segments_is_enough() -> None:
    assert verdict(supplier("x", offer("ev-entretien")), segments=("pr-locaux", "ev-entretien", "rs-traiteur")) is None


@pytest.mark.parametrize(("km", "refused"), [(9.99, None), (10.01, "distance")])
def test_a_cap_is_measured_to_a_site_that_is_a_point(km: float, refused: str | None) -> None:
    lon, lat, _ = Geod(ellps="WGS84").fwd(RENNES.lon, RENNES.lat, 77, km * 1_000)
    shop = supplier("x", offer(national=True), at=Point(lat, lon))
    assert verdict(shop, site=place(RENNES), max_distance_km=10) == refused


def test_a_cap_is_measured_to_the_outline_of_a_site_that_is_a_commune() -> None:
    """Anywhere in Redon is at no distance of it; Rennes is 55 km away."""
    assert verdict(supplier("x", at=REDON), site=Place(commune="35236"), max_distance_km=0.001) is None
    assert verdict(supplier("x", at=RENNES), site=Place(commune="35236"), max_distance_km=55) == "distance"
    assert verdict(supplier("x", at=RENNES), site=Place(commune="35236"), max_distance_km=56) is None


def test_without_a_site_a_cap_is_measured_to_the_territory() -> None:
    declares = supplier("x", offer(codes=("region:53",)), at=VANNES)
    assert verdict(declares, max_distance_km=30) == "distance"
    assert verdict(declares, max_distance_km=100) is None
    assert verdict(supplier("x"), max_distance_km=0.001) is None


def test_without_a_cap_distance_excludes_nobody() -> None:
    assert verdict(supplier("x", offer(national=True), at=SAINT_DENIS), site=place(RENNES)) is None


@pytest.mark.parametrize("site", [None, place(RENNES)])
def test_without_a_place_a_supplier_fails_any_cap(site: Place | None) -> None:
    shop = supplier("x", offer(national=True), at=None)
    assert verdict(shop, site=site, max_distance_km=20_000) == "distance"
    assert verdict(shop, site=site) is None


def test_a_territory_without_outline_fails_any_cap() -> None:
    shop = supplier("x", offer(national=True))
    asked = need(lot(max_distance_km=20_000), territory=codes("departement:975"))
    assert matched(asked, shop).near_misses[0].excluded_by == "distance"
    assert matched(need(territory=codes("departement:975")), shop).total == 1


LAPSED = (Approval(kind="ESAT", valid_until=date(2026, 11, 23)),)


@pytest.mark.parametrize(
    ("facts", "reserved", "refused"),
    [
        ({"approvals": approved("ESAT")}, ("handicap",), None),
        ({"approvals": approved("ESAT")}, ("iae",), "reservation"),
        ({"approvals": approved("ESAT")}, ("iae", "handicap"), None),
        ({"approvals": approved("ESAT")}, ("handicap", "handicap"), None),
        ({"approvals": ()}, ("iae", "handicap"), "reservation"),
        ({"approvals": None}, ("iae",), None),
        ({"approvals": LAPSED}, ("handicap",), None),
        ({"approvals": approved("GEIQ")}, ("iae",), None),
        ({"approvals": approved("ESAT"), "shares": Shares(disabled=0.49)}, ("handicap",), "reservation"),
        ({"approvals": approved("ESAT"), "shares": Shares(disabled=0.5)}, ("handicap",), None),
        ({"approvals": ()}, (), None),
        ({"approvals": ()}, None, None),
        ({"approvals": (), "ess": False, "legal_form": "commercial_company"}, ("ess",), "reservation"),
        ({"approvals": (), "ess": True}, ("ess",), None),
    ],
)
def test_a_reservation_refuses_who_is_ineligible_for_all_its_types(
    facts: dict[str, Any], reserved: tuple[Reserved, ...] | None, refused: str | None
) -> None:
    """What is unknown, lapsed or to be judged is not refused."""
    assert verdict(supplier("x", **facts), reserved=reserved) == refused


def test_eligibility_is_that_of_the_day_asked_for() -> None:
    """The last day of an approval counts; the day after, there must be proof of another."""
    ends = supplier("x", approvals=approved("ACI", until=date(2026, 12, 31)))
    outcomes = [
        matched(need(lot(reserved=("iae",))), ends, on=on).candidates[0].eligibility[0].outcome
        for on in (date(2026, 12, 31), date(2027, 1, 1))
    ]
    assert outcomes == ["ELIGIBLE", "ELIGIBLE_IF"]


def test_a_supplier_that_answers_only_what_supports_the_object_is_refused() -> None:
    found = matched(
        need(lot("so-insertion", support_segments=("ev-entretien",))), supplier("gardener", offer("ev-entretien"))
    )
    assert (found.total, names(found.near_misses), found.near_misses[0].excluded_by) == (0, ["gardener"], "segment")
