"""What supply and law say together: which reservation would work, and which would leave a lot without offer.

The numbers compared here are counsel of this project (rules of theme `counsel`), not law, and the messages say so.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from domain.law.citation import days
from domain.law.eligibility import eligibility
from domain.law.facts import LegalFacts
from domain.law.findings import LegalAdvice, LegalFinding, LotReview, advice
from domain.law.months import months_later
from domain.law.registry import applies
from domain.law.rules import InForce, Rules
from domain.need import Lot, Reserved
from domain.wording import Text

OPTION_NAMES: dict[str, Text] = {
    "handicap": Text("au handicap", "handicap"),
    "iae": Text("à l'insertion", "work integration"),
    "handicap_iae": Text("au handicap et à l'insertion", "handicap and work integration"),
    "penitentiary": Text("au travail pénitentiaire", "penitentiary work"),
    "ess": Text("à l'ESS", "the social economy"),
}


class Count(NamedTuple):
    """Candidates a lot would have, and how many of them are plainly ELIGIBLE."""

    total: int
    certain: int


class Ends(NamedTuple):
    """How many candidates' approvals end before the contract does, and the first of these days."""

    candidates: int
    first: date


class Supply(msgspec.Struct, frozen=True):
    """What a match found for one lot.

    `total`: its candidates under its own reservation. `options`: per reservation it might have (keys of
    `review.OPTIONS`), the candidates it would have. `ends`: of the candidates of a reserved lot, those whose approval
    ends before `horizon` (see `approval_end`); null: none.
    """

    total: int
    options: Mapping[str, Count]
    reserved: frozenset[Reserved] = frozenset()
    ends: Ends | None = None


def counsel(supply: Supply, review: LotReview, on: date, rules: Rules) -> tuple[LegalAdvice, ...]:
    """The lot's advice that depends on supply and on what the law says of the same lot."""
    view = rules.at(on)
    found = (_no_offer(supply, view), _possible(supply, review, view), _expiring(supply, view))
    return tuple(item for item in (*found, *_not_open(supply, review.forbidden, view)) if item)


@applies("counsel_no_offer")
def _no_offer(supply: Supply, view: InForce) -> LegalAdvice | None:
    """Without a capable supplier, a lot may get no offer: do not reserve it (RISK_INFRUCTUEUX)."""
    minimum = view.number("counsel_no_offer")
    if minimum is None or supply.total >= minimum:
        return None
    if supply.reserved:
        message = Text(
            "Conseil : aucun fournisseur du vivier ne répond à ce lot réservé ; ne pas réserver, risque de rester sans "
            "offre",
            "Counsel: no supplier of the directory answers this reserved lot; do not reserve, risk of no offer",
        )
    else:
        message = Text(
            "Conseil : aucun fournisseur du vivier ne répond à ce lot ; ne pas réserver, risque de rester sans offre",
            "Counsel: no supplier of the directory answers this lot; do not reserve it, risk of no offer",
        )
    return advice("RISK_INFRUCTUEUX", "warning", view["counsel_no_offer"], message)


@applies("counsel_reservation_minimum", "counsel_reservation_comfortable")
def _possible(supply: Supply, review: LotReview, view: InForce) -> LegalAdvice | None:
    """Reservations that the law allows and that leave enough candidates (RESERVATION_POSSIBLE).

    For a lot already reserved as the law allows, only those that leave more candidates than its own. Where the law
    leaves a type open for this lot, it is named with that proviso. Enough is counsel, not law.
    """
    minimum = view.number("counsel_reservation_minimum") or 1
    comfortable = view.number("counsel_reservation_comfortable") or minimum
    floor = max(minimum, supply.total + 1 if supply.reserved and not review.refused else 0)
    open_ = {
        option: count
        for option, count in supply.options.items()
        if option in OPTION_NAMES and review.forbidden.get(option) is None and count.total >= floor
    }
    if not open_:
        return None
    most = max(count.total for count in open_.values())
    named = tuple((option, count, option in review.doubtful) for option, count in open_.items())
    return _suggested(named, most > comfortable, view)


@lru_cache(maxsize=4096)
def _suggested(named: tuple[tuple[str, Count, bool], ...], plenty: bool, view: InForce) -> LegalAdvice:
    parts = [_leaves(*each) for each in named]
    scarce = Text("", "") if plenty else Text(" ; concurrence limitée", "; limited competition")
    message = Text(
        f"Conseil : réserver {' ; '.join(part.fr for part in parts)}{scarce.fr}",
        f"Counsel: reserving to {'; '.join(part.en for part in parts)}{scarce.en}",
    )
    return advice("RESERVATION_POSSIBLE", "info", view["counsel_reservation_minimum"], message)


@lru_cache(maxsize=4096)
def _leaves(option: str, count: Count, doubtful: bool = False) -> Text:
    name, sure = OPTION_NAMES[option], count.certain
    many, sures = ("s" if number > 1 else "" for number in count)
    fr, en = (", à condition de vérifier que le lot s'y prête", ", provided the lot is checked to qualify")
    return Text(
        f"{name.fr} laisse {count.total} candidat{many} ({sure} certain{sures}){fr if doubtful else ''}",
        f"{name.en} leaves {count.total} candidate{many} ({sure} certain){en if doubtful else ''}",
    )


def _not_open(supply: Supply, forbidden: Mapping[str, LegalFinding | None], view: InForce) -> list[LegalAdvice]:
    """RESERVATION_NOT_OPEN: a reservation that supply would bear but that the law forbids for this lot, and why."""
    minimum = view.number("counsel_reservation_minimum") or 1
    return [
        _closed(option, count, finding)
        for option, count in supply.options.items()
        if count.total >= minimum and option in OPTION_NAMES and (finding := forbidden.get(option))
    ]


@lru_cache(maxsize=4096)
def _closed(option: str, count: Count, finding: LegalFinding) -> LegalAdvice:
    part = _leaves(option, count)
    message = Text(
        f"Réserver {part.fr}, mais n'est pas ouvert à ce lot. {finding.message.fr}",
        f"Reserving to {part.en}, but is not open to this lot. {finding.message.en}",
    )
    return LegalAdvice("RESERVATION_NOT_OPEN", "info", finding.rule, finding.article, finding.confidence, message)


def _expiring(supply: Supply, view: InForce) -> LegalAdvice | None:
    """APPROVALS_EXPIRING: how many candidates' approvals end before the contract does, and the first of these days."""
    return None if supply.ends is None else _ending(supply.ends, view)


@lru_cache(maxsize=4096)
def _ending(ends: Ends, view: InForce) -> LegalAdvice:
    count, first = ends.candidates, days(ends.first)
    many = "s" if count > 1 else ""
    message = Text(
        f"Conseil : l'agrément de {count} candidat{many} finit avant la fin du marché (le premier le {first.fr}) ; "
        "demander la preuve du renouvellement",
        f"Counsel: the approval of {count} candidate{many} ends before the contract does (the first on {first.en}); "
        "ask for proof of renewal",
    )
    return advice("APPROVALS_EXPIRING", "info", view["counsel_expiry_months"], message)


@applies("counsel_expiry_months")
def horizon(lot: Lot, on: date, rules: Rules) -> date:
    """The day until which approvals should last: duration and renewals from `on`, else twelve months (counsel)."""
    known = (lot.duration_months or 0) + (lot.renewal_months or 0)
    return months_later(on, known or rules.at(on).number("counsel_expiry_months") or 12)


def approval_end(facts: LegalFacts, reserved: frozenset[Reserved], on: date, rules: Rules) -> date | None:
    """The last day, from `on`, of the approval after which the supplier is no longer ELIGIBLE.

    Only for a supplier that is ELIGIBLE at `on` for one of these types; None where it stays so.
    """
    approvals = facts.approvals or ()
    ends = sorted({end for approval in approvals if (end := approval.valid_until) and on <= end < date.max})
    if not ends or not _eligible(facts, reserved, on, rules):
        return None
    return next((end for end in ends if not _eligible(facts, reserved, end + timedelta(days=1), rules)), None)


def _eligible(facts: LegalFacts, reserved: frozenset[Reserved], on: date, rules: Rules) -> bool:
    return any(eligibility(facts, kind, on, rules).outcome == "ELIGIBLE" for kind in reserved)


@applies("distance_sourcing_only")
@lru_cache(maxsize=256)
def distance_is_for_sourcing(on: date, rules: Rules) -> LegalAdvice:
    """Distance may rank whom to talk to before the market; it is never a selection or award criterion.

    To be said wherever distance ranks (DISTANCE_SOURCING_ONLY).
    """
    row = rules.at(on)["distance_sourcing_only"]
    return LegalAdvice("DISTANCE_SOURCING_ONLY", "info", row.id, row.article, row.confidence, row.message)
