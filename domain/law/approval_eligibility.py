"""Eligibility for handicap and insertion, by an approval (EA, ESAT, EI, ACI…) and a share of the workers."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from domain.law.findings import Verdict, verdict
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.law.supplier_facts import (
    CURRENT_APPROVAL,
    LegalFacts,
    MinimumShare,
    eligible,
    lapsed_verdict,
    not_in_force,
    right_kinds,
    share_too_low,
    until,
)
from domain.needs.need import Reserved
from domain.suppliers.supplier import Approval, Kind
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
    return Text(f"{kind} en vigueur{until(end).fr}", f"{kind} in force{until(end).en}")


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
    message = Text(
        f"{fr} : peut être une structure équivalente, à apprécier au cas par cas",
        f"{en}: may be an equivalent structure, to be judged case by case",
    )
    proof = rules.share.proof(view)
    return verdict(view[rules.under_review], rules.reserved, "REVIEW", "KIND_REVIEW", message, (proof,))


@lru_cache(maxsize=64)
def _no_such_approval(view: InForce, rules: ApprovalRules) -> Verdict:
    kinds = ", ".join(sorted(_kinds(rules, view)))
    message = Text(
        f"Aucun agrément parmi {kinds} ; une structure équivalente peut en apporter la preuve à l'acheteur",
        f"No approval among {kinds}; an equivalent structure may prove its quality to the buyer",
    )
    return verdict(view[rules.kinds[0]], rules.reserved, "INELIGIBLE", "KIND_NOT_ELIGIBLE", message)


@lru_cache(maxsize=64)
def _unknown_approvals(view: InForce, rules: ApprovalRules) -> Verdict:
    message = Text("Agréments et conventions non connus", "Approvals and conventions not known")
    return verdict(view[rules.kinds[0]], rules.reserved, "UNKNOWN", "DATA_MISSING", message, (CURRENT_APPROVAL,))
