"""Rules on a buyer's past awards: the same supplier again (SAME_SUPPLIER), its dependence, the bar of ESS contracts."""

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from domain.law.findings import OUTCOMES, LegalAdvice, Verdict, advice, sentence, short_date, verdict
from domain.law.procedures.lot_facts import yearly_value
from domain.law.rules import Rules, months_later
from domain.needs.need import YEAR, Award, Lot, value_per_year
from domain.text.bilingual import NOTHING


class EssAward(msgspec.Struct, frozen=True):
    """An ESS-reserved contract awarded to a supplier; whether its service and buyer are those of the lot at hand."""

    awarded_on: date
    same_service: bool
    same_buyer: bool = True


def judge_award_bar(awards: Iterable[EssAward], on: date, rules: Rules) -> Verdict | None:
    """A supplier that won a contract reserved to ESS in the previous 36 months may not win another (ESS_AWARD_BAR)."""
    view = rules.view(on)
    months = view.number("ess_award_bar_months")
    if months is None:
        return None
    barring = [award for award in awards if award.awarded_on <= on <= months_later(award.awarded_on, months)]
    if not barring:
        return None
    # the one that bars most, the later of equals
    worst = max(barring, key=lambda each: (each.same_service and each.same_buyer, each.same_service, each.awarded_on))
    last = short_date(worst.awarded_on)
    if not worst.same_buyer:
        service = sentence(view, "for_this_service") if worst.same_service else NOTHING
        return verdict(view, "ess_award_of_other_buyer", "ess", service=service, last=last)
    if not worst.same_service:
        return verdict(view, "ess_other_award", "ess", last=last)
    end = min(months_later(worst.awarded_on, months), date.max - timedelta(days=1))
    return verdict(view, "ess_award_bar", "ess", last=last, free=short_date(end + timedelta(days=1)))


def with_award_bar(found: Verdict, awards: Iterable[EssAward], on: date, rules: Rules) -> Verdict:
    """The verdict `found`, or for an ESS reservation that of `judge_award_bar` on repeated awards, if worse."""
    if found.reserved != "ess":
        return found
    bar = judge_award_bar(awards, on, rules)
    return bar if bar and OUTCOMES.index(bar.outcome) > OUTCOMES.index(found.outcome) else found


def advise_same_supplier(
    name: str, activity: str, awarded_on: tuple[date, ...], on: date, rules: Rules
) -> LegalAdvice | None:
    """SAME_SUPPLIER: from the third award to one supplier for a segment within the 36 months before, naming it."""
    view = rules.view(on)
    months = view.number("same_supplier_months") or 36
    since = months_later(on, -months)
    count = sum(since <= day <= on for day in awarded_on)
    if count < (view.number("same_supplier_awards") or 3):
        return None
    return advice(view, "same_supplier", supplier=name, count=count, months=months, activity=activity)


def advise_dependence(
    name: str, turnover_eur: float | None, awards: Iterable[Award], lot: Lot, on: date, rules: Rules
) -> LegalAdvice | None:
    """ECONOMIC_DEPENDENCE: a supplier that would owe the buyer a large share of its turnover, this lot included."""
    view = rules.view(on)
    bound = view.number("counsel_dependence")
    running = [
        award
        for award in awards
        if award.awarded_on <= on < months_later(award.awarded_on, award.duration_months or YEAR)
    ]
    if not turnover_eur or bound is None or not running:
        return None
    yearly = [value_per_year(award.value_eur or 0.0, award.duration_months) for award in running]
    weight = sum(yearly) + (yearly_value(lot) or 0.0)
    if weight * 100 < bound * turnover_eur:
        return None
    return advice(view, "economic_dependence", supplier=name, share=int(weight * 100 / turnover_eur), bound=bound)
