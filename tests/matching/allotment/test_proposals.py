"""The procedure is that of the sum, whatever the lots; nothing hints that dividing lowers a threshold."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.allotment.allotment import Allotment, AllotmentNeed, AllotmentOptions, DivisibleLot, ProposedLot, Summary
from domain.law.findings import ON_PROCEDURE
from domain.law.review import review_need
from domain.needs.need import Buyer, TerritoryRequest
from domain.shortlists.shortlist import Advice, Alternatives, Finding
from domain.suppliers.supplier import Evidence, Kind
from domain.text.bilingual import Text
from matching.allotment.allot import allot
from matching.allotment.areas import Areas, area_codes
from matching.allotment.proposals import (
    CRITERIA,
    criteria_reasons,
    lot_title,
    part_reason,
    rank_reason,
    reservation_reason,
)
from matching.index.live_index import LiveIndex
from tests.factories import ON, REDON, VANNES, approved, around, codes, live, offer, offerless, reference, supplier

POOL = live(*(supplier(f"{code} {n}", offer(code)) for code in ("de-bio", "de-5flux", "pr-locaux") for n in range(3)))
LOCAL = Buyer(kind="local", contracting_authority=True)


def proposed(*lots: Mapping[str, Any], on: date = ON, pool: LiveIndex = POOL, **fields: Any) -> Allotment:
    made = tuple(DivisibleLot(id=str(number), **lot) for number, lot in enumerate(lots, start=1))
    territory = codes("departement:35", "departement:56")
    need = AllotmentNeed(lots=made, territory=territory, **{"buyer": LOCAL} | fields)
    return allot(need, pool, reference(), on, "fr")


def told(found: Allotment) -> list[dict[str, Advice]]:
    return [{each.code: each for each in proposal.advice} for proposal in found.proposals]


values = st.one_of(st.none(), st.sampled_from((20_000.0, 70_000.0, 300_000.0, 6_000_000.0)))
objects = st.lists(st.sampled_from(("de-bio", "de-5flux", "pr-locaux")), min_size=1, max_size=2, unique=True)
lots_of_any_value = st.fixed_dictionaries(
    {
        "segments": objects.map(tuple),
        "value_eur": values,
        "duration_months": st.sampled_from((None, 12)),
        "renewal_months": st.sampled_from((None, 12, 36)),
        "options_eur": st.sampled_from((None, 0.0, 10_000.5)),
        "value_covers": st.sampled_from(("firm", "all")),
        "nature": st.sampled_from((None, "works", "services")),
    }
)


@given(
    lots=st.lists(lots_of_any_value, min_size=1, max_size=3),
    total=values,
    contract=st.sampled_from(("market", "concession")),
)
def test_the_procedure_is_never_another(lots: list[dict[str, Any]], total: float | None, contract: str) -> None:
    """All that is said of procedure is what is said of the need as it is given."""
    found = proposed(*lots, estimated_total_eur=total, contract=contract)
    made = tuple(DivisibleLot(id=str(number), **lot) for number, lot in enumerate(lots, start=1))
    need = AllotmentNeed(lots=made, buyer=LOCAL, estimated_total_eur=total, contract=contract)  # type: ignore[arg-type]
    given_advice = {each.code: each.message.fr for each in review_need(need, ON, reference().rules).advice}
    expected = {code: said for code, said in given_advice.items() if code in ON_PROCEDURE}
    for advice in told(found):
        assert {code: each.message for code, each in advice.items() if code in ON_PROCEDURE} == expected
        assert "PROCEDURE_OF_SUM" in advice


def test_small_lots_are_named_where_all_values_are_known() -> None:
    """By their ids in the proposal; else the rules are told, and that values are lacking."""
    values_eur = {"de-bio": 40_000.0, "de-5flux": 260_000.0}
    lot = {"segments": ("de-bio", "de-5flux"), "nature": "services", "values_eur": values_eur}
    by_segment, *_ = told(proposed(lot, allotment=AllotmentOptions(divide=("segment",))))
    (small,) = by_segment["SMALL_LOT_SETS"].lots
    assert len(small) == 1
    by_area, *_ = told(proposed(lot))
    assert "R2122-8" in by_area["SMALL_LOT_RULES"].message
    assert by_area["SMALL_LOT_RULES"].article == "R2123-1"


@pytest.mark.parametrize(("contract", "says"), [("market", True), ("concession", False)])
def test_the_duty_to_divide_is_that_of_markets(contract: str, says: bool) -> None:
    for advice in told(proposed({"segments": ("de-bio", "de-5flux")}, contract=contract)):
        duty = advice.get("DUTY_TO_ALLOT") or advice.get("ALLOTMENT")
        assert (duty is not None) == says
        assert duty is None or duty.article == "L2113-10"
        assert advice["PROCEDURE_OF_SUM"].article == ("R2121-1" if says else "R3121-1")


def test_a_proposal_of_one_lot_is_warned() -> None:
    lot = {"segments": ("de-bio", "de-5flux"), "value_eur": 300_000.0}
    (one,) = told(proposed(lot, allotment=AllotmentOptions(divide=(), reserve=False)))
    assert one["ALLOTMENT"].severity == "warning"


BEST = Summary(lots=4, without_supply=0, with_competition=4, reserved=4, suppliers_reached=40, suppliers_alone=31)


def test_the_first_criterion_that_differs_is_named() -> None:
    other = msgspec.structs.replace(BEST, suppliers_alone=25, lots=3)
    assert rank_reason(other, BEST, 1, 3) == (
        "ranked_after",
        (
            "Après la proposition 1 : 25 fournisseurs répondent seuls à un lot entier, contre 31",
            "After proposal 1: 25 suppliers answer a whole lot by themselves, against 31",
        ),
    )
    code, said = rank_reason(BEST, BEST, 2, 3)
    assert (code, said.fr) == ("drawn", "À égalité avec la proposition 2 : ordre tiré au sort")


def test_figures_stand_beside_those_of_the_need_as_given() -> None:
    said = dict(criteria_reasons(BEST, msgspec.structs.replace(BEST, with_competition=1), 3))
    assert list(said) == list(CRITERIA)
    assert said["with_competition"].fr == "4 lots ayant au moins 3 fournisseurs potentiels (besoin tel que demandé : 1)"
    assert said["without_supply"].en == "0 lots with no candidate (need as given: 0)"


def test_a_part_says_who_could_do_it() -> None:
    """What is not known is never zero; what the law forbids and prison work, of which nobody speaks, are left out."""
    every = {"none": 6, "handicap": 0, "iae": 2, "handicap_iae": 2, "penitentiary": 6, "ess": 5}
    supply = Alternatives(every, {}, {"ess": Finding("", "INELIGIBLE", "", "", "high", "")}, {"none": 4, "handicap": 3})
    assert part_reason(supply)[1].fr == (
        "Fournisseurs potentiels pour cette partie, sans réservation : 6 et 4 à interroger ; réservée aux EA et ESAT : "
        "inconnu (3 à interroger) ; réservée aux SIAE : 2 ; réservée aux EA, ESAT et SIAE : 2"
    )


def test_a_title_says_what_is_bought_and_where() -> None:
    assert (
        lot_title(["Papiers, cartons", "DEEE"], Text("Morbihan", "Morbihan"), None).fr
        == "Papiers, cartons ; DEEE – Morbihan"
    )
    assert lot_title(["DEEE"], None, "Déchets").en == "Déchets"
    assert len(lot_title(["DEEE" * 200], Text("Morbihan", "Morbihan"), None).fr) == 400


def test_reservations_are_named() -> None:
    assert "réserver aux EA, ESAT et SIAE laisse" in reservation_reason(["handicap", "iae"], 4, True)[1].fr
    assert "reserving to the social economy leaves" in reservation_reason(["ess"], 4, is_own=True)[1].en


TERRITORIES = reference().territories


def communes(of: tuple[str, ...]) -> set[int]:
    return {ordinal for code in of for ordinal in TERRITORIES.area(code).communes}


@pytest.mark.parametrize(
    ("code", "kind", "areas"),
    [
        ("region:53", "departement", [(f"departement:{number}",) for number in (22, 29, 35, 56)]),
        ("departement:56", "departement", []),
        ("commune:56178", "epci", []),
    ],
)
def test_a_region_is_its_departements_and_what_has_one_area_is_not_divided(
    code: str, kind: Any, areas: list[tuple[str, ...]]
) -> None:
    assert area_codes((code,), kind, TERRITORIES) == areas


@pytest.mark.parametrize("code", ["departement:56", "departement:29", "epci:243500741", "region:53", "nuts:FRH0"])
@pytest.mark.parametrize("kind", ["departement", "epci"])
def test_areas_make_up_the_territory(code: str, kind: str) -> None:
    """Each commune is in one area: of an EPCI that goes beyond, those inside; those without one are together."""
    parts = area_codes((code,), kind, TERRITORIES) or [(code,)]  # type: ignore[arg-type]
    inside = [communes(part) for part in parts]
    assert set().union(*inside) == communes((code,))
    assert sum(map(len, inside)) == len(communes((code,)))
    assert kind == "departement" or len(parts) > 1 or code.startswith("epci")


def numbered(*requests: TerritoryRequest, kind: str | None = "departement") -> tuple[Areas, list[tuple[int, ...]]]:
    geography = reference().geography
    areas = Areas(geography, kind)  # type: ignore[arg-type]
    return areas, [areas.area_numbers(request, geography.territory(request)) for request in requests]


def test_areas_that_are_said_alike_are_the_same() -> None:
    areas, (bretagne, morbihan) = numbered(codes("region:53"), codes("departement:56"))
    assert set(morbihan) < set(bretagne)
    assert areas.territory_request(bretagne) == codes("region:53")
    assert areas.territory_request(bretagne[:2]) == codes("departement:22", "departement:29")
    assert len(areas.territories()) == 4


def test_a_radius_is_one_area_and_is_not_united() -> None:
    areas, (near, morbihan) = numbered(around(REDON, 30), codes("departement:56"))
    assert len(near) == 1
    assert areas.territory_request(near) == around(REDON, 30)
    assert (areas.may_unite(near + morbihan), areas.may_unite(morbihan)) == (False, True)


def test_without_an_axis_territories_stay_whole() -> None:
    areas, ((one,), (other,)) = numbered(codes("region:53"), codes("departement:56"), kind=None)
    assert areas.territory_request((one, other)) == codes("region:53", "departement:56")


def test_a_departement_is_divided_into_neighbouring_epcis_that_are_named() -> None:
    """A title says the buyer's own words where all is bought, and where; an EPCI of which a part is inside, so."""
    pool = live(*(supplier(f"{n}", at=at) for at in (REDON, VANNES) for n in range(3)))
    lot = DivisibleLot(id="1", title="Nettoyage", segments=("pr-locaux",))
    options = AllotmentOptions(divide=("epci",), max_lots=3)
    need = AllotmentNeed(lots=(lot,), buyer=LOCAL, territory=codes("departement:56"), allotment=options)
    lots = allot(need, pool, reference(), ON, "fr").proposals[0].lots
    titles = [each.title for each in lots]
    assert len(titles) == 3
    assert all(title.startswith("Nettoyage – ") for title in titles)
    assert any("Redon Agglomération (en partie)" in title or "autres" in title for title in titles)
    supply = [reason.message for each in lots for reason in each.reasons if reason.code == "part_supply"]
    assert len(supply) == 3
    assert all(said.startswith("Fournisseurs potentiels pour cette partie, sans réservation : ") for said in supply)
    assert set().union(*(communes(each.territory.codes or ()) for each in lots)) == communes(("departement:56",))


def lot_proposed(
    kinds: tuple[Kind, ...], *, least: int = 3, reserve: bool = True, unknown: tuple[Kind, ...] = (), **fields: Any
) -> ProposedLot:
    """The lot proposed for office cleaning, by suppliers with one approval each, beside others of `unknown` trade."""
    pool = live(
        *(supplier(f"{kind} {number}", approvals=approved(kind)) for number, kind in enumerate(kinds)),
        *(offerless(f"unknown {kind} {number}", approvals=approved(kind)) for number, kind in enumerate(unknown)),
    )
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
    lot = lot_proposed(kinds)
    assert lot.reserved == reserved
    assert lot_proposed(kinds, reserve=False).reserved == ()
    assert ("reserved" in reasons(lot)) == bool(reserved)
    assert (lot.total, lot.eligible) == (len(kinds), len(kinds))


def test_the_buyers_own_reservation_goes_before() -> None:
    """As long as it leaves enough; else another is proposed, or none."""
    kinds: tuple[Kind, ...] = ("ESAT", "ESAT", "ESAT", "ACI", "ACI", "ACI", "ACI")
    assert lot_proposed(kinds, reserved=("handicap",)).reserved == ("handicap",)
    assert lot_proposed(kinds, reserved=("handicap",), least=4).reserved == ("handicap", "iae")
    alone = lot_proposed(kinds, reserved=("handicap",), least=4, reserve=False)
    assert (alone.reserved, alone.total) == ((), 7)
    assert "reservation_left_out" in reasons(alone)


def test_what_the_law_forbids_is_not_proposed() -> None:
    """Cleaning is no service that may be reserved to the ESS, and that combines with no other."""
    kinds: tuple[Kind, ...] = ("ACI", "ACI", "ACI")
    lot = lot_proposed(kinds, reserved=("iae", "ess"), reserve=False)
    assert (lot.reserved, lot.reservation.outcome) == ((), "ELIGIBLE")
    assert "reservation_forbidden" in reasons(lot)
    assert lot_proposed(kinds, reserved=("iae", "ess")).reserved == ("iae",)


def test_what_words_say_is_no_surer_in_a_proposal() -> None:
    """A proposed lot names the trade that the buyer said in words: it is no more works than the buyer's own."""
    said = {"keywords": ("peinture murale",), "value_eur": 300_000.0}
    found = proposed(said, {"segments": ("pr-locaux",), "value_eur": 50_000.0})
    as_given = [proposal for proposal in found.proposals if [lot.id for lot in proposal.lots] == ["1", "2"]]
    assert [each.lots for item in as_given for each in item.advice if each.code == "SMALL_LOT_SETS"] == [(("2",),)]


def test_a_lot_told_in_words_is_reserved_as_the_trade_that_it_names() -> None:
    """As `POST /match` answers for the proposed lot: work on roads is hardly done in a prison."""
    road = live(supplier("road", offer("bt-voirie"), approvals=approved("SEP")))
    said = {"keywords": ("réfection de voirie",), "reserved": ("penitentiary",)}
    (found,) = proposed(said, pool=road, allotment=AllotmentOptions(min_candidates=1, divide=())).proposals[0].lots
    assert (found.reserved, found.reservation.outcome) == (("penitentiary",), "REVIEW")


def test_lots_as_given_are_counted_as_a_match_counts_them() -> None:
    """Who is only known for plumbing is no candidate of electrical work by its code, but of the segment proposed."""
    shown = (Evidence("register", reference="4322A"),)
    plumber = msgspec.structs.replace(offer("bt-elec-plomb", basis="inferred"), evidence=shown)
    options, pool = (
        AllotmentOptions(min_candidates=1, divide=()),
        live(supplier("x", plumber, approvals=approved("EI"))),
    )
    found = proposed({"cpv": ("45310000",)}, pool=pool, allotment=options)
    (first,) = found.proposals[0].lots
    assert (found.as_given.suppliers_reached, first.total, first.reasons[1].code) == (0, 1, "whole_segment")
    assert first.reserved == (), "for plumbers"


def test_no_reservation_shuts_out_those_whose_trade_is_not_known() -> None:
    """Insertion alone is not proposed beside an ESAT that may do it; a reservation of the buyer's is only widened."""
    lot = lot_proposed(("EI", "ACI", "AI"), unknown=("ESAT",))
    assert (lot.reserved, lot.eligible, lot.unknown) == (("handicap", "iae"), 3, 1)
    assert "1 fournisseur proche d'activité non renseignée à interroger" in [reason.message for reason in lot.reasons]
    assert lot_proposed(("EI", "ACI", "AI"), unknown=("EI",)).reserved == ("iae",)
    assert lot_proposed(("ESAT",) * 3, unknown=("ACI",)).reserved == ("handicap", "iae")
    few: tuple[Kind, ...] = ("ESAT", "ACI", "ACI", "ACI")
    assert lot_proposed(few, unknown=("ESAT", "ESAT"), reserved=("handicap",)).reserved == ("handicap", "iae")
    assert lot_proposed(few[1:], reserved=("handicap",)).reserved == ("iae",)
    alone = lot_proposed(few, unknown=("ESAT", "ESAT"), reserved=("handicap",), reserve=False)
    (left_out,) = [reason.message for reason in alone.reasons if reason.code == "reservation_left_out"]
    assert left_out.endswith("non réservé ; 2 fournisseurs proches d'activité non renseignée à interroger")


def test_lots_are_not_joined_where_nobody_answers_the_whole() -> None:
    """One or two of either trade are no competition for both; of a joined lot it is said who answers the whole."""
    made = tuple(DivisibleLot(id=code, segments=(code,)) for code in ("de-bio", "de-5flux"))
    need = AllotmentNeed(lots=made, buyer=LOCAL, territory=codes("departement:35"))
    apart = [supplier(f"{code} {number}", offer(code)) for code in ("de-bio", "de-5flux") for number in range(2)]
    for both, joined in ((), False), ((supplier("both", offer("de-bio", "de-5flux")),), True):
        found = allot(need, live(*apart, *both), reference(), ON, "fr")
        lots = [lot for each in found.proposals for lot in each.lots if len(lot.from_lots) > 1]
        told = [reason.message for lot in lots for reason in lot.reasons if reason.code == "whole_lot"]
        assert ["lot : 1 fournisseur potentiel ;" in each for each in told] == [True] * len(lots) == [True] * joined
