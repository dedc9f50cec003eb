"""The three-year bar of ESS-reserved contracts: what a buyer's past awards change in a supplier's verdict."""

from collections.abc import Iterable
from datetime import date

import msgspec

from domain.law.citation import days
from domain.law.facts import verdict
from domain.law.findings import OUTCOMES, Verdict
from domain.law.months import months_later
from domain.law.registry import applies
from domain.law.rules import Rules
from domain.wording import Text


class EssAward(msgspec.Struct, frozen=True):
    """An ESS-reserved contract this supplier was awarded by the same buyer; whether it was for the same service."""

    awarded_on: date
    same_service: bool


@applies("ess_award_bar_months")
def with_award_bar(found: Verdict, awards: Iterable[EssAward], on: date, rules: Rules) -> Verdict:
    """A supplier awarded an ESS-reserved contract in the previous 36 months may not be awarded another (ESS_AWARD_BAR).

    Same buyer and same service: INELIGIBLE until the third anniversary included; another service: to be judged, for the
    exact wording was not retrieved. Awards after `on` are ignored. Only an ESS verdict changes, never for the better.
    """
    if found.reserved != "ess":
        return found
    view = rules.at(on)
    months = view.number("ess_award_bar_months") or 36
    barring = [award for award in awards if award.awarded_on <= on <= months_later(award.awarded_on, months)]
    if not barring:
        return found
    same = any(award.same_service for award in barring)
    last = days(max(award.awarded_on for award in barring if award.same_service or not same))
    if same:
        message = Text(
            f"A obtenu un marché réservé à l'ESS pour ce service le {last.fr}, trop récemment",
            f"Was awarded a contract reserved to the social economy for this service on {last.en}, too recently",
        )
    else:
        message = Text(
            f"A obtenu un autre marché réservé à l'ESS le {last.fr} : à apprécier",
            f"Was awarded another contract reserved to the social economy on {last.en}: to be judged",
        )
    row = view["ess_award_bar_months"]
    bar = verdict(row, "ess", "INELIGIBLE" if same else "REVIEW", "ESS_AWARD_BAR", message)
    return bar if OUTCOMES.index(bar.outcome) > OUTCOMES.index(found.outcome) else found
