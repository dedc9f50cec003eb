"""A supplier's verdict for a reserved type at a date, and the approvals that may decide it."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache

from domain.law.approval_eligibility import HANDICAP, IAE, handicap, iae
from domain.law.ess_eligibility import ess
from domain.law.findings import Verdict
from domain.law.prison_eligibility import SHARE as PRISON_SHARE
from domain.law.prison_eligibility import penitentiary
from domain.law.rules import InForce, Rules
from domain.law.supplier_facts import LegalFacts
from domain.needs.need import RESERVED_TYPES, ContractKind, Reserved
from domain.shortlists.shortlist import Outcome
from domain.suppliers.supplier import Shares

_VERDICTS: dict[Reserved, Callable[[LegalFacts, date, InForce], Verdict]] = {
    "handicap": handicap,
    "iae": iae,
    "penitentiary": penitentiary,
    "ess": ess,
}

_EVIDENCE: dict[Reserved, tuple[str, ...]] = {
    "handicap": (*HANDICAP.kinds, HANDICAP.under_review),
    "iae": (*IAE.kinds, IAE.under_review),
    "penitentiary": ("kinds_penitentiary",),
    "ess": ("ess_evidence_kinds",),
}

UNKNOWN_SHARES = Shares()


def eligibility(
    facts: LegalFacts, reserved: Reserved, on: date, rules: Rules, contract: ContractKind = "market"
) -> Verdict:
    """The supplier's verdict for one reserved type at `on`. Missing data is UNKNOWN, never INELIGIBLE.

    `contract` decides which articles are quoted, not the outcome.

    A lot's own findings (a type not in force, a forbidden combination) do not change it. For a lot reserved to several
    types see `findings.best_of`.
    """
    return judged(facts, reserved, on, rules.at(on, contract))


def judged(facts: LegalFacts, reserved: Reserved, on: date, view: InForce) -> Verdict:
    """As `eligibility`, by the rules of the day."""
    return _VERDICTS[reserved](facts, on, view)


def outcomes(facts: LegalFacts, on: date, rules: Rules) -> tuple[Outcome, ...]:
    """The outcomes of the supplier's verdicts at `on`, for each of RESERVED_TYPES; cheaper than with their words."""
    view = rules.at(on)
    alike = as_decided(facts, view)
    return tuple([judged(alike, reserved, on, view).outcome for reserved in RESERVED_TYPES])


def as_decided(facts: LegalFacts, view: InForce) -> LegalFacts:
    """The facts with each known share of workers at none or all of them, by whether it reaches the minimum.

    That alone decides: many suppliers become alike, though their verdicts are worded with their own shares.
    """
    shares = facts.shares
    if shares == UNKNOWN_SHARES:
        return facts
    known = zip((shares.disabled, shares.disadvantaged, shares.detained), minimum_shares(view), strict=True)
    enough = Shares(*(share if share is None else float(share * 100 >= least) for share, least in known))
    return LegalFacts(facts.approvals, enough, facts.in_prison, facts.legal_form, facts.ess)


@lru_cache(maxsize=256)
def minimum_shares(view: InForce) -> tuple[int, int, int]:
    """The percentages of disabled, disadvantaged and detained workers that a supplier must reach."""
    disabled, disadvantaged, detained = (
        view.eventual_number(minimum.rule) for minimum in (HANDICAP.share, IAE.share, PRISON_SHARE)
    )
    return disabled, disadvantaged, detained


@lru_cache(maxsize=256)
def evidence(reserved: frozenset[Reserved] | tuple[Reserved, ...], view: InForce) -> frozenset[str]:
    """The kinds of approval that may decide a verdict for one of these types."""
    return frozenset().union(*(view.eventual_codes(rule_id) for kind in reserved for rule_id in _EVIDENCE[kind]))
