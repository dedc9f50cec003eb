"""The reservation of a lot to work in prison: an object that can be made or done inside one.

Suppliers that work inside a prison are eligible for it.
"""

from datetime import date
from functools import lru_cache

from domain.law.findings import LegalFinding, Verdict, applies, finding, sentence, verdict
from domain.law.procedures.lot_facts import LotObject
from domain.law.reservations.supplier_facts import (
    LegalFacts,
    MinimumShare,
    eligible,
    lapsed_verdict,
    percent,
    right_kinds,
    share_too_low,
    until_day,
)
from domain.law.rules import InForce
from domain.shortlists.shortlist import Outcome
from domain.text.bilingual import Text


def review_prison(bought: LotObject, sited: bool, view: InForce) -> tuple[LegalFinding, ...]:
    """The findings on reserving such a lot to work in prison; `sited`: it names a place of performance."""
    found = _share_fixed(view), _place(bought.works or False, sited, view), _object(bought.segments, view)
    return tuple(finding for finding in found if finding)


def _share_fixed(view: InForce) -> LegalFinding | None:
    """The type was usable before its minimum share was fixed by decree: between both dates a person must judge."""
    row = view["minimum_share_penitentiary"]
    if row.status == "in_force" or not view.holds("reserved_penitentiary"):
        return None
    return finding("SHARE_NOT_FIXED", "REVIEW", row, sentence("share_not_fixed"))


def _place(works: bool, sited: bool, view: InForce) -> LegalFinding | None:
    """Works are performed on the buyer's site, hence outside; a declared site must be the prison's own address."""
    if not works and not sited:
        return None
    message = sentence("works_outside_prison") if works else sentence("place_of_performance_given")
    outcome: Outcome = "INELIGIBLE" if works else "REVIEW"
    return finding("EXECUTION_OUTSIDE_PRISON", outcome, view["penitentiary_execution"], message)


@applies("penitentiary_site_segments")
def _object(segments: tuple[str, ...], view: InForce) -> LegalFinding | None:
    """Services performed on the buyer's or user's premises cannot be performed inside a prison (INELIGIBLE_OBJECT).

    All activities of the lot are such: refused; some of them: to be judged. The list of activities is this project's.
    """
    on_site = [segment for segment in segments if segment in view.codes("penitentiary_site_segments")]
    if not on_site:
        return None
    message = sentence("services_on_premises")
    outcome: Outcome = "INELIGIBLE" if len(on_site) == len(segments) else "REVIEW"
    return finding("INELIGIBLE_OBJECT", outcome, view["penitentiary_site_segments"], message)


DETAINEES = Text("personnes détenues", "detainees")
SHARE = MinimumShare("penitentiary", "minimum_share_penitentiary", DETAINEES)
IMPLANTATION = Text("la preuve de l'implantation en établissement pénitentiaire", "proof of operating inside a prison")


@applies("kinds_penitentiary")
def penitentiary(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """Penitentiary: work executed inside a prison, with at least the minimum share of detainees among the workers.

    SEP in force proves the implantation, and the share is presumed where it is not known. SEP lapsed gives ELIGIBLE_IF,
    also beside `in_prison`: the dated evidence is followed. Suppliers are judged so at any date: that the type did not
    exist yet is told on the lot.
    """
    share = facts.shares.detained
    if refused := share_too_low(share, SHARE, view):
        return refused
    current, lapsed = right_kinds(facts.approvals, view.eventual_codes("kinds_penitentiary"), on)
    if current is not None:
        return _implanted(view, current.valid_until, share)
    if lapsed is not None:
        return lapsed_verdict(view, "penitentiary", "kinds_penitentiary", lapsed, on)
    return _without_sep(view, facts.in_prison, share)


@lru_cache(maxsize=1024)
def _implanted(view: InForce, end: date | None, share: float | None) -> Verdict:
    known = Text(
        f"Implantation en prison en vigueur{until_day(end).fr}", f"Prison implantation in force{until_day(end).en}"
    )
    return eligible(view, view["kinds_penitentiary"], known, share, SHARE)


@applies("penitentiary_execution")
@lru_cache(maxsize=1024)
def _without_sep(view: InForce, in_prison: bool | None, share: float | None) -> Verdict:
    """Without SEP, any operator (an EA, an EI…) that works inside a prison may answer if most workers are detainees.

    With a known sufficient share it is ELIGIBLE, with an unknown one ELIGIBLE_IF. Known not to work in a prison:
    INELIGIBLE, even with a high share, because day release outside does not count. Not known whether it does: UNKNOWN,
    also where its approvals are known and hold no SEP, for an approval of another kind says nothing of a workshop in a
    prison.
    """
    row = view["penitentiary_execution"]
    if in_prison is None:
        message = Text("Travail en prison : non connu", "Work inside a prison: not known")
        return verdict(row, "penitentiary", "UNKNOWN", "DATA_MISSING", message, (IMPLANTATION,))
    if not in_prison:
        message = Text("Ne travaille pas en établissement pénitentiaire", "Does not work inside a prison")
        return verdict(row, "penitentiary", "INELIGIBLE", "NOT_IN_PRISON", message)
    if share is not None:
        known = percent(share)
        message = sentence("works_in_prison", known=known, detainees=DETAINEES)
        return verdict(row, "penitentiary", "ELIGIBLE", None, message)
    message = sentence("works_in_prison_share_to_prove")
    missing = (IMPLANTATION, SHARE.proof(view))
    return verdict(row, "penitentiary", "ELIGIBLE_IF", "PROOF_MISSING", message, missing)
