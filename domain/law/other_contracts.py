"""Rules on the buyer's other contracts: needs that pass a threshold together, and its past awards.

Needs of one family and year may stay below a threshold one by one (NO_SPLIT_TO_EVADE). Of past awards are told the same
supplier again (SAME_SUPPLIER), its dependence, and the bar of contracts reserved to ESS.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import msgspec

from domain.law.findings import (
    OUTCOMES,
    LegalAdvice,
    Verdict,
    advice,
    bracketed_lots,
    least_sure,
    listed_briefly,
    sentence,
    short_date,
    verdict,
    weakest,
)
from domain.law.procedures.lot_facts import PLUS, Understood, families, read_lot
from domain.law.procedures.need_value import group_lots
from domain.law.procedures.procedure import direct_threshold, formal_thresholds, is_defence
from domain.law.rules import InForce, Rules, months_later
from domain.needs.estimate import estimate_of, known_total, stated_total, yearly_value
from domain.needs.need import YEAR, Award, Lot, Need, OtherNeed, buyer_siret, value_per_year
from domain.reference import taxonomy
from domain.text.bilingual import NOTHING, Text, euros, join_texts

MOST_ADDENDS = 12
"""The most other needs whose values a sentence adds one by one; the smaller ones beyond them come as one sum."""
DIRECT_AWARD = ("direct_award_supplies_services", "defence_direct_award")
COUNTED_TOGETHER = ("no_split", "homogeneous_needs", "regular_needs")

ReadSegments = Callable[[Lot, str], tuple[str, ...]]
"""The segments understood as the object of a lot, given with the title of its need ("" where it has none)."""
Lots = list[tuple[Lot, bool]]
"""Lots of one family, each with whether it is a service under the light regime."""
Threshold = tuple[int, str]
"""An amount in cents, and its rule."""


class _Share(NamedTuple):
    """A need's lots of one family, with the known part of their value in cents; `complete`: all of it is known.

    `doubtful`: the stated total is less than the values of the lots.
    """

    lots: tuple[str, ...]
    cents: int
    complete: bool
    doubtful: bool


class _Sum(NamedTuple):
    """A need's share of a family and the shares of other needs, largest first, which together pass the threshold."""

    threshold: Threshold
    cents: int
    family: str
    own: _Share
    others: tuple[tuple[OtherNeed, _Share], ...]


def may_pass_with_others(need: Need, view: InForce) -> bool:
    """Whether a need may pass a threshold with other needs, judged before the words of its lots are understood."""
    in_words = any(lot.nature is None and not lot.cpv and (lot.keywords or lot.title) for lot in need.lots)
    return need.contract == "market" and (in_words or bool(_thresholds_above(need, lambda lot, _: lot.segments, view)))


def advise_no_split(
    need: Need, others: Sequence[OtherNeed], year: int, read: ReadSegments, view: InForce
) -> list[LegalAdvice]:
    """A need below a threshold that it passes with the organisation's other needs of one family (NO_SPLIT_TO_EVADE)."""
    if not (others and all(view.holds(rule_id) for rule_id in COUNTED_TOGETHER)):
        return []
    told: dict[tuple[object, ...], _Sum] = {}
    for found in _family_sums(need, others, _thresholds_above(need, read, view), read, view):
        addends = found.own.lots, *(other.id for other, _ in found.others)
        told[addends] = max(found, told.get(addends, found), key=lambda each: each[:2])
    return [_advice_on_sum(need, found, year, view) for found in told.values()]


def _thresholds_above(need: Need, read: ReadSegments, view: InForce) -> list[Threshold]:
    """The thresholds above the value of a need's supplies and services, the highest first; none for a concession."""
    lots = tuple(read_lot(lot, Understood(read(lot, need.title or "")), view) for lot in need.lots)
    group = next((group for group in group_lots(need, lots) if not group.works), None)
    if group is None or need.contract == "concession":
        return []
    formal = formal_thresholds(need, group, view)
    rules = direct_threshold(group, need), *(formal if len(formal) == 1 and len(group.light) < len(group.lots) else ())
    value = max(group.total or 0, known_total(lot.estimate for lot in group.lots))
    return sorted(((bound, rule_id) for rule_id in rules if value < (bound := view[rule_id].cents or 0)), reverse=True)


def _family_sums(
    need: Need, others: Sequence[OtherNeed], thresholds: Sequence[Threshold], read: ReadSegments, view: InForce
) -> Iterator[_Sum]:
    """Yield, by family that the need buys, the sum over all needs and the highest threshold that it passes, if any."""

    @cache
    def families_and_regime(lot: Lot, need_title: str) -> tuple[frozenset[str], bool]:
        """The families that a lot buys (none for works), and whether the lot is under the light regime."""
        bought = read_lot(lot, Understood(read(lot, need_title)), view).object
        return frozenset() if bought.works else families(bought.segments, bought.cpv), bought.is_light

    def lots_by_family(each: Need) -> dict[str, Lots]:
        found: dict[str, Lots] = {}
        for lot in each.lots:
            # many lots of a plan are read alike
            described = Lot(
                "", lot.title or "", segments=lot.segments, cpv=lot.cpv, keywords=lot.keywords, nature=lot.nature
            )
            of_lot, light = families_and_regime(described, each.title or "")
            for family in of_lot:
                found.setdefault(family, []).append((lot, light))
        return found

    of_need = lots_by_family(need) if thresholds else {}
    divided = [(other, lots_by_family(other.need)) for other in others if of_need]
    for family, lots in sorted(of_need.items()):
        with_family = [(other, theirs[family]) for other, theirs in divided if family in theirs]
        for bound, rule_id in thresholds:
            light = rule_id in DIRECT_AWARD
            own = _family_share(need, lots, light=light)
            shares = [(other, _family_share(other.need, theirs, light=light)) for other, theirs in with_family]
            shares = sorted((each for each in shares if each[1].lots), key=lambda each: (-each[1].cents, each[0].id))
            cents = own.cents + sum(share.cents for _, share in shares)
            if own.lots and cents >= bound:
                yield _Sum((bound, rule_id), cents, family, own, tuple(shares))
                break


def _family_share(need: Need, lots: Lots, *, light: bool) -> _Share:
    """The value of a need's lots of one family; `light`: lots under the light regime count too.

    The stated total counts where all lots of the need do.
    """
    counted = [lot for lot, is_light in lots if light or not is_light]
    ids, stated = tuple(lot.id for lot in counted), stated_total(need)
    doubtful = stated is not None and stated < known_total(map(estimate_of, need.lots))
    if stated is not None and len(counted) == len(need.lots):
        return _Share(ids, stated, True, doubtful)
    estimates = [estimate_of(lot) for lot in counted]
    return _Share(ids, known_total(estimates), all(each and each.total is not None for each in estimates), doubtful)


def _advice_on_sum(need: Need, found: _Sum, year: int, view: InForce) -> LegalAdvice:
    _, rule_id = found.threshold
    lots = () if len(found.own.lots) == len(need.lots) else (found.own.lots,)
    assumed = [(other, share) for other, share in found.others if other.buyer_siret != buyer_siret(need)]
    unknown = [] if found.own.complete else [sentence(view, "this_need")]
    unknown += [_need_name(other, view) for other, share in found.others if not share.complete]
    doubts = [sentence(view, "not_counted", names=_listed(unknown))] if unknown else []
    if assumed:
        doubts.append(sentence(view, "buyer_assumed", names=_listed([_need_name(other, view) for other, _ in assumed])))
    terms = [euros(found.own.cents)] if found.own.cents else []
    valued = [(_need_name(other, view), share.cents) for other, share in found.others if share.cents]
    terms += [sentence(view, "addend", amount=euros(value), name=name) for name, value in valued[:MOST_ADDENDS]]
    if rest := valued[MOST_ADDENDS:]:
        amount = euros(sum(value for _, value in rest))
        terms.append(sentence(view, "addend", amount=amount, name=sentence(view, "more_addends", more=len(rest))))
    kind = sentence(view, "threshold_of_direct_award" if rule_id in DIRECT_AWARD else "threshold_of_buyer")
    added, total, bound = join_texts(terms, PLUS), euros(found.cents), view[rule_id].value_text
    told = join_texts(doubts, NOTHING)
    computed = sentence(view, "sum_passes_threshold", added=added, total=total, bound=bound, kind=kind, doubts=told)
    family = taxonomy.load().family(found.family)
    guessed = any(share.cents for _, share in assumed)
    sure = least_sure(*(view[each] for each in (*COUNTED_TOGETHER, rule_id)))
    sure = weakest("medium", sure) if guessed else sure
    doubtful = any(share.doubtful and share.cents for share in (found.own, *(share for _, share in found.others)))
    label = sentence(view, "of_family" if family else "of_cpv_group", label=family.label if family else found.family)
    within = bracketed_lots(lots[0] if lots else ())
    message = sentence(view, "no_split", within=within, label=label, year=year, computed=computed)
    rule = "defence_no_split" if is_defence(need) else "no_split"
    return advice(view, "no_split", lots, rule=rule, sure=sure, doubtful=doubtful, message=message)


def _listed(names: Sequence[Text]) -> Text:
    """The names joined for reading, in each language; of very many, the first ones and the number of the others."""
    french, english = (listed_briefly(side) for side in zip(*names, strict=True))
    return Text(french.fr, english.en)


def _need_name(other: OtherNeed, view: InForce) -> Text:
    """The words that name a need: by its reference, else by its title, else by its id."""
    named = {"reference": other.need.reference, "title": other.need.title, "id": str(other.id)}
    kind, name = next((kind, name) for kind, name in named.items() if name)
    return sentence(view, f"need_of_{kind}", **{kind: name})


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
    bar = judge_award_bar(awards, on, rules) if found.reserved == "ess" else None
    return bar if bar and OUTCOMES.index(bar.outcome) > OUTCOMES.index(found.outcome) else found


def advise_same_supplier(
    name: str, activity: str, awarded_on: tuple[date, ...], on: date, rules: Rules
) -> LegalAdvice | None:
    """SAME_SUPPLIER: from the third award to one supplier for a segment within the 36 months before, naming it."""
    view = rules.view(on)
    months = view.number("same_supplier_months") or 36
    count = sum(months_later(on, -months) <= day <= on for day in awarded_on)
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
        won for won in awards if won.awarded_on <= on < months_later(won.awarded_on, won.duration_months or YEAR)
    ]
    if not turnover_eur or bound is None or not running:
        return None
    yearly = [value_per_year(award.value_eur or 0.0, award.duration_months) for award in running]
    weight = sum(yearly) + (yearly_value(lot) or 0.0)
    if weight * 100 < bound * turnover_eur:
        return None
    return advice(view, "economic_dependence", supplier=name, share=int(weight * 100 / turnover_eur), bound=bound)
