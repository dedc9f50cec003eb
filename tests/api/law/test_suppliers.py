"""Who may answer a reserved lot, and what the supply of a lot makes of the law, as POST /match tells it."""

from datetime import date
from typing import Any

import pytest

from domain.suppliers.supplier import Approval, Shares
from tests.api.law.asking import TODAY, ask, by_code, lot, lot_advice, need, pool, shop, sort, verdicts


def verdict(reserved: str, on: date = TODAY, **fields: Any) -> tuple[str, str | None]:
    """The outcome and code of one supplier of which only `fields` are known."""
    return verdicts(need(lot(segments=["pr-locaux"], reserved=[reserved])), shop("it", **fields), on=on)["it"]


def approval(kind: Any, first: date | None = None, last: date | None = None) -> dict[str, Any]:
    return {"approvals": (Approval(kind, first, last),)}


@pytest.mark.parametrize("reserved", ["handicap", "iae", "penitentiary", "ess"])
def test_a_supplier_of_which_nothing_is_known_is_never_refused(reserved: str) -> None:
    """It is a candidate, told what to bring."""
    assert verdict(reserved) == ("UNKNOWN", "DATA_MISSING")
    asked = need(lot(segments=["pr-locaux"], reserved=[reserved]))
    (candidate,) = ask(asked, shop("it"))["lots"][0]["candidates"]
    assert candidate["eligibility"][0]["missing"]


@pytest.mark.parametrize(
    ("reserved", "share", "expected"),
    [
        ("handicap", {"disabled": 0.5}, ("ELIGIBLE", None)),
        ("handicap", {"disabled": 0.4999}, ("INELIGIBLE", "SHARE_LT_50")),
        ("handicap", {"disadvantaged": 0.1}, ("ELIGIBLE", "PRESUMED_SHARE")),
        ("handicap", {}, ("ELIGIBLE", "PRESUMED_SHARE")),
        ("iae", {"disadvantaged": 0.5}, ("ELIGIBLE", None)),
        ("iae", {"disadvantaged": 0.4999}, ("INELIGIBLE", "SHARE_LT_50")),
        ("iae", {"disabled": 0.1}, ("ELIGIBLE", "PRESUMED_SHARE")),
        ("penitentiary", {"detained": 0.5}, ("ELIGIBLE", None)),
        ("penitentiary", {"detained": 0.4999}, ("INELIGIBLE", "SHARE_LT_50")),
        ("penitentiary", {}, ("ELIGIBLE", "PRESUMED_SHARE")),
    ],
)
def test_half_of_the_workers(reserved: str, share: dict[str, float], expected: tuple[str, str | None]) -> None:
    """Exactly half is enough; only the share that counts is read; an unknown one is presumed."""
    kind = {"handicap": "ESAT", "iae": "ACI", "penitentiary": "SEP"}[reserved]
    assert verdict(reserved, **approval(kind), shares=Shares(**share)) == expected


@pytest.mark.parametrize(("reserved", "kind"), [("handicap", "EA"), ("iae", "EI"), ("penitentiary", "SEP")])
@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2025, 12, 31), "APPROVAL_LAPSED"),
        (date(2026, 1, 1), "PRESUMED_SHARE"),
        (date(2026, 12, 31), "PRESUMED_SHARE"),
        (date(2027, 1, 1), "APPROVAL_LAPSED"),
    ],
)
def test_approvals_hold_on_their_first_and_last_day(reserved: str, kind: str, on: date, expected: str) -> None:
    """Not yet valid or no longer: to be shown, never refused."""
    dated = approval(kind, date(2026, 1, 1), date(2026, 12, 31))
    outcome = "ELIGIBLE" if expected == "PRESUMED_SHARE" else "ELIGIBLE_IF"
    assert verdict(reserved, on, **dated) == (outcome, expected)


@pytest.mark.parametrize(("reserved", "kind"), [("iae", "EITI"), ("iae", "GEIQ"), ("handicap", "TIH")])
@pytest.mark.parametrize("on", [date(2026, 12, 22), date(2026, 12, 23)])
def test_kinds_that_the_articles_do_not_name_are_judged(reserved: str, kind: str, on: date) -> None:
    """In force or lapsed."""
    assert verdict(reserved, on, **approval(kind, None, date(2026, 12, 22))) == ("REVIEW", "KIND_REVIEW")


@pytest.mark.parametrize("reserved", ["handicap", "iae"])
def test_holding_no_approval_is_an_answer(reserved: str) -> None:
    assert verdict(reserved, approvals=()) == ("INELIGIBLE", "KIND_NOT_ELIGIBLE")
    assert verdict(reserved, **approval("SEP")) == ("INELIGIBLE", "KIND_NOT_ELIGIBLE")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"in_prison": True, "shares": Shares(detained=0.6)}, ("ELIGIBLE", None)),
        ({"in_prison": True}, ("ELIGIBLE_IF", "PROOF_MISSING")),
        ({"in_prison": False, "shares": Shares(detained=0.9)}, ("INELIGIBLE", "NOT_IN_PRISON")),
        ({"in_prison": None, "approvals": ()}, ("UNKNOWN", "DATA_MISSING")),
    ],
)
def test_work_in_prison_without_its_approval(fields: dict[str, Any], expected: tuple[str, str | None]) -> None:
    assert verdict("penitentiary", **fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"legal_form": "association"}, ("ELIGIBLE_IF", "PROOF_MISSING")),
        ({"legal_form": "mutual", "ess": False}, ("ELIGIBLE_IF", "PROOF_MISSING")),
        ({"legal_form": "commercial_company", "ess": True}, ("ELIGIBLE_IF", "PROOF_MISSING")),
        ({"legal_form": "commercial_company", "ess": False}, ("INELIGIBLE", "NOT_ESS")),
        ({"legal_form": "commercial_company"}, ("UNKNOWN", "DATA_MISSING")),
        ({"legal_form": "public_body", "ess": True}, ("INELIGIBLE", "NOT_ESS")),
        ({"ess": None, **approval("ESUS")}, ("ELIGIBLE_IF", "PROOF_MISSING")),
        ({"ess": None, **approval("ESUS", None, date(2026, 11, 23))}, ("ELIGIBLE_IF", "APPROVAL_LAPSED")),
    ],
)
def test_social_economy(fields: dict[str, Any], expected: tuple[str, str | None]) -> None:
    """By legal form, by declared quality, by agreement; the mission is always to be shown."""
    assert verdict("ess", **fields) == expected


def test_the_end_of_an_approval_is_announced() -> None:
    asked = need(lot(segments=["pr-locaux"], reserved=["iae"]))
    (candidate,) = ask(asked, shop("it", **approval("EI", None, date(2026, 12, 22))))["lots"][0]["candidates"]
    assert "jusqu'au 22/12/2026" in candidate["eligibility"][0]["message"]
    (candidate,) = ask(asked, shop("it", **approval("EI", None, date(2026, 12, 22))), language="en")["lots"][0][
        "candidates"
    ]
    assert "until 2026-12-22" in candidate["eligibility"][0]["message"]


SUPPLY = (
    *(shop(f"EI {n}", **sort("EI", form="association", disadvantaged=0.7)) for n in range(3)),
    *(shop(f"ESAT {n}", **sort("ESAT", disabled=0.9)) for n in range(2)),
    shop("EA without share or dates", **sort("EA")),
    shop("EA lapsed", **sort("EA", until=date(2026, 1, 1))),
    shop("unknown", approvals=None, in_prison=False),
    shop("SAS", **sort(form="commercial_company", ess=False)),
)
OFFICES: dict[str, Any] = {"segments": ["pr-locaux"], "cpv": ["90919200"]}


def test_what_another_reservation_would_leave() -> None:
    """The counts, the certain ones, and what the law forbids, side by side."""
    found = ask(need(lot(**OFFICES)), *SUPPLY)["lots"][0]
    assert found["alternatives"]["reserved"] == {
        "none": 9,
        "handicap": 5,
        "iae": 4,
        "handicap_iae": 8,
        "penitentiary": 0,
        "ess": 8,
    }
    closed = found["alternatives"]["forbidden"]
    assert closed.keys() == {"penitentiary", "ess"}
    assert closed["ess"]["code"] == "NOT_LISTED"
    assert closed["ess"]["message"].endswith(f"({closed['ess']['article']})")
    told = by_code(found["advice"])
    assert told["RESERVATION_POSSIBLE"]["message"] == (
        "Conseil : réserver au handicap laisse 5 candidats (3 certains) ; à l'insertion laisse 4 candidats "
        "(3 certains) ; au handicap et à l'insertion laisse 8 candidats (6 certains) ; concurrence limitée"
    )
    assert told["RESERVATION_NOT_OPEN"]["message"] == (
        "Réserver à l'ESS laisse 8 candidats (0 certain), mais n'est pas ouvert à ce lot. " + closed["ess"]["message"]
    )
    assert "penitentiary" not in told["RESERVATION_NOT_OPEN"]["message"]


def test_each_alternative_is_the_total_the_lot_would_have() -> None:
    """Counted by reserving it so."""
    counts = ask(need(lot(**OFFICES)), *SUPPLY)["lots"][0]["alternatives"]["reserved"]
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
def test_supply_alone_opens_no_reservation(fields: dict[str, Any], proviso: bool) -> None:
    """Where the lot's CPV or duration is missing, or its code is to be judged, counsel says so."""
    told = lot_advice(need(lot(**fields)), *pool(*fields["segments"]))["RESERVATION_POSSIBLE"]
    assert "à l'ESS laisse" in told["message"]
    assert ("à condition de vérifier que le lot s'y prête" in told["message"]) == proviso


def test_too_few_candidates_are_not_proposed() -> None:
    assert "RESERVATION_POSSIBLE" not in lot_advice(need(lot(**OFFICES)), *SUPPLY[3:5])
    assert "RESERVATION_POSSIBLE" in lot_advice(need(lot(**OFFICES)), *SUPPLY[:3])


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
def test_approvals_that_end_before_the_contract(months: dict[str, int], expected: tuple[str, str] | None) -> None:
    """A year where no duration is given. Who has another approval, or is not eligible today, loses nothing."""
    suppliers = (
        shop("a day too short", **approval("EI", None, date(2028, 11, 23))),
        shop("months too short", **approval("ACI", None, date(2028, 6, 30))),
        shop("short of three years", **approval("AI", None, date(2029, 1, 1))),
        shop("with another", approvals=(Approval("EI", None, date(2027, 1, 1)), Approval("AI"))),
        shop("lapsed", **approval("EI", None, date(2026, 11, 23))),
    )
    told = lot_advice(need(lot(segments=["pr-locaux"], reserved=["iae"], **months)), *suppliers)
    if expected is None:
        assert "APPROVALS_EXPIRING" not in told
    else:
        assert all(part in told["APPROVALS_EXPIRING"]["message"] for part in expected)


def test_a_reserved_lot_that_nobody_may_answer_risks_no_offer() -> None:
    """Though others could do the work."""
    asked = need(lot(**OFFICES, reserved=["penitentiary"]))
    found = ask(asked, *SUPPLY)["lots"][0]
    assert found["tension"]["level"] == "none"
    assert "lot réservé" in by_code(found["advice"])["RISK_INFRUCTUEUX"]["message"]
