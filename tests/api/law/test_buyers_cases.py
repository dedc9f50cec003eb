"""Needs of Breton buyers, with assumed numbers, and the supply of a lot, put to POST /match's own function.

The amounts and days of the law are those of tests/domain/law; here is what a portal is told, beside its candidates.
"""

from datetime import date
from typing import Any

import pytest

from domain.suppliers.supplier import Approval
from tests.api.law.asking import SORTS, TODAY, Json, ask, by_code, lot, need, pool, shop, sort
from tests.factories import NANTES

CLEANING = need(
    lot(id="1", segments=["pr-locaux"], cpv=["90919300"], value_eur=320_000, duration_months=48),
    lot(id="2", segments=["pr-locaux"], cpv=["90919200"], value_eur=240_000, reserved=["handicap", "iae"]),
    lot(id="3", segments=["pr-specialise"], cpv=["90911300"], value_eur=79_999.99, duration_months=48),
)


def verdicts(asked: Json, *suppliers: Any, on: date = TODAY) -> dict[str, tuple[str, str | None]]:
    """Supplier → its best outcome and code for the first lot, refused suppliers included."""
    shown = ask(asked | {"limit": 100, "near_misses": 50}, *suppliers, on=on)["lots"][0]
    order = ("ELIGIBLE", "ELIGIBLE_IF", "UNKNOWN", "REVIEW", "INELIGIBLE")
    found = {}
    for row in (*shown["candidates"], *shown["near_misses"]):
        best = min(row["eligibility"], key=lambda verdict: order.index(verdict["outcome"]))
        found[row["supplier"]["name"]] = best["outcome"], best["code"]
    return found


def those(found: dict[str, tuple[str, str | None]], outcome: str) -> set[str]:
    """The suppliers with this outcome."""
    return {name for name, (reached, _) in found.items() if reached == outcome}


def test_cleaning_of_offices() -> None:
    """A formal procedure with its considerations, a small lot, and what each lot might be reserved to."""
    answer = ask(CLEANING)
    told = by_code(answer["advice"])
    assert (told["PROC_FORMALISEE"]["severity"], told["PROC_FORMALISEE"]["article"]) == ("warning", "L2124-1")
    assert told["SOCIAL_CONSIDERATION"]["severity"] == told["ENVIRONMENTAL_CONSIDERATION"]["severity"] == "warning"
    assert told["SMALL_LOT_SETS"]["lots"] == [["3"]]
    assert by_code(answer["lots"][2]["advice"])["SMALL_LOT_OK"]["article"] == "R2123-1"
    for shown in answer["lots"]:
        forbidden = {option: finding["code"] for option, finding in shown["alternatives"]["forbidden"].items()}
        assert forbidden == {"penitentiary": "INELIGIBLE_OBJECT", "ess": "NOT_LISTED"}


def test_suppliers_of_cleaning_for_handicap_and_insertion() -> None:
    found = verdicts(need(CLEANING["lots"][1]), *pool("pr-locaux"))
    assert those(found, "ELIGIBLE") == {"EI", "ACI", "ESAT", "EA", "EA in prison", "ETTI", "EI, share unknown"}
    assert those(found, "REVIEW") == {"GEIQ", "TIH", "EITI"}
    assert those(found, "INELIGIBLE") == {"EA 45 %", "SCIC", "association", "SAS", "SEP"}
    assert found["EA 45 %"][1] == "SHARE_LT_50"
    assert found["EI, share unknown"][1] == "PRESUMED_SHARE"


def test_a_waste_stream_that_nobody_collects_risks_no_offer() -> None:
    """Medical waste takes an authorisation besides; papers have their suppliers."""
    waste = need(lot(id="1", segments=["de-5flux"]), lot(id="2", segments=["de-dangereux"], cpv=["90524400"]))
    papers, medical = (by_code(shown["advice"]) for shown in ask(waste, *pool("de-5flux"))["lots"])
    assert medical["RISK_INFRUCTUEUX"]["severity"] == "warning"
    assert "CAPABILITY_WARNING" in medical
    assert not {"RISK_INFRUCTUEUX", "CAPABILITY_WARNING"} & papers.keys()


def test_a_christmas_show_is_told_what_is_listed_nearby() -> None:
    """Other cultural services, if that is what is bought: its own code is not changed for it."""
    show = need(lot(segments=["cc-spectacle"], cpv=["92312100"], value_eur=24_000, reserved=["ess"]))
    on = date(2019, 6, 1)
    shown = ask(show, on=on)["lots"][0]
    assert shown["reservation"]["outcome"] == "INELIGIBLE"
    assert "92500000" in shown["reservation"]["findings"][0]["message"]
    assert shown["requested"][0]["from"] == ["segment:cc-spectacle", "cpv:92312100"]
    found = verdicts(show, *pool("cc-spectacle"), on=on)
    assert found["association"] == found["SCIC"] == ("ELIGIBLE_IF", "PROOF_MISSING")
    assert found["SAS"] == ("INELIGIBLE", "NOT_ESS")


@pytest.mark.parametrize(
    ("reserved", "on", "expected"),
    [
        (["penitentiary"], TODAY, {}),
        (["penitentiary", "iae"], TODAY, {"COMBINATION_FORBIDDEN": "INELIGIBLE"}),
        (["penitentiary"], date(2022, 10, 20), {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}),
        (["penitentiary"], date(2022, 10, 21), {"SHARE_NOT_FIXED": "REVIEW"}),
    ],
)
def test_a_reservation_that_the_law_forbids_is_answered(
    reserved: list[str], on: date, expected: dict[str, str]
) -> None:
    """With its suppliers; only its reservation is refused."""
    kits = need(lot(segments=["in-conditionnement"], cpv=["79920000"], value_eur=45_000, reserved=reserved))
    shown = ask(kits, *pool("in-conditionnement"), on=on)["lots"][0]
    assert {finding["code"]: finding["outcome"] for finding in shown["reservation"]["findings"]} == expected
    assert shown["reservation"]["outcome"] == next(iter(expected.values()), "ELIGIBLE")
    assert shown["total"] > 0


def test_a_good_supplier_without_approval_is_a_match_and_not_eligible() -> None:
    """One of a neighbouring region answers a territory that crosses into it: eight communes of Redon do."""
    resource = shop("SCIC", "re-mobilier", **SORTS["SCIC"])
    assert ask(need(lot(segments=["re-mobilier"])), resource)["lots"][0]["total"] == 1
    reserved = ask(need(lot(segments=["re-mobilier"], reserved=["iae"])), resource)["lots"][0]
    assert reserved["near_misses"][0]["excluded_by"] == "reservation"
    insertion = need(lot(segments=["so-insertion"], reserved=["iae"]), territory={"codes": ["epci:243500741"]})
    nantes = shop("nantaise", "so-insertion", at=NANTES, **SORTS["ACI"])
    assert ask(insertion, nantes)["lots"][0]["total"] == 1


SUPPLY = (
    *(shop(f"EI {n}", **sort("EI", form="association", disadvantaged=0.7)) for n in range(3)),
    *(shop(f"ESAT {n}", **sort("ESAT", disabled=0.9)) for n in range(2)),
    shop("EA without share or dates", **sort("EA")),
    shop("EA lapsed", **sort("EA", until=date(2026, 1, 1))),
    shop("unknown", approvals=None, in_prison=False),
    shop("SAS", **sort(form="commercial_company", ess=False)),
)
OFFICES: Json = {"segments": ["pr-locaux"], "cpv": ["90919200"]}


def test_another_reservation_is_told_with_what_it_would_leave() -> None:
    """The counts, the certain ones, and what the law forbids, side by side; each count is what reserving so gives."""
    found = ask(need(lot(**OFFICES)), *SUPPLY)["lots"][0]
    counts = {"none": 9, "handicap": 5, "iae": 4, "handicap_iae": 8, "penitentiary": 0, "ess": 8}
    assert found["alternatives"]["reserved"] == counts
    closed = found["alternatives"]["forbidden"]["ess"]
    told = by_code(found["advice"])
    assert told["RESERVATION_POSSIBLE"]["message"] == (
        "Conseil : réserver au handicap laisse 5 candidats (3 certains) ; à l'insertion laisse 4 candidats "
        "(3 certains) ; au handicap et à l'insertion laisse 8 candidats (6 certains) ; concurrence limitée"
    )
    assert told["RESERVATION_NOT_OPEN"]["message"] == (
        "Réserver à l'ESS laisse 8 candidats (0 certain), mais n'est pas ouvert à ce lot. " + closed["message"]
    )
    for option, count in counts.items():
        types = [] if option == "none" else ["handicap", "iae"] if option == "handicap_iae" else [option]
        assert ask(need(lot(**OFFICES, reserved=types)), *SUPPLY)["lots"][0]["total"] == count


@pytest.mark.parametrize(
    ("fields", "proviso"),
    [
        ({"segments": ["so-domicile"]}, True),
        ({"segments": ["so-domicile"], "cpv": ["85320000"]}, True),
        ({"segments": ["so-domicile"], "cpv": ["85320000"], "duration_months": 36}, False),
        ({"segments": ["cc-mediation"], "cpv": ["92511000"], "duration_months": 36}, True),
    ],
)
def test_supply_alone_opens_no_reservation(fields: Json, proviso: bool) -> None:
    """Where the lot's CPV or duration is missing, or its code is to be judged, counsel says so."""
    shown = ask(need(lot(**fields)), *pool(*fields["segments"]))["lots"][0]
    message = by_code(shown["advice"])["RESERVATION_POSSIBLE"]["message"]
    assert "à l'ESS laisse" in message
    assert ("à condition de vérifier que le lot s'y prête" in message) == proviso


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        ({}, None),
        ({"duration_months": 12}, None),
        ({"duration_months": 24}, ("2 candidats", "30/06/2028")),
        ({"duration_months": 12, "renewal_months": 12}, ("2 candidats", "30/06/2028")),
        ({"duration_months": 36}, ("3 candidats", "30/06/2028")),
    ],
)
def test_approvals_that_end_before_the_contract(months: Json, expected: tuple[str, str] | None) -> None:
    """A year where no duration is given. Who has another approval, or is not eligible today, loses nothing."""
    suppliers = (
        shop("a day too short", approvals=(Approval("EI", None, date(2028, 11, 23)),)),
        shop("months too short", approvals=(Approval("ACI", None, date(2028, 6, 30)),)),
        shop("short of three years", approvals=(Approval("AI", None, date(2029, 1, 1)),)),
        shop("with another", approvals=(Approval("EI", None, date(2027, 1, 1)), Approval("AI"))),
        shop("lapsed", approvals=(Approval("EI", None, date(2026, 11, 23)),)),
    )
    asked = need(lot(segments=["pr-locaux"], reserved=["iae"], **months))
    told = by_code(ask(asked, *suppliers)["lots"][0]["advice"])
    assert ("APPROVALS_EXPIRING" in told) == bool(expected)
    assert all(part in told["APPROVALS_EXPIRING"]["message"] for part in expected or ())
