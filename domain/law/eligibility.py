"""A supplier's verdict for a reserved type at a date, and the approvals that may decide it."""

from collections.abc import Callable, Iterable
from datetime import date

from domain.law.approval_eligibility import HANDICAP, IAE, handicap, iae
from domain.law.ess_eligibility import ess
from domain.law.findings import Verdict
from domain.law.prison_eligibility import penitentiary
from domain.law.rules import InForce, Rules
from domain.law.supplier_facts import LegalFacts
from domain.needs.need import ContractKind, Reserved

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


def eligibility(
    facts: LegalFacts, reserved: Reserved, on: date, rules: Rules, contract: ContractKind = "market"
) -> Verdict:
    """The supplier's verdict for one reserved type at `on`. Missing data is UNKNOWN, never INELIGIBLE.

    `contract` decides which articles are quoted, not the outcome.

    A lot's own findings (a type not in force, a forbidden combination) do not change it. For a lot reserved to several
    types see `findings.best_of`.
    """
    return _VERDICTS[reserved](facts, on, rules.at(on, contract))


def evidence(reserved: Iterable[Reserved], view: InForce) -> frozenset[str]:
    """The kinds of approval that may decide a verdict for one of these types."""
    return frozenset().union(*(view.eventual_codes(rule_id) for kind in reserved for rule_id in _EVIDENCE[kind]))
