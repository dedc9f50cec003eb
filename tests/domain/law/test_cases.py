"""Real cases of Breton buyers, with assumed numbers: what each must be told, and what changes with the date."""

from datetime import date

import msgspec
import pytest

from domain.law.findings import best_of
from domain.law.reservations.eligibility import eligibility
from domain.law.reservations.supplier_facts import LegalFacts
from domain.law.rules import load
from domain.needs.need import Buyer, Lot, Need, Reserved
from domain.suppliers.supplier import Approval, Kind, Shares
from tests.domain.law.samples import LOCAL, TODAY, advice, codes, findings, need, review, the


def approved(kind: Kind, until: date | None = None, **more: object) -> LegalFacts:
    facts = LegalFacts(approvals=(Approval(kind, None, until),), in_prison=False)
    return msgspec.structs.replace(facts, **more)


def plain(**more: object) -> LegalFacts:
    return msgspec.structs.replace(LegalFacts(approvals=(), in_prison=False), **more)


SUPPLIERS = {
    "S1 EI": approved("EI", shares=Shares(disadvantaged=0.62), legal_form="commercial_company", ess=None),
    "S2 ACI": approved("ACI", shares=Shares(disadvantaged=0.78), legal_form="association"),
    "S3 ESAT": approved("ESAT", shares=Shares(disabled=1.0), legal_form="association"),
    "S4 EA": approved("EA", shares=Shares(disabled=0.70), legal_form="commercial_company"),
    "S5 EA 45 %": approved("EA", shares=Shares(disabled=0.45), legal_form="commercial_company"),
    "S6 SCIC": plain(legal_form="cooperative", ess=True),
    "S7 association": plain(legal_form="association", ess=True),
    "S8 SEP": approved("SEP", shares=Shares(detained=1.0), in_prison=True),
    "S9 EA in prison": approved("EA", shares=Shares(detained=0.60), in_prison=True),
    "S10 SAS": plain(legal_form="commercial_company", ess=False),
    "S11 GEIQ": approved("GEIQ", legal_form="association"),
    "S12 TIH": approved("TIH"),
    "S13 ETTI": approved("ETTI"),
    "S15 EI, share unknown": approved("EI"),
    "S16 EITI": approved("EITI", date(2026, 12, 22)),
}


def outcomes(*reserved: Reserved, on: date = TODAY) -> dict[str, str]:
    """Number of the supplier → best outcome for the reserved types."""
    rules = load()
    return {
        name.split()[0]: best_of(eligibility(facts, kind, on, rules) for kind in reserved).outcome
        for name, facts in SUPPLIERS.items()
    }


def forbidden(asked: Need, lot: str, on: date = TODAY) -> dict[str, str]:
    """Reservation → code of the finding that forbids it; those that are open left out."""
    return {option: found.code for option, found in review(asked, on).lots[lot].forbidden.items() if found}


def cleaning(windows: float = 80_000) -> Need:
    return need(
        Lot(id="1", segments=("pr-locaux",), cpv=("90919300",), value_eur=320_000, duration_months=48),
        Lot(id="2", segments=("pr-locaux",), cpv=("90919200",), value_eur=240_000, duration_months=48),
        Lot(id="3", segments=("pr-specialise",), cpv=("90911300",), value_eur=windows, duration_months=48),
    )


def test_office_cleaning_is_formal_and_open_to_handicap_and_insertion() -> None:
    """CD56: neither ESS (not listed) nor prison work (on site) is open; the windows are not a small lot at 80 000 €."""
    assert {"PROC_FORMALISEE", "SOCIAL_CONSIDERATION", "ENVIRONMENTAL_CONSIDERATION"} <= set(advice(cleaning()))
    assert "SMALL_LOT_SETS" not in advice(cleaning())
    for lot in ("1", "2", "3"):
        assert forbidden(cleaning(), lot) == {"penitentiary": "INELIGIBLE_OBJECT", "ess": "NOT_LISTED"}


def test_windows_one_euro_below_are_a_small_lot() -> None:
    """79 999 € is small and within 20 % of 639 999 €."""
    assert codes(review(cleaning(79_999)).lots["3"].advice) == ["SMALL_LOT_OK"]


def test_office_cleaning_two_years_earlier() -> None:
    """Same need, other date: the considerations are only advised, the threshold is another."""
    found = review(cleaning(), date(2024, 6, 24)).advice
    assert the("SOCIAL_CONSIDERATION", found).severity == "info"
    assert the("ENVIRONMENTAL_CONSIDERATION", found).severity == "info"
    assert "221 000 €" in the("PROC_FORMALISEE", found).message.fr


def test_suppliers_of_a_lot_for_handicap_and_insertion() -> None:
    """An unknown share is presumed, a low one is final, kinds that the article does not name are judged."""
    found = outcomes("handicap", "iae")
    assert {name for name, outcome in found.items() if outcome == "ELIGIBLE"} == {
        "S1",
        "S2",
        "S3",
        "S4",
        "S9",
        "S13",
        "S15",
    }
    assert {name for name, outcome in found.items() if outcome == "REVIEW"} == {"S11", "S12", "S16"}
    assert {name for name, outcome in found.items() if outcome == "INELIGIBLE"} == {"S5", "S6", "S7", "S8", "S10"}


WASTE = need(
    *(
        Lot(id=str(place), segments=(segment,), cpv=(code,), value_eur=value, duration_months=36)
        for place, (segment, code, value) in enumerate(
            (
                ("de-5flux", "90511400", 60_000),
                ("de-bio", "90511100", 90_000),
                ("de-encombrants", "90511300", 40_000),
                ("de-deee", "90514000", 30_000),
                ("de-dangereux", "90524400", 400_000),
            ),
            start=1,
        )
    )
)


def test_hospital_waste_gives_the_sets_of_small_lots() -> None:
    """CHBA: lots 1, 3 and 4 are small but not all three together; lot 2 is not small."""
    found = review(WASTE).advice
    assert "PROC_FORMALISEE" in codes(found)
    assert the("SMALL_LOT_SETS", found).lots == (("1", "3"), ("1", "4"), ("3", "4"))
    told = {lot: codes(shown.advice) for lot, shown in review(WASTE).lots.items()}
    assert [lot for lot in told if "SMALL_LOT_OK" in told[lot]] == ["1", "3", "4"]
    assert not any("COUNTS_TOWARDS_QUOTA" in each for each in told.values())


def test_medical_waste_may_be_reserved_but_needs_an_authorisation() -> None:
    """The law does not forbid it; capability does."""
    assert "CAPABILITY_WARNING" in codes(review(WASTE).lots["5"].advice)
    assert not {"handicap", "iae", "handicap_iae"} & set(forbidden(WASTE, "5"))


SHOW = Lot(
    id="1", segments=("cc-spectacle",), cpv=("92312100",), value_eur=24_000, duration_months=12, reserved=("ess",)
)


@pytest.mark.parametrize("on", [date(2019, 6, 1), TODAY])
def test_christmas_show_gets_no_plain_yes(on: date) -> None:
    """CD35: not listed, weakly tied to a public service; but the amount allows direct award without any reservation."""
    assert findings(need(SHOW), on) == {"NOT_LISTED": "INELIGIBLE", "ESS_PUBLIC_SERVICE_MISSION": "REVIEW"}
    assert "GRE_A_GRE" in advice(need(SHOW), on)


def test_suppliers_of_a_lot_for_the_social_economy() -> None:
    """By form or declared: if the mission is shown; a company without ESS quality: no; not known: unknown."""
    found = outcomes("ess", on=date(2019, 6, 1))
    assert {name for name, outcome in found.items() if outcome == "ELIGIBLE_IF"} == {"S2", "S3", "S6", "S7", "S11"}
    assert {name for name, outcome in found.items() if outcome == "INELIGIBLE"} == {"S10"}


COMPOST = Lot(
    id="1", segments=("de-sensib",), cpv=("80540000",), value_eur=90_000, duration_months=36, reserved=("ess",)
)


def composting(**fields: object) -> dict[str, str]:
    return findings(need(msgspec.structs.replace(COMPOST, **fields)))


def test_composting_awareness() -> None:
    """Dinan: not listed; three years pass, a renewal on top does not; collection in the lot breaks exclusivity."""
    assert composting()["NOT_LISTED"] == "INELIGIBLE"
    assert "ESS_MAX_3Y" not in composting()
    assert composting(renewal_months=12)["ESS_MAX_3Y"] == "INELIGIBLE"
    assert composting(duration_months=37)["ESS_MAX_3Y"] == "INELIGIBLE"
    assert "NOT_EXCLUSIVE" not in composting()
    assert "ESS_MAX_3Y" not in composting(duration_months=24, renewal_months=12)
    assert composting(cpv=("80540000", "90511000"))["NOT_EXCLUSIVE"] == "INELIGIBLE"
    assert composting(segments=("de-sensib", "de-bio"))["NOT_EXCLUSIVE"] == "REVIEW"
    assert composting(cpv=("80590000",)) == {"ESS_PUBLIC_SERVICE_MISSION": "ELIGIBLE_IF"}


def test_composting_awareness_procedure() -> None:
    """90 000 €: adapted, and cutting it in two lots does not make it direct."""
    assert "MAPA" in advice(need(COMPOST))
    halves = [msgspec.structs.replace(COMPOST, id=half, value_eur=45_000) for half in ("a", "b")]
    assert "MAPA" in advice(need(*halves))


KITS = Lot(id="1", segments=("in-conditionnement",), cpv=("79920000",), value_eur=45_000, duration_months=12)


def kits(*reserved: Reserved, on: date = TODAY) -> dict[str, str]:
    return findings(need(msgspec.structs.replace(KITS, reserved=reserved)), on)


def test_prison_work() -> None:
    """CD22: a workshop in a prison, or an adapted enterprise inside one; nobody else."""
    found = outcomes("penitentiary")
    assert {name for name, outcome in found.items() if outcome == "ELIGIBLE"} == {"S8", "S9"}
    assert set(found.values()) == {"ELIGIBLE", "INELIGIBLE"}
    assert kits("penitentiary") == {}


def test_prison_work_combinations_and_dates() -> None:
    """It combines with no other, and did not exist before its ordinance; handicap with insertion has its own date."""
    assert kits("penitentiary", "iae") == {"COMBINATION_FORBIDDEN": "INELIGIBLE"}
    assert kits("penitentiary", on=date(2022, 6, 1)) == {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}
    assert kits("penitentiary", on=date(2022, 11, 1)) == {"SHARE_NOT_FIXED": "REVIEW"}
    assert kits("handicap", "iae", on=date(2020, 1, 15)) == {"COMBINATION_FORBIDDEN": "INELIGIBLE"}
    assert kits("handicap", "iae", on=date(2020, 12, 9)) == {}


def test_prison_work_procedure_changes_in_april_2026() -> None:
    """45 000 € was above 40 000 €, and is below 60 000 €."""
    assert "MAPA" in advice(need(KITS), date(2026, 3, 1))
    assert "GRE_A_GRE" in advice(need(KITS), TODAY)


INSERTION = Lot(
    id="1",
    segments=("so-insertion",),
    support_segments=("ev-entretien",),
    cpv=("85312510", "77310000"),
    value_eur=180_000,
    duration_months=24,
    reserved=("iae",),
)


def test_insertion_service_with_green_spaces_as_support() -> None:
    """Redon: a social service whatever its value; reserving it to ESS is for a person to judge."""
    asked = need(INSERTION)
    for value in (180_000, 600_000):
        assert {"LIGHT_REGIME", "MAPA"} <= set(advice(need(msgspec.structs.replace(INSERTION, value_eur=value))))
    assert "OBJECT_IS_INSERTION" in codes(review(asked).lots["1"].advice)
    assert findings(asked) == {}
    assert "ess" not in forbidden(asked, "1")
    as_ess = need(msgspec.structs.replace(INSERTION, reserved=("ess",)))
    assert findings(as_ess)["NOT_EXCLUSIVE"] == "REVIEW"


def test_swapping_object_and_support_makes_it_an_ordinary_service() -> None:
    """And closes the ESS reservation."""
    swapped = msgspec.structs.replace(
        INSERTION, segments=("ev-entretien",), support_segments=("so-insertion",), cpv=("77310000", "85312510")
    )
    assert "LIGHT_REGIME" not in advice(need(swapped))
    assert "PROC_FORMALISEE" in advice(need(msgspec.structs.replace(swapped, value_eur=216_000)))
    assert "OBJECT_IS_INSERTION" not in codes(review(need(swapped)).lots["1"].advice)
    assert forbidden(need(swapped), "1")["ess"] == "NOT_LISTED"


def test_suppliers_of_an_insertion_lot() -> None:
    """Handicap structures answer only where the lot is open to both."""
    found = outcomes("iae")
    assert (found["S1"], found["S2"], found["S13"]) == ("ELIGIBLE", "ELIGIBLE", "ELIGIBLE")
    assert (found["S3"], found["S4"]) == ("INELIGIBLE", "INELIGIBLE")
    assert outcomes("iae", "handicap")["S3"] == "ELIGIBLE"


FURNITURE = need(
    Lot(id="1", segments=("re-mobilier",), cpv=("39100000",)),
    Lot(id="2", segments=("re-mobilier",), cpv=("31500000",)),
    Lot(id="3", segments=("re-mobilier",), cpv=("39113000",), innovative=True),
    technique="dynamic_purchasing_system",
    estimated_total_eur=200_000,
)


@pytest.mark.parametrize(
    ("total", "on", "expected"),
    [
        (25_000, date(2024, 6, 24), "GRE_A_GRE"),
        (200_000, date(2024, 6, 24), "MAPA"),
        (200_000, TODAY, "MAPA"),
        (220_000, date(2025, 12, 31), "MAPA"),
        (220_000, date(2026, 1, 1), "PROC_FORMALISEE"),
    ],
)
def test_furniture_system_by_total_and_date(total: float, on: date, expected: str) -> None:
    """SBAA: the maximum over four years is compared with the threshold of the day."""
    assert expected in advice(msgspec.structs.replace(FURNITURE, estimated_total_eur=total), on)


def test_furniture_by_reuse_counts_and_cannot_be_reserved_to_ess() -> None:
    """Supplies may be reserved to handicap and insertion; reuse counts; 200 000 € is too much for innovation alone."""
    found = review(FURNITURE, date(2024, 6, 24)).lots
    assert "COUNTS_TOWARDS_QUOTA" in codes(found["1"].advice)
    assert "INNOVATION_REVIEW" in codes(found["3"].advice)
    assert forbidden(FURNITURE, "1", date(2024, 6, 24)) == {"ess": "NOT_LISTED"}
    assert outcomes("iae")["S6"] == "INELIGIBLE"


def test_experiment_expires() -> None:
    """EITI: to be judged before and after its convention ended."""
    assert outcomes("iae", on=date(2026, 12, 22))["S16"] == outcomes("iae", on=date(2026, 12, 23))["S16"] == "REVIEW"


def test_public_undertaking_cannot_reserve_to_ess() -> None:
    """It is an entité adjudicatrice only."""
    lot = msgspec.structs.replace(INSERTION, reserved=("ess",))
    undertaking = Buyer(kind="utility", contracting_authority=False)
    assert findings(need(lot, buyer=undertaking))["BUYER_NOT_POUVOIR_ADJUDICATEUR"] == "INELIGIBLE"


def test_concession_for_handicap_and_insertion() -> None:
    """Forbidden for a concession, open for a market."""
    lot = msgspec.structs.replace(KITS, reserved=("handicap", "iae"))
    assert findings(need(lot, contract="concession", buyer=LOCAL)) == {"COMBINATION_FORBIDDEN": "INELIGIBLE"}
    assert findings(need(lot)) == {}
