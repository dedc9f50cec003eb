"""Eligibility of suppliers for the four reserved types, cell by cell."""

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.law.reservations.eligibility import LegalFacts, eligibility, outcomes
from domain.law.rules import load
from domain.needs.need import RESERVED_TYPES, Reserved
from domain.suppliers.supplier import Approval, Kind, LegalForm, Shares

TODAY, DAY = date(2026, 11, 24), timedelta(days=1)


def judge(reserved: Reserved, facts: LegalFacts, on: date = TODAY) -> tuple[str, str | None]:
    verdict = eligibility(facts, reserved, on, load())
    return verdict.outcome, verdict.code


def holds(*kinds: Kind, **more: object) -> LegalFacts:
    return LegalFacts(approvals=tuple(Approval(kind) for kind in kinds), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "handicap", "iae", "penitentiary"),
    [
        ("EA", "ELIGIBLE", "INELIGIBLE", "UNKNOWN"),
        ("EATT", "ELIGIBLE", "INELIGIBLE", "UNKNOWN"),
        ("ESAT", "ELIGIBLE", "INELIGIBLE", "UNKNOWN"),
        ("EI", "INELIGIBLE", "ELIGIBLE", "UNKNOWN"),
        ("ETTI", "INELIGIBLE", "ELIGIBLE", "UNKNOWN"),
        ("AI", "INELIGIBLE", "ELIGIBLE", "UNKNOWN"),
        ("ACI", "INELIGIBLE", "ELIGIBLE", "UNKNOWN"),
        ("EITI", "INELIGIBLE", "REVIEW", "UNKNOWN"),
        ("GEIQ", "INELIGIBLE", "REVIEW", "UNKNOWN"),
        ("TIH", "REVIEW", "INELIGIBLE", "UNKNOWN"),
        ("SEP", "INELIGIBLE", "INELIGIBLE", "ELIGIBLE"),
        ("ESUS", "REVIEW", "REVIEW", "UNKNOWN"),
    ],
)
def test_kinds_and_types(kind: Kind, handicap: str, iae: str, penitentiary: str) -> None:
    """The matrix of kinds and reserved types, with nothing else known of the supplier."""
    outcomes = [judge(reserved, holds(kind))[0] for reserved in ("handicap", "iae", "penitentiary")]
    assert outcomes == [handicap, iae, penitentiary]


@pytest.mark.parametrize(
    ("reserved", "facts", "market", "concession"),
    [
        ("handicap", holds("ESAT"), "L2113-12", "L3113-1"),
        ("handicap", holds("TIH"), "L2113-12", "L3113-1"),
        ("iae", holds("EI"), "L2113-13", "L3113-2"),
        ("iae", holds("ESAT"), "L2113-13", "L3113-2"),
        ("penitentiary", holds("SEP"), "L2113-13-1", "L3113-2-1"),
        ("penitentiary", LegalFacts(in_prison=False), "L2113-13-1", "L3113-2-1"),
    ],
)
def test_a_concession_quotes_its_own_articles(
    reserved: Reserved, facts: LegalFacts, market: str, concession: str
) -> None:
    """The verdict is the same, as the kinds of suppliers are; that the share is presumed too is to be checked."""
    of_market, of_concession = (
        eligibility(facts, reserved, TODAY, load(), contract) for contract in ("market", "concession")
    )
    assert (of_market.article, of_concession.article) == (market, concession)
    presumed = " ; à vérifier" if of_market.code == "PRESUMED_SHARE" else ""
    assert of_concession.message.fr == of_market.message.fr.replace(f" ({market})", f"{presumed} ({concession})")
    assert of_concession.outcome == of_market.outcome


OF_TYPE: dict[Reserved, tuple[Kind, str]] = {
    "handicap": ("ESAT", "disabled"),
    "iae": ("ACI", "disadvantaged"),
    "penitentiary": ("SEP", "detained"),
}
"""A kind of approval that each type is for, and the share of workers that counts."""


def test_half_of_the_workers() -> None:
    """Exactly half is enough; only the share that counts is read; below it no approval helps."""
    for reserved, (kind, counted) in OF_TYPE.items():
        others = dict.fromkeys({"disabled", "disadvantaged", "detained"} - {counted}, 0.1)
        assert judge(reserved, holds(kind, shares=Shares(**{counted: 0.5}))) == ("ELIGIBLE", None)
        assert judge(reserved, holds(kind, shares=Shares(**{counted: 0.4999}))) == ("INELIGIBLE", "SHARE_LT_50")
        assert judge(reserved, holds(kind)) == ("ELIGIBLE", "PRESUMED_SHARE")
        assert judge(reserved, holds(kind, shares=Shares(**others))) == ("ELIGIBLE", "PRESUMED_SHARE")
    for approvals in [None, (), (Approval("ESAT"),), (Approval("TIH"),)]:
        low = LegalFacts(approvals=approvals, shares=Shares(disabled=0.4999))
        assert judge("handicap", low) == ("INELIGIBLE", "SHARE_LT_50")
        assert "49,9 %" in eligibility(low, "handicap", TODAY, load()).message.fr
    low = LegalFacts(approvals=(Approval("EA"),), shares=Shares(disabled=0.4))
    of_market, of_concession = (
        eligibility(low, "handicap", TODAY, load(), contract) for contract in ("market", "concession")
    )
    assert (of_market.confidence, of_concession.confidence) == ("high", "high")
    assert of_market.message.fr.endswith(" (R2113-7)")
    assert of_concession.message.fr.endswith(" (R3113-1)")


def test_an_approval_that_says_nothing_of_the_workers_is_to_be_judged() -> None:
    """An equivalent structure proves its share; one of the other circle has a reservation of its own."""
    for reserved, other in (("handicap", "EI"), ("iae", "EA")):
        found = eligibility(holds("ESUS"), reserved, TODAY, load())  # type: ignore[arg-type]
        assert (found.outcome, found.code, len(found.missing)) == ("REVIEW", "KIND_REVIEW", 1)
        assert judge(reserved, holds(other)) == ("INELIGIBLE", "KIND_NOT_ELIGIBLE")  # type: ignore[arg-type]
        enough = holds(other, shares=Shares(disabled=0.6, disadvantaged=0.6))  # type: ignore[arg-type]
        assert judge(reserved, enough) == ("REVIEW", "KIND_REVIEW")  # type: ignore[arg-type]


def test_a_share_without_approval_may_be_an_equivalent_structure() -> None:
    """It employs the share that the law wants: a person judges it; without a known share it is refused."""
    for reserved, counted, article in (("handicap", "disabled", "L2113-12"), ("iae", "disadvantaged", "L2113-13")):
        for share, outcome in ((0.5, "REVIEW"), (0.7, "REVIEW"), (0.4999, "INELIGIBLE"), (None, "INELIGIBLE")):
            facts = LegalFacts(approvals=(), shares=Shares(**{counted: share}))
            assert judge(reserved, facts)[0] == outcome  # type: ignore[arg-type]
        found = eligibility(LegalFacts((), Shares(**{counted: 0.7})), reserved, TODAY, load())  # type: ignore[arg-type]
        assert (found.code, found.article, len(found.missing)) == ("KIND_REVIEW", article, 1)
        assert "70 % de travailleurs" in found.message.fr


def test_null_is_unknown_and_an_empty_list_is_an_answer() -> None:
    """An ESUS agreement in force is evidence, a lapsed one a proof to renew."""
    for reserved in ("handicap", "iae"):
        assert judge(reserved, LegalFacts()) == ("UNKNOWN", "DATA_MISSING")
        assert judge(reserved, LegalFacts(approvals=())) == ("INELIGIBLE", "KIND_NOT_ELIGIBLE")
    current = holds("ESUS", legal_form="commercial_company")
    assert judge("ess", current) == ("ELIGIBLE_IF", "PROOF_MISSING")
    lapsed = LegalFacts(approvals=(Approval("ESUS", None, TODAY - DAY),), legal_form="commercial_company")
    assert judge("ess", lapsed) == ("ELIGIBLE_IF", "APPROVAL_LAPSED")


def test_bounds_of_an_approval_are_inclusive() -> None:
    """Not yet valid or no longer: to be shown, never refused; a kind that is judged is so lapsed or not."""
    ended = date(2026, 12, 22)
    judged: list[tuple[Reserved, Kind]] = [("iae", "EITI"), ("iae", "GEIQ"), ("handicap", "TIH")]
    for reserved, kind in judged:
        for on in (ended, ended + DAY):
            facts = LegalFacts(approvals=(Approval(kind, None, ended),))
            assert judge(reserved, facts, on) == ("REVIEW", "KIND_REVIEW")
            assert ("échu" in eligibility(facts, reserved, on, load()).message.fr) == (on > ended)
    for reserved, (kind, _) in OF_TYPE.items():
        for on, expected in [
            (date(2024, 12, 31), ("ELIGIBLE_IF", "APPROVAL_LAPSED")),
            (date(2025, 1, 1), ("ELIGIBLE", "PRESUMED_SHARE")),
            (date(2027, 12, 31), ("ELIGIBLE", "PRESUMED_SHARE")),
            (date(2028, 1, 1), ("ELIGIBLE_IF", "APPROVAL_LAPSED")),
        ]:
            facts = LegalFacts(approvals=(Approval(kind, date(2025, 1, 1), date(2027, 12, 31)),))
            assert judge(reserved, facts, on) == expected


def test_which_approval_counts() -> None:
    """Any in force wins and the longest is announced; a lapsed one goes before a kind under review."""
    facts = LegalFacts(
        approvals=(
            Approval("EI", None, date(2020, 1, 1)),
            Approval("ACI", None, date(2026, 12, 22)),
            Approval("ETTI", None, date(2026, 12, 31)),
        )
    )
    verdict = eligibility(facts, "iae", TODAY, load())
    assert verdict.outcome == "ELIGIBLE"
    assert "jusqu'au 31/12/2026" in verdict.message.fr
    assert "until 2026-12-31" in verdict.message.en
    assert "mise à disposition" in verdict.message.fr
    facts = LegalFacts(approvals=(Approval("GEIQ"), Approval("EI", None, date(2020, 1, 1))))
    assert judge("iae", facts) == ("ELIGIBLE_IF", "APPROVAL_LAPSED")
    soon, later = date(2026, 12, 22), date(2027, 1, 31)
    facts = LegalFacts(approvals=(Approval("EITI", None, soon), Approval("TIH", None, later)))
    iae = eligibility(facts, "iae", TODAY, load()).message
    handicap = eligibility(facts, "handicap", TODAY, load()).message
    assert iae.fr.startswith("EITI en vigueur jusqu'au 22/12/2026 : ")
    assert iae.en.startswith("EITI in force until 2026-12-22: ")
    assert handicap.fr.startswith("TIH en vigueur jusqu'au 31/01/2027 : ")
    ess = LegalFacts(approvals=(Approval("ESUS", None, soon), Approval("ESUS", None, later)))
    assert "jusqu'au 31/01/2027" in eligibility(ess, "ess", TODAY, load()).message.fr
    facts = LegalFacts(approvals=(Approval("EITI"),))
    for on, past in ((date(2018, 1, 1), False), (date(2026, 12, 22), False), (date(2026, 12, 23), True)):
        assert ("fin prévue passée" in eligibility(facts, "iae", on, load()).message.fr) == past


def test_days_before_a_type_or_the_code() -> None:
    """That a rule was not in force yet is told on the lot: no reason to refuse a supplier, if one for doubt."""
    kinds: dict[Reserved, LegalFacts] = {
        "handicap": holds("ESAT"),
        "iae": holds("ACI"),
        "ess": holds(legal_form="mutual"),
    }
    for kind, facts in kinds.items():
        then, now = (eligibility(facts, kind, on, load()) for on in (date(2014, 1, 1), TODAY))
        assert (then.outcome, then.code) == (now.outcome, now.code)
        assert "à vérifier" in then.message.fr
    assert judge("penitentiary", holds("SEP"), date(2022, 6, 1)) == ("ELIGIBLE", "PRESUMED_SHARE")
    low = holds("SEP", shares=Shares(detained=0.3))
    assert judge("penitentiary", low, date(2022, 6, 1)) == ("INELIGIBLE", "SHARE_LT_50")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (holds("SEP"), ("ELIGIBLE", "PRESUMED_SHARE")),
        (holds("SEP", shares=Shares(detained=1.0)), ("ELIGIBLE", None)),
        (holds("SEP", shares=Shares(detained=0.3)), ("INELIGIBLE", "SHARE_LT_50")),
        (LegalFacts(approvals=(Approval("SEP", None, date(2025, 1, 1)),)), ("ELIGIBLE_IF", "APPROVAL_LAPSED")),
        (holds("EA", in_prison=True), ("ELIGIBLE_IF", "PROOF_MISSING")),
        (holds("EA", in_prison=True, shares=Shares(detained=0.6)), ("ELIGIBLE", None)),
        (LegalFacts(in_prison=True), ("ELIGIBLE_IF", "PROOF_MISSING")),
        (holds("EI", in_prison=False), ("INELIGIBLE", "NOT_IN_PRISON")),
        (holds("EI", in_prison=False, shares=Shares(detained=0.9)), ("INELIGIBLE", "NOT_IN_PRISON")),
        (holds("EI"), ("UNKNOWN", "DATA_MISSING")),
        (LegalFacts(), ("UNKNOWN", "DATA_MISSING")),
        (LegalFacts(approvals=()), ("UNKNOWN", "DATA_MISSING")),
    ],
)
def test_penitentiary(facts: LegalFacts, expected: tuple[str, str | None]) -> None:
    """SEP, work in a prison without SEP, and what is not known."""
    assert judge("penitentiary", facts) == expected


@pytest.mark.parametrize(
    ("form", "ess", "expected"),
    [
        ("association", None, "ELIGIBLE_IF"),
        ("cooperative", None, "ELIGIBLE_IF"),
        ("mutual", None, "ELIGIBLE_IF"),
        ("mutual", False, "ELIGIBLE_IF"),
        ("foundation", False, "ELIGIBLE_IF"),
        ("commercial_company", True, "ELIGIBLE_IF"),
        ("commercial_company", False, "INELIGIBLE"),
        ("commercial_company", None, "UNKNOWN"),
        ("other", None, "UNKNOWN"),
        ("public_body", True, "INELIGIBLE"),
        (None, True, "ELIGIBLE_IF"),
        (None, None, "UNKNOWN"),
    ],
)
def test_ess_by_form_and_flag(form: LegalForm | None, ess: bool | None, expected: str) -> None:
    """The mission of public service is always left to prove, so nobody is plainly eligible."""
    assert judge("ess", LegalFacts(approvals=(), legal_form=form, ess=ess))[0] == expected


approvals = st.builds(
    Approval,
    kind=st.sampled_from(get_args(Kind)),
    valid_from=st.none() | st.dates(date(2020, 1, 1), date(2028, 1, 1)),
    valid_until=st.none() | st.dates(date(2020, 1, 1), date(2028, 1, 1)),
)
shares = st.none() | st.sampled_from((0.0, 0.4999, 0.5, 0.5001)) | st.floats(0, 1)
any_facts = st.builds(
    LegalFacts,
    approvals=st.none() | st.lists(approvals, max_size=4).map(tuple),
    shares=st.builds(Shares, disabled=shares, disadvantaged=shares, detained=shares),
    in_prison=st.none() | st.booleans(),
    legal_form=st.none() | st.sampled_from(get_args(LegalForm)),
    ess=st.none() | st.booleans(),
)


@given(any_facts, st.dates(date(2020, 1, 1), date(2028, 1, 1)))
def test_verdicts_on_any_supplier(facts: LegalFacts, on: date) -> None:
    """Each names its rule and article, owns its doubt, and lists proofs exactly where something is left to show.

    Missing data is never INELIGIBLE: without the fact that excludes, no verdict excludes. The outcomes alone are those
    of the verdicts, also for shares just below the minimum and at it.
    """
    verdicts = [eligibility(facts, reserved, on, load()) for reserved in RESERVED_TYPES]
    for verdict in verdicts:
        assert verdict.message.fr.endswith(f"({verdict.article})")
        assert (verdict.outcome in {"ELIGIBLE_IF", "REVIEW", "UNKNOWN"}) == bool(verdict.missing)
        assert verdict.rule in load().ids
        assert (verdict.confidence == "low") == ("à vérifier" in verdict.message.fr)
        assert eligibility(LegalFacts(), verdict.reserved, on, load()).outcome == "UNKNOWN"
    assert outcomes(facts, on, load()) == tuple(verdict.outcome for verdict in verdicts)
