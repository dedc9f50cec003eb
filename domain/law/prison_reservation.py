"""Findings on reserving a lot to work in prison: an object that can be made or done inside one."""

from domain.law.findings import LegalFinding, finding
from domain.law.lot_facts import LotObject
from domain.law.rule_registry import applies
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
    message = Text(
        "À cette date, la part minimale de personnes détenues n'est pas encore fixée par décret",
        "At this date the minimum share of detainees is not yet fixed by decree",
    )
    return finding("SHARE_NOT_FIXED", "REVIEW", row, message)


def _place(works: bool, sited: bool, view: InForce) -> LegalFinding | None:
    """Works are performed on the buyer's site, hence outside; a declared site must be the prison's own address."""
    if not works and not sited:
        return None
    if works:
        message = Text(
            "Des travaux s'exécutent sur le chantier, hors de l'établissement pénitentiaire ; choisir un autre type",
            "Works are performed on site, outside the prison; choose another type",
        )
    else:
        message = Text(
            "Un lieu d'exécution est indiqué : l'exécution doit avoir lieu dans l'établissement pénitentiaire ; "
            "le retirer s'il n'est que le lieu de livraison",
            "A place of performance is given: performance must take place inside the prison; remove it if it is only "
            "the place of delivery",
        )
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
    message = Text(
        "Ces prestations s'exécutent sur place, et non dans un établissement pénitentiaire ; choisir un autre type",
        "These services are performed on the premises, not inside a prison; choose another type",
    )
    outcome: Outcome = "INELIGIBLE" if len(on_site) == len(segments) else "REVIEW"
    return finding("INELIGIBLE_OBJECT", outcome, view["penitentiary_site_segments"], message)
