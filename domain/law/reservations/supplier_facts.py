"""The facts about a supplier that decide its eligibility: approvals at a date, and the share of its workers."""

from datetime import date
from functools import lru_cache
from math import floor
from typing import NamedTuple

import msgspec

from domain.law.findings import Verdict, applies, days, sentence, verdict
from domain.law.rules import InForce, RuleRow
from domain.needs.need import Reserved
from domain.suppliers.supplier import Approval, LegalForm, Shares
from domain.text.bilingual import NOTHING, Text, decimal

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
        elif current is None or (approval.valid_until or date.max) > (current.valid_until or date.max):
            current = approval
    return current, lapsed


def in_force(approval: Approval, on: date) -> bool:
    """Whether the approval holds at `on`; bounds are inclusive, a null bound is open."""
    return (approval.valid_from is None or approval.valid_from <= on) and (
        approval.valid_until is None or on <= approval.valid_until
    )


class MinimumShare(NamedTuple):
    """The share of its workers that a supplier must reach for a reserved type: the rule, and whom it counts."""

    reserved: Reserved
    rule: str
    workers: Text

    def proof(self, view: InForce) -> Text:
        """The proof of the share, as one asks a supplier for it."""
        minimum, workers = view.eventual_number(self.rule), self.workers
        return sentence("share_proof", minimum=minimum, workers=workers)


@applies("minimum_share_handicap", "minimum_share_iae", "minimum_share_penitentiary")
def share_too_low(share: float | None, required: MinimumShare, view: InForce) -> Verdict | None:
    """A known share of the workers concerned below the minimum excludes the supplier, whatever its approvals.

    Exactly the minimum is enough. Only the category that counts is read: disabled workers for handicap, disadvantaged
    ones for insertion, detainees for penitentiary. The share for penitentiary was fixed some weeks after the type
    was created; suppliers are judged by it at any date, because what a date forbids is told on the lot.
    """
    if share is None or share * 100 >= view.eventual_number(required.rule):
        return None
    return _too_low(share, required, view)


@lru_cache(maxsize=4096)
def _too_low(share: float, required: MinimumShare, view: InForce) -> Verdict:
    minimum = view.eventual_number(required.rule)
    # rounded down, so as not to look sufficient
    known, workers = percent(floor(share * 1000) / 1000), required.workers
    message = sentence("share_too_low", known=known, workers=workers, minimum=minimum)
    return verdict(view[required.rule], required.reserved, "INELIGIBLE", "SHARE_LT_50", message)


def eligible(view: InForce, row: RuleRow, known: Text, share: float | None, required: MinimumShare) -> Verdict:
    """ELIGIBLE by what is `known`: with a sufficient share, else by presumption and never surer than that."""
    if share is not None:
        stated, workers = percent(share), required.workers
        message = Text(f"{known.fr} ; {stated.fr} % de {workers.fr}", f"{known.en}; {stated.en}% of {workers.en}")
        return verdict(row, required.reserved, "ELIGIBLE", None, message)
    proof, presumption = required.proof(view), view["share_presumption"]
    message = sentence("share_presumed", known=known, proof=proof)
    sure = "low" if row.confidence == "low" else presumption.confidence
    presumed = verdict(row, required.reserved, "ELIGIBLE", "PRESUMED_SHARE", message, (), sure)
    return msgspec.structs.replace(presumed, rule=presumption.id)


def percent(share: float) -> Text:
    """A share as a percentage number, without its sign, to one decimal where it has one."""
    digits = 0 if round(share * 1000) % 10 == 0 else 1
    return Text(decimal(share * 100, "fr", digits), decimal(share * 100, "en", digits))


def until_day(end: date | None) -> Text:
    """ " jusqu'au 22/12/2026" where an approval has an end, else nothing."""
    if end is None:
        return NOTHING
    day = days(end)
    return Text(f" jusqu'au {day.fr}", f" until {day.en}")


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
