"""A shortlist in short, for whoever shows it: best verdicts, standings, and points of law by gravity."""

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from domain.law.findings import OUTCOMES
from domain.shortlists.shortlist import Advice, Eligibility, LotShortlist, Outcome, Severity, Shortlist

Standing = Literal["eligible", "on_proof", "to_judge", "near_miss"]
"""The best that a supplier is over the lots: may answer, may with proofs, a person must judge, or it nearly fits."""
BEST_FIRST: tuple[Standing, ...] = ("eligible", "on_proof", "to_judge", "near_miss")
GRAVEST_FIRST: tuple[Severity, ...] = ("blocking", "warning", "info")
STANDINGS: dict[Outcome | None, Standing] = {
    None: "eligible",
    "ELIGIBLE": "eligible",
    "ELIGIBLE_IF": "on_proof",
    "UNKNOWN": "to_judge",
    "REVIEW": "to_judge",
    "INELIGIBLE": "to_judge",
}


def best_outcome(verdicts: Iterable[Eligibility]) -> Outcome | None:
    """The best of the verdicts under a lot's reserved types; None where it is not reserved."""
    return min((each.outcome for each in verdicts), key=OUTCOMES.index, default=None)


def standings_of(shortlist: Shortlist) -> dict[UUID, Standing]:
    """The best standing of each supplier over the lots."""
    found: dict[UUID, list[Standing]] = {}
    for lot in shortlist.lots:
        for row in lot.candidates:
            found.setdefault(row.supplier.id, []).append(STANDINGS[best_outcome(row.eligibility)])
        for miss in lot.near_misses:
            found.setdefault(miss.supplier.id, []).append("near_miss")
    return {supplier_id: min(standings, key=BEST_FIRST.index) for supplier_id, standings in found.items()}


def points_of_law(lot: LotShortlist) -> list[Advice]:
    """The findings on the reservation of a lot, as advice on it, and the other advice, the gravest first."""
    found = (
        Advice(
            each.code,
            "blocking" if each.outcome == "INELIGIBLE" else "warning",
            each.article,
            each.message,
            each.confidence,
            each.rule,
        )
        for each in lot.reservation.findings
    )
    return by_gravity((*found, *lot.advice))


def by_gravity(advice: Iterable[Advice]) -> list[Advice]:
    """The gravest first, else in the order given."""
    return sorted(advice, key=lambda each: GRAVEST_FIRST.index(each.severity))
