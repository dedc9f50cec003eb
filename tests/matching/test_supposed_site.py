"""The supposed site of a lot: measured from and ordered by, and nobody is refused for it. A shorter default reach."""

from fnmatch import fnmatch
from random import Random

import msgspec
import pytest

from domain.needs.need import Buyer, Lot, Place
from domain.shortlists.listed_suppliers import Candidate
from domain.shortlists.shortlist import LotShortlist, SupposedSite
from domain.suppliers.supplier import Supplier
from matching.engine import draw_seed, match
from tests.factories import (
    ON,
    REDON,
    RENNES,
    approved,
    codes,
    live,
    lot,
    matched,
    moved,
    names,
    need,
    offer,
    offerless,
    reference,
    supplier,
)

TITLE = "Nettoyage des locaux à Redon"
NEAR, FAR = supplier("near", at=moved(REDON, east=0.1)), supplier("far", at=RENNES)
UNKNOWN = offerless("near of unknown trade", at=moved(REDON, east=0.1)), offerless("far of unknown trade")
OF_REDON = Buyer(siret="21350236200015")


def test_a_lot_without_a_site_is_measured_from_the_commune_that_its_title_names() -> None:
    found = matched(need(lot(title=TITLE)), FAR, NEAR, *UNKNOWN)
    assert found.supposed_site == SupposedSite("35236", "Redon", "title")
    assert names(found.candidates) == ["near", "far"]
    assert names(found.unknown_trade.nearest) == [each.name for each in UNKNOWN]
    measured = matched(need(lot(title=TITLE, site=Place(commune="35236"))), FAR, NEAR, *UNKNOWN)
    assert measured.supposed_site is None
    for supposed, known in zip(found.rows, measured.rows, strict=True):
        assert supposed.distance_km == known.distance_km
    assert {row.measured_to for row in found.candidates} == {"supposed_site"}
    (said,) = [reason.message for reason in found.candidates[1].reasons if reason.code == "distance"]
    assert said == "À 55,7 km de Redon, lieu d'exécution supposé"


def test_the_words_come_before_the_buyer_and_null_switches_both_off() -> None:
    of_buyer = matched(need(lot(), buyer=OF_REDON), FAR)
    assert of_buyer.supposed_site == SupposedSite("35236", "Redon", "buyer")
    assert matched(need(lot(title="Nettoyage à Fougères"), buyer=OF_REDON), FAR).supposed_site == SupposedSite(
        "35115", "Fougères", "title"
    )
    off = matched(need(lot(title=TITLE, site=None), buyer=OF_REDON), FAR)
    assert off.supposed_site is None
    assert off.candidates[0].measured_to == "territory"


def test_a_need_that_says_nothing_of_a_site_draws_as_it_did() -> None:
    assert draw_seed(need(lot(title=TITLE))) == draw_seed(need(lot(title=TITLE, site=None)))


def everything_counted(found: LotShortlist) -> object:
    """The numbers and members of a lot's answer, without what is measured."""
    gates = {(row.supplier.id, row.excluded_by) for row in found.near_misses}
    unknown = found.unknown_trade.total, found.unknown_trade.eligible
    members = {row.supplier.id for row in found.candidates}
    return found.total, members, gates, unknown, found.coverage, found.alternatives.reserved, found.tension


@pytest.mark.parametrize("seed", range(20))
def test_a_supposed_site_changes_no_gate(seed: int) -> None:
    draw = Random(seed)
    pool: list[Supplier] = []
    for number in range(60):
        at = draw.choice((None, *(moved(REDON, draw.uniform(-0.8, 0.8), draw.uniform(-0.8, 0.8)) for _ in range(5))))
        area = draw.choice(({}, {"radius_km": draw.uniform(5, 90)}, {"national": True}))
        one = supplier(f"{number}", offer(**area), at=at, approvals=approved(draw.choice(("ESAT", "EI", "AI"))))
        pool.append(one if draw.random() < 0.7 else msgspec.structs.replace(one, offers=()))
    asked = lot(
        title=TITLE, max_distance_km=draw.choice((None, 5.0, 30.0, 120.0)), reserved=draw.choice(((), ("handicap",)))
    )
    territory = draw.choice((codes("departement:35"), codes("region:53", "departement:44")))
    directory = live(*pool)

    def answer(asked: Lot) -> LotShortlist:
        of_all = need(asked, territory=territory, limit=100, near_misses=50)
        return match(of_all, directory, reference(), ON, "fr").lots[0]

    supposed, off = answer(asked), answer(msgspec.structs.replace(asked, site=None))
    assert supposed.supposed_site is not None
    assert off.supposed_site is None
    assert everything_counted(supposed) == everything_counted(off)
    # the same again, from what was kept of the one and the other
    assert answer(asked) == supposed
    assert answer(msgspec.structs.replace(asked, site=None)) == off


def test_who_is_beyond_a_cap_is_told_how_far_the_territory_is() -> None:
    beyond = supplier("beyond", offer(national=True), at=moved(REDON, north=-0.3))
    found = matched(need(lot(title=TITLE, max_distance_km=10)), beyond)
    (missed,) = found.near_misses
    assert missed.excluded_by == "distance"
    assert fnmatch(missed.message, "À 3* km du territoire, soit * km au-delà de votre limite")


@pytest.mark.parametrize(
    ("one", "is_near"),
    [
        ({"kinds": ("AI",), "approvals": approved("AI")}, True),
        ({"kinds": ("AI", "ACI"), "approvals": approved("AI", "ACI")}, False),
        ({"kinds": ("EI",), "approvals": approved("EI")}, False),
        ({"siret": "21350236200015"}, True),
        ({"name": "Régie des quartiers de Redon"}, True),
        ({"name": "CCAS de Redon"}, True),
        ({"name": "Régie publicitaire"}, False),
    ],
)
def test_whoever_works_near_home_reaches_less_far_unless_it_declares_more(one: dict[str, str], is_near: bool) -> None:
    rennes = codes("commune:35238")
    far = supplier(at=moved(RENNES, east=0.5)), supplier("x", offer(radius_km=45), at=moved(RENNES, east=0.5))
    undeclared, declared = (msgspec.structs.replace(each, **one) for each in far)
    assert matched(need(territory=rennes), declared).total == 1
    found = matched(need(territory=rennes), undeclared)
    assert found.total == (not is_near)
    if is_near:
        assert found.near_misses[0].excluded_by == "service_area"
        assert "(20 km au plus : ce genre de structure travaille près de chez elle)" in found.near_misses[0].message
    close: Candidate = matched(
        need(territory=rennes), msgspec.structs.replace(undeclared, location=moved(RENNES, east=0.2))
    ).candidates[0]
    (said,) = [reason.message for reason in close.reasons if reason.code == "presence_nearby"]
    assert ("situé à 20 km au plus" if is_near else "situé à 50 km au plus") in said
