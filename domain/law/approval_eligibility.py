"""Handicap and insertion: suppliers known by an approval (EA, ESAT, EI, ACI…) and by a share of their workers."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from domain.law.findings import Verdict
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.law.supplier_facts import (
    CURRENT_APPROVAL,
    LegalFacts,
    lapsed_verdict,
    not_in_force,
    percent,
    presumed,
    right_kinds,
    share_proof,
    share_too_low,
    too_low,
    until,
    verdict,
)
from domain.needs.need import Reserved
from domain.suppliers.supplier import Approval, Kind
from domain.text.bilingual import Text


class Circle(NamedTuple):
    """A reserved type whose suppliers are known by an approval, and the rules that decide it."""

    reserved: Reserved
    kinds: tuple[str, ...]
    under_review: str
    share: str
    workers: Text

    def names(self, view: InForce) -> frozenset[str]:
        """The kinds of approval that open this circle."""
        return frozenset().union(*(view.codes(rule_id) for rule_id in self.kinds))

    def rule_of(self, kind: Kind, view: InForce) -> str:
        """The rule that names this kind."""
        return next(rule_id for rule_id in self.kinds if kind in view.codes(rule_id))


HANDICAP = Circle(
    "handicap",
    ("kinds_handicap", "kinds_handicap_temporary_work"),
    "kinds_review_handicap",
    "minimum_share_handicap",
    Text("travailleurs handicapés", "disabled workers"),
)
IAE = Circle(
    "iae",
    ("kinds_iae",),
    "kinds_review_iae",
    "minimum_share_iae",
    Text("travailleurs défavorisés", "disadvantaged workers"),
)


@applies("kinds_handicap", "kinds_handicap_temporary_work")
def handicap(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """Handicap: an EA, EATT or ESAT approval in force at the date, and at least the minimum share of disabled workers.

    Unknown approvals give UNKNOWN; a lapsed one ELIGIBLE_IF; none of these kinds INELIGIBLE. A "structure équivalente"
    without approval cannot be recognised from data: the message says that it may prove its quality to the buyer.
    """
    return _judge(facts, on, view, HANDICAP, facts.shares.disabled)


@applies("kinds_iae")
def iae(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """Insertion: an EI, ETTI, AI or ACI convention in force at the date, and enough disadvantaged workers.

    Unknown approvals give UNKNOWN; a lapsed one ELIGIBLE_IF; none of these kinds INELIGIBLE.
    """
    return _judge(facts, on, view, IAE, facts.shares.disadvantaged)


def _judge(facts: LegalFacts, on: date, view: InForce, circle: Circle, share: float | None) -> Verdict:
    """Share first, then the best reading of the approvals: in force, else lapsed, else under review, else none."""
    if share is not None and too_low(share, circle.share, view):
        return share_too_low(view, circle.reserved, circle.share, share, circle.workers)
    if facts.approvals is None:
        return _nothing_known(view, circle)
    current, lapsed = right_kinds(facts.approvals, _names(circle, view), on)
    if current is not None:
        return _approved(view, circle, current.kind, current.valid_until, share)
    if lapsed is not None:
        return lapsed_verdict(view, circle.reserved, circle.rule_of(lapsed.kind, view), lapsed, on)
    return _equivalent(facts.approvals, on, view, circle) or _none_of_them(view, circle)


def _equivalent(approvals: tuple[Approval, ...], on: date, view: InForce, circle: Circle) -> Verdict | None:
    """The verdict for a kind that may be a "structure équivalente", where the supplier holds one."""
    current, lapsed = right_kinds(approvals, view.codes(circle.under_review), on)
    if current is not None:
        return _under_review(view, circle, current.kind, _since(current.kind, current.valid_until))
    return None if lapsed is None else _under_review(view, circle, lapsed.kind, not_in_force(lapsed, on))


def _since(kind: Kind, end: date | None) -> Text:
    """An approval in force, and the end it has: "EITI en vigueur jusqu'au 22/12/2026"."""
    return Text(f"{kind} en vigueur{until(end).fr}", f"{kind} in force{until(end).en}")


@lru_cache(maxsize=256)
def _names(circle: Circle, view: InForce) -> frozenset[str]:
    return circle.names(view)


@applies("share_presumption", "kinds_staff_supply")
@lru_cache(maxsize=16_384)
def _approved(view: InForce, circle: Circle, kind: Kind, end: date | None, share: float | None) -> Verdict:
    """An approval of the right kind in force, and SEP for prisons, is presumed to meet a share that is not known.

    The verdict is ELIGIBLE either way (code PRESUMED_SHARE where presumed), and the end of the approval is announced.
    AI, ETTI and EATT supply staff: the message says so, because the object of the lot must suit.
    """
    row = view[circle.rule_of(kind, view)]
    staff = kind in view.codes("kinds_staff_supply")
    known = _since(kind, end)
    fr = known.fr + (" (mise à disposition de personnel)" if staff else "")
    en = known.en + (" (supply of staff)" if staff else "")
    if share is not None:
        stated = percent(share)
        message = Text(f"{fr} ; {stated.fr} % de {circle.workers.fr}", f"{en}; {stated.en}% of {circle.workers.en}")
        return verdict(row, circle.reserved, "ELIGIBLE", None, message)
    proof = share_proof(view, circle.share, circle.workers)
    return presumed(
        view, row, circle.reserved, Text(f"{fr} ; {proof.fr} est présumée", f"{en}; {proof.en} is presumed")
    )


@applies("kinds_review_handicap", "kinds_review_iae", "eiti_experiment")
@lru_cache(maxsize=4096)
def _under_review(view: InForce, circle: Circle, kind: Kind, known: Text) -> Verdict:
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
    proof = share_proof(view, circle.share, circle.workers)
    return verdict(view[circle.under_review], circle.reserved, "REVIEW", "KIND_REVIEW", message, (proof,))


@lru_cache(maxsize=64)
def _none_of_them(view: InForce, circle: Circle) -> Verdict:
    kinds = ", ".join(sorted(circle.names(view)))
    message = Text(
        f"Aucun agrément parmi {kinds} ; une structure équivalente peut en apporter la preuve à l'acheteur",
        f"No approval among {kinds}; an equivalent structure may prove its quality to the buyer",
    )
    return verdict(view[circle.kinds[0]], circle.reserved, "INELIGIBLE", "KIND_NOT_ELIGIBLE", message)


@lru_cache(maxsize=64)
def _nothing_known(view: InForce, circle: Circle) -> Verdict:
    message = Text("Agréments et conventions non connus", "Approvals and conventions not known")
    return verdict(view[circle.kinds[0]], circle.reserved, "UNKNOWN", "DATA_MISSING", message, (CURRENT_APPROVAL,))
