"""What the law looks at in a supplier, and how its approvals are read at a date."""

from datetime import date
from math import floor

import msgspec

from domain.law.citation import cite, days
from domain.law.findings import Verdict
from domain.law.rule_registry import applies
from domain.law.rules import InForce, RuleRow
from domain.needs.need import Reserved
from domain.shortlists.shortlist import Outcome
from domain.suppliers.supplier import Approval, LegalForm, Shares
from domain.text.bilingual import Text, decimal

CURRENT_APPROVAL = Text("la convention ou l'agrément en vigueur", "the convention or approval in force")


class LegalFacts(msgspec.Struct, frozen=True, cache_hash=True):
    """The facts that decide eligibility; hashable at little cost. `approvals` null: unknown; empty: it holds none."""

    approvals: tuple[Approval, ...] | None = None
    shares: Shares = Shares()
    in_prison: bool | None = None
    legal_form: LegalForm | None = None
    ess: bool | None = None


def right_kinds(
    approvals: tuple[Approval, ...] | None, kinds: frozenset[str], on: date
) -> tuple[Approval | None, Approval | None]:
    """Of the approvals of these kinds: the one in force that lasts longest, and one that is not in force at `on`."""
    current: Approval | None = None
    lapsed: Approval | None = None
    for approval in approvals or ():
        if approval.kind not in kinds:
            continue
        if not in_force(approval, on):
            lapsed = approval
        elif current is None or _end(approval) > _end(current):
            current = approval
    return current, lapsed


def in_force(approval: Approval, on: date) -> bool:
    """Bounds are inclusive; a null bound is open."""
    return (approval.valid_from is None or approval.valid_from <= on) and (
        approval.valid_until is None or on <= approval.valid_until
    )


def _end(approval: Approval) -> date:
    return approval.valid_until or date.max


@applies("minimum_share_handicap", "minimum_share_iae", "minimum_share_penitentiary")
def too_low(share: float | None, share_rule: str, view: InForce) -> bool:
    """A known share of the workers concerned below the minimum excludes the supplier, whatever its approvals.

    Exactly the minimum is enough. Only the category that counts is read: disabled workers for handicap, disadvantaged
    ones for insertion, detainees for penitentiary. The share for penitentiary was fixed some weeks after the type
    was created; suppliers are judged by it at any date, because what a date forbids is told on the lot.
    """
    return share is not None and share * 100 < view.eventual_number(share_rule)


def share_too_low(view: InForce, reserved: Reserved, share_rule: str, share: float, workers: Text) -> Verdict:
    """INELIGIBLE for a known share below the minimum, written rounded down so as not to look sufficient."""
    minimum = view.eventual_number(share_rule)
    known = percent(floor(share * 1000) / 1000)
    message = Text(
        f"{known.fr} % de {workers.fr} : moins que les {minimum} % exigés",
        f"{known.en}% of {workers.en}: less than the {minimum}% required",
    )
    return verdict(view[share_rule], reserved, "INELIGIBLE", "SHARE_LT_50", message)


def share_proof(view: InForce, share_rule: str, workers: Text) -> Text:
    """The proof of the minimum share, as one asks a supplier for it."""
    minimum = view.eventual_number(share_rule)
    return Text(f"la part d'au moins {minimum} % de {workers.fr}", f"the share of at least {minimum}% of {workers.en}")


def percent(share: float) -> Text:
    """A share as a percentage number, without its sign, to one decimal where it has one."""
    digits = 0 if round(share * 1000) % 10 == 0 else 1
    return Text(decimal(share * 100, "fr", digits), decimal(share * 100, "en", digits))


def until(end: date | None) -> Text:
    """ " jusqu'au 22/12/2026" where an approval has an end, else nothing."""
    if end is None:
        return Text("", "")
    day = days(end)
    return Text(f" jusqu'au {day.fr}", f" until {day.en}")


def presumed(view: InForce, row: RuleRow, reserved: Reserved, message: Text) -> Verdict:
    """ELIGIBLE by presumption: quotes the reservation's article, and is never surer than the presumption."""
    presumption = view["share_presumption"]
    confidence = "low" if row.confidence == "low" else presumption.confidence
    article = row.article or ""
    return Verdict(
        reserved,
        "ELIGIBLE",
        "PRESUMED_SHARE",
        (),
        presumption.id,
        article,
        confidence,
        cite(message, article, confidence),
    )


def lapsed_verdict(view: InForce, reserved: Reserved, rule_id: str, approval: Approval, on: date) -> Verdict:
    """ELIGIBLE_IF an approval of the right kind is shown to be in force: the one known is not, at `on`."""
    message = not_in_force(approval, on)
    return verdict(view[rule_id], reserved, "ELIGIBLE_IF", "APPROVAL_LAPSED", message, (CURRENT_APPROVAL,))


def not_in_force(approval: Approval, on: date) -> Text:
    """Since when an approval has lapsed, or from when it will hold: "EI échu depuis le 31/12/2025"."""
    if approval.valid_until is not None and approval.valid_until < on:
        end = days(approval.valid_until)
        return Text(f"{approval.kind} échu depuis le {end.fr}", f"{approval.kind} lapsed on {end.en}")
    start = days(approval.valid_from or on)
    return Text(f"{approval.kind} valable à partir du {start.fr}", f"{approval.kind} valid from {start.en}")


def verdict(
    row: RuleRow, reserved: Reserved, outcome: Outcome, code: str | None, message: Text, missing: tuple[Text, ...] = ()
) -> Verdict:
    """A verdict that quotes this rule, with its article and confidence."""
    article = row.article or ""
    return Verdict(
        reserved, outcome, code, missing, row.id, article, row.confidence, cite(message, article, row.confidence)
    )
