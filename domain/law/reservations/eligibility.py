"""A supplier's verdict for a reserved type at a date, and the approvals that may decide it.

Handicap and insertion are decided here, by an approval (EA, ESAT, EI, ACI…) and a share of the workers.
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from domain.law.findings import Verdict, applies, sentence, verdict
from domain.law.reservations.ess import ess
from domain.law.reservations.prison import SHARE as PRISON_SHARE
from domain.law.reservations.prison import penitentiary
from domain.law.reservations.supplier_facts import (
    CURRENT_APPROVAL,
    LegalFacts,
    MinimumShare,
    eligible,
    lapsed_verdict,
    not_in_force,
    right_kinds,
    share_too_low,
    until_day,
)
from domain.law.rules import InForce, Rules
from domain.needs.need import RESERVED_TYPES, ContractKind, Reserved
from domain.shortlists.shortlist import Outcome
from domain.suppliers.supplier import Approval, Kind, Shares
from domain.text.bilingual import Text


class ApprovalRules(NamedTuple):
    """The rules that decide a reserved type whose suppliers are known by an approval."""

    reserved: Reserved
    kinds: tuple[str, ...]
    under_review: str
    share: MinimumShare

    def rule_of(self, kind: Kind, view: InForce) -> str:
        """The rule that names this kind."""
        return next(rule_id for rule_id in self.kinds if kind in view.codes(rule_id))


HANDICAP = ApprovalRules(
    "handicap",
    ("kinds_handicap", "kinds_handicap_temporary_work"),
    "kinds_review_handicap",
    MinimumShare("handicap", "minimum_share_handicap", Text("travailleurs handicapés", "disabled workers")),
)
IAE = ApprovalRules(
    "iae",
    ("kinds_iae",),
    "kinds_review_iae",
    MinimumShare("iae", "minimum_share_iae", Text("travailleurs défavorisés", "disadvantaged workers")),
)


@applies("kinds_handicap", "kinds_handicap_temporary_work")
def handicap(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """Handicap: an EA, EATT or ESAT approval in force at the date, and at least the minimum share of disabled workers.

    Unknown approvals give UNKNOWN; a lapsed one ELIGIBLE_IF; none of these kinds INELIGIBLE. A "structure équivalente"
    without approval cannot be recognised from data: the message says that it may prove its quality to the buyer.
    """
    return _verdict(facts, on, view, HANDICAP, facts.shares.disabled)


@applies("kinds_iae")
def iae(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """Insertion: an EI, ETTI, AI or ACI convention in force at the date, and enough disadvantaged workers.

    Unknown approvals give UNKNOWN; a lapsed one ELIGIBLE_IF; none of these kinds INELIGIBLE.
    """
    return _verdict(facts, on, view, IAE, facts.shares.disadvantaged)


def _verdict(facts: LegalFacts, on: date, view: InForce, rules: ApprovalRules, share: float | None) -> Verdict:
    """Share first, then the best reading of the approvals: in force, else lapsed, else under review, else none."""
    if refused := share_too_low(share, rules.share, view):
        return refused
    if facts.approvals is None:
        return _unknown_approvals(view, rules)
    current, lapsed = right_kinds(facts.approvals, _kinds(rules, view), on)
    if current is not None:
        return _approved(view, rules, current.kind, current.valid_until, share)
    if lapsed is not None:
        return lapsed_verdict(view, rules.reserved, rules.rule_of(lapsed.kind, view), lapsed, on)
    return _maybe_equivalent(facts.approvals, on, view, rules) or _no_such_approval(view, rules)


def _maybe_equivalent(approvals: tuple[Approval, ...], on: date, view: InForce, rules: ApprovalRules) -> Verdict | None:
    current, lapsed = right_kinds(approvals, view.codes(rules.under_review), on)
    if current is not None:
        return _under_review(view, rules, current.kind, _in_force_until(current.kind, current.valid_until))
    return None if lapsed is None else _under_review(view, rules, lapsed.kind, not_in_force(lapsed, on))


def _in_force_until(kind: Kind, end: date | None) -> Text:
    return Text(f"{kind} en vigueur{until_day(end).fr}", f"{kind} in force{until_day(end).en}")


@lru_cache(maxsize=256)
def _kinds(rules: ApprovalRules, view: InForce) -> frozenset[str]:
    return frozenset().union(*map(view.codes, rules.kinds))


@applies("share_presumption", "kinds_staff_supply")
@lru_cache(maxsize=16_384)
def _approved(view: InForce, rules: ApprovalRules, kind: Kind, end: date | None, share: float | None) -> Verdict:
    """An approval of the right kind in force, and SEP for prisons, is presumed to meet a share that is not known.

    The verdict is ELIGIBLE either way (code PRESUMED_SHARE where presumed), and the end of the approval is announced.
    AI, ETTI and EATT supply staff: the message says so, because the object of the lot must suit.
    """
    known = _in_force_until(kind, end)
    if kind in view.codes("kinds_staff_supply"):
        known = Text(f"{known.fr} (mise à disposition de personnel)", f"{known.en} (supply of staff)")
    return eligible(view, view[rules.rule_of(kind, view)], known, share, rules.share)


@applies("kinds_review_handicap", "kinds_review_iae", "eiti_experiment")
@lru_cache(maxsize=4096)
def _under_review(view: InForce, rules: ApprovalRules, kind: Kind, known: Text) -> Verdict:
    """TIH (handicap), EITI and GEIQ (insertion) are not named by the article: a person must judge, lapsed or not.

    They may be "structures équivalentes" if they prove the minimum share. EITI is an experiment with a planned end. The
    end of the approval is announced.
    """
    fr, en = known.fr, known.en
    experiment = view["eiti_experiment"]
    if kind == "EITI" and experiment.status != "in_force" and experiment.valid_from is not None:
        fr, en = f"{fr} (expérimentation : fin prévue passée)", f"{en} (experiment: past its planned end)"
    message = sentence("kind_review", known=Text(fr, en))
    proof = rules.share.proof(view)
    return verdict(view[rules.under_review], rules.reserved, "REVIEW", "KIND_REVIEW", message, (proof,))


@lru_cache(maxsize=64)
def _no_such_approval(view: InForce, rules: ApprovalRules) -> Verdict:
    kinds = ", ".join(sorted(_kinds(rules, view)))
    message = sentence("no_such_approval", kinds=kinds)
    return verdict(view[rules.kinds[0]], rules.reserved, "INELIGIBLE", "KIND_NOT_ELIGIBLE", message)


@lru_cache(maxsize=64)
def _unknown_approvals(view: InForce, rules: ApprovalRules) -> Verdict:
    message = Text("Agréments et conventions non connus", "Approvals and conventions not known")
    return verdict(view[rules.kinds[0]], rules.reserved, "UNKNOWN", "DATA_MISSING", message, (CURRENT_APPROVAL,))


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
    """The supplier's verdict for one reserved type by the rules of the day."""
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
