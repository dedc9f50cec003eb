"""Duties and levers beyond the procedure: social and environmental considerations, lots, SPASER, reuse.

Terms that a contract holds or may hold: specifications, small firms' share, advance, retention. What is said of some
objects: activities and codes that the file of the sentences names, innovation, transport, defence.
"""

from functools import lru_cache

import msgspec

from domain.law.buyers import BuyerClass, class_of, social_thresholds
from domain.law.findings import (
    LegalAdvice,
    LegalStatement,
    advice,
    bracketed_lots,
    listed_briefly,
    sentence,
    short_date,
    statements_of,
)
from domain.law.procedures.lot_facts import LotFacts, LotObject
from domain.law.procedures.need_value import Group, is_mainly_light, lot_value, total_of
from domain.law.procedures.procedure import Procedure, Procedures, determine_procedures, eu_thresholds, is_defence
from domain.law.rules import InForce, Rules, cents, cite
from domain.needs.estimate import cents_rounded_up, stated_total
from domain.needs.need import Buyer, ContractKind, Need
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import AND, NOTHING, Text, euros, join_texts

ENVIRONMENT: dict[ContractKind, tuple[str, str]] = {
    "market": ("environmental_consideration", "environmental_criterion"),
    "concession": ("concession_environmental_consideration", "concession_environmental_criterion"),
}
"""The rules on the environmental condition and on the environmental criterion."""
LONGEST: dict[bool, str] = {False: "framework_max_months", True: "framework_max_months_utility"}
"""The rules on the longest framework agreement, by whether the buyer is a utility."""
IN_YEARS = {48: "four_years", 96: "eight_years"}
FAMILIES = {"agec_furniture_reuse": "agec_furniture_segments", "agec_textile_reuse": "agec_textile_segments"}


def advise_social_condition(need: Need, part: Procedure, view: InForce) -> LegalAdvice | None:
    """From the EU threshold on, a social or employment condition is required from 2026-08-22, and advised before."""
    group = part.group
    if group.total is None:
        return None
    rules = eu_thresholds(need, part, view)
    bounds = [view[rule_id].cents for rule_id in rules]
    below = [bound is None or group.total < bound for bound in bounds]
    split = any(below) and not all(below) and None not in bounds and rules == social_thresholds(need.buyer, view)
    if any(below) and not split:
        return None
    row = view["social_consideration" if need.contract == "market" else "concession_social_consideration"]
    if row.status != "in_force":
        return None
    lots = group.advised_lots
    sure: Confidence = "low" if split or _may_be_below_social_threshold(need, group, view) else group.sure
    if row.value != "required":
        return advice(view, "social_condition_advised", lots, rule=row.id, rests_on=rules, sure=sure)
    start, end = sentence(view, "from_the_thresholds"), NOTHING
    if split:
        authority, utility = (view[rule_id].value_text for rule_id in rules)
        start = sentence(view, "social_thresholds_by_buyer", authority=authority, utility=utility)
        end = sentence(view, "say_which_buyer")
    least = view.number("social_exception_works_months")
    short = need.contract == "market" and group.works and least and _longest_months(group) in range(1, least)
    but = [sentence(view, "short_works_excepted" if short else f"exceptions_of_{need.contract}")]
    if view.holds("social_exception_reasons"):
        but.append(sentence(view, "exception_reasons_kept"))
        rules = (*rules, "social_exception_reasons")
    told = sentence(view, "social_condition_required", start=start, but=join_texts(but, NOTHING), end=end)
    return advice(view, "social_condition_required", lots, rule=row.id, rests_on=rules, sure=sure, message=told)


def _longest_months(group: Group) -> int | None:
    """The months of the longest lot of a group, renewals included; None where one lot's are not known."""
    months = [lot.lot.duration_months and lot.lot.duration_months + (lot.lot.renewal_months or 0) for lot in group.lots]
    return None if None in months else max(each or 0 for each in months)


def advise_energy_sobriety(need: Need, part: Procedure, view: InForce) -> LegalAdvice | None:
    """From the EU thresholds on, the need is defined with energy efficiency and sobriety in mind (ENERGY_SOBRIETY)."""
    rules = eu_thresholds(need, part, view)
    bounds = [view[rule_id].cents for rule_id in rules]
    total, known = part.group.total, [bound for bound in bounds if bound is not None]
    if not view.holds("energy_sobriety") or len(known) < len(bounds) or (total or 0) < max(known):
        return None
    return advice(view, "energy_sobriety", part.group.advised_lots, rests_on=rules, sure=part.group.sure)


def _may_be_below_social_threshold(need: Need, group: Group, view: InForce) -> bool:
    """Whether the group is below the threshold of social services and may be such services, wholly or mostly."""
    theirs = max([view[rule_id].cents or 0 for rule_id in social_thresholds(need.buyer, view)])
    if need.contract != "market" or (group.total or 0) >= theirs:
        return False
    maybe = all(lot in group.light or lot.object.light_listing == "descendant" for lot in group.lots)
    return maybe or is_mainly_light(group)


@lru_cache(maxsize=64)
def advise_environmental_duties(contract: ContractKind, is_direct_award: bool, view: InForce) -> LegalAdvice | None:
    """The environmental criterion and condition, whatever the value: required from 2026-08-21, advised before."""
    condition, criterion = (view[rule_id] for rule_id in ENVIRONMENT[contract])
    if condition.status != "in_force":
        return None
    texts = {condition: sentence(view, "environmental_condition"), criterion: sentence(view, "green_criterion")}
    required = [row for row in (condition,) if row.value == "required"]
    if not is_direct_award and view.holds(criterion.id):
        if required:
            texts[criterion] = Text(*(f"{side} ({criterion.article})" for side in texts[criterion]))
        required.append(criterion)
    advised = [row for row in ((condition,) if is_direct_award else texts) if row not in required]
    parts = []
    if required:
        where = sentence(view, "without_competition" if is_direct_award else "whatever_the_amount")
        what, many = join_texts([texts[row] for row in required], WITH_AND), "s" if len(required) > 1 else ""
        parts.append(sentence(view, "environment_required", what=what, many=many, where=where))
    if advised:
        parts.append(sentence(view, "environment_advised", what=join_texts([texts[row] for row in advised], WITH_AND)))
    (quoted, *others), name = required or [condition], "environment_required" if required else "environment_advised"
    rests_on = [row.id for row in others]
    return advice(view, name, rule=quoted.id, rests_on=rests_on, message=join_texts(parts).capitalised())


def advise_spaser(buyer: Buyer | None, view: InForce) -> LegalAdvice | None:
    """A buyer whose stated annual purchases exceed the amount of the date publishes a SPASER."""
    bound = view["spaser"].cents
    if buyer is None or bound is None or cents(buyer.annual_purchases_eur or 0) <= bound:
        return None
    return advice(view, "spaser", doubtful=not (class_of(buyer, view).spaser_before or view.holds("spaser_all_buyers")))


def advise_allotment(need: Need, is_direct_award: bool, view: InForce) -> LegalAdvice | None:
    """A market with one lot must be justified, the more so where that lot covers several activities (ALLOTMENT)."""
    if need.contract == "concession" or len(need.lots) > 1 or is_direct_award:
        return None
    return advice(view, "single_lot_of_several_activities" if len(need.lots[0].segments) > 1 else "single_lot")


def advise_framework_duration(need: Need, view: InForce) -> LegalAdvice | None:
    """A framework agreement has a longest duration, save a justified exception; utilities have a longer one."""
    if need.technique != "framework_agreement":
        return None
    buyer = class_of(need.buyer, view)
    rule = LONGEST[buyer.is_utility]
    limit, most = view.number(rule), view.number(LONGEST[True]) or 0
    lasts = {lot.id: (lot.duration_months or 0) + (lot.renewal_months or 0) for lot in need.lots}
    long = tuple(lot_id for lot_id, months in lasts.items() if limit is not None and months > limit)
    if not long:
        return None
    usual, longer = (
        sentence(view, IN_YEARS[months]) if (months := view.number(rule_id)) in IN_YEARS else view[rule_id].value_text
        for rule_id in LONGEST.values()
    )
    depends = not buyer.kinds and max(lasts.values()) <= most
    unless, which = (sentence(view, name) if depends else NOTHING for name in ("unless_utility", "say_which_buyer"))
    other = sentence(view, "framework_of_utility", longer=longer)
    if buyer.body:
        usual, other = longer if buyer.is_utility else usual, NOTHING
    told = sentence(view, "framework_too_long", unless=unless, usual=usual, other=other, which=which)
    return advice(view, "framework_too_long", (long,), rule=rule, message=told)


def advise_concession_duration(need: Need, view: InForce) -> LegalAdvice | None:
    """A concession of more than five years lasts no longer than writing off its investments does; None for shorter."""
    limit = view.number("concession_long_months")
    lasts = ((lot.id, (lot.duration_months or 0) + (lot.renewal_months or 0)) for lot in need.lots)
    long = tuple([lot_id for lot_id, months in lasts if limit is not None and months > limit])
    return advice(view, "concession_too_long", () if len(long) == len(need.lots) else (long,)) if long else None


def advise_waste_permits(bought: LotObject, view: InForce) -> LegalAdvice | None:
    """Hazardous and medical waste need an authorisation or declaration, whoever answers (CAPABILITY_WARNING)."""
    if view.codes("hazardous_waste_segments").isdisjoint(bought.segments):
        return None
    loads = view.number("hazardous_waste_load"), view.number("other_waste_load")
    transport = NOTHING
    if all(loads):
        hazardous, other = (Text(*(f"{(load or 0) / 1000:g}".replace(".", sign) for sign in ",.")) for load in loads)
        transport = sentence(view, "hazardous_waste_transport", hazardous=hazardous, other=other)
    return advice(view, "hazardous_waste", sure=bought.sure, transport=transport)


def advise_reuse_quota(bought: LotObject, buyer: BuyerClass, view: InForce) -> LegalAdvice | None:
    """Furniture and textiles count in the buyer's yearly spending, a share of which is reuse (COUNTS_TOWARDS_QUOTA)."""
    rule = next((rule for rule, family in FAMILIES.items() if view.codes(family).intersection(bought.segments)), None)
    if rule is None or buyer.quota is False:
        return None
    row, family = view[rule], sentence(view, f"family_of_{rule}")
    if row.status == "in_force":
        who = NOTHING if buyer.body and buyer.quota else sentence(view, "whose_quota")
        of_year = sentence(view, "reuse_share", share=row.value_text, who=who)
    elif row.status == "unknown" and row.valid_from is not None:
        of_year = sentence(view, "reuse_step_unknown", since=short_date(row.valid_from))
    else:
        return None
    told = sentence(view, "counts_towards_quota", family=family, of_year=of_year)
    return advice(view, "counts_towards_quota", rule=rule, rests_on=(FAMILIES[rule],), sure=bought.sure, message=told)


WITH_AND = Text(f" {AND.fr} ", f" {AND.en} ")


def advise_financial_terms(
    need: Need, lots: tuple[LotFacts, ...], is_direct_award: bool, view: InForce
) -> LegalAdvice | None:
    """Lots whose holder is due an advance, its minimum rate, and the most that may be retained (FINANCIAL_TERMS)."""
    buyer = class_of(need.buyer, view)
    bound, least = view["advance_amount"].cents, view.number("advance_months")
    if need.contract == "concession" or need.technique or buyer.advance is False or bound is None or least is None:
        return None
    long = {lot.lot.id: _initial_amount(need, lot) for lot in lots if (lot.lot.duration_months or 0) > least}
    above = tuple(lot_id for lot_id, (most, _) in long.items() if most > bound)
    renewed = tuple(lot_id for lot_id, (most, firm) in long.items() if most > bound >= firm)
    if not above:
        return None
    rates = [rule for rule in buyer.firm_rates if view.number(rule) is not None]
    names = above if len(lots) > 1 else ()
    about = [bracketed_lots(names)]
    if renewed and renewed != above:
        which = sentence(view, "lots_named" if len(renewed) > 1 else "the_lot", lot=listed_briefly(renewed))
        about.append(sentence(view, "only_with_renewals", lots=which))
    of_firms = NOTHING
    if not buyer.kinds:
        of_firms = sentence(view, "firm_rates_unknown")
    elif rates:
        said = join_texts([sentence(view, rule) for rule in rates], WITH_AND)
        of_firms = sentence(view, "firm_rates", rates=said, buyers=sentence(view, f"firms_of_{buyer.firms}"))
    name, whose = "financial_terms_of_direct_award" if is_direct_award else "financial_terms", (names,) if names else ()
    but = NOTHING if (known := buyer.body and buyer.advance) else sentence(view, "advance_not_owed_by_all")
    told = sentence(view, name, about=join_texts(about, NOTHING), of_firms=of_firms, but=but)
    sure: Confidence = "high" if known else "medium"
    return advice(view, name, whose, rests_on=rates, sure=sure, doubtful=renewed == above, message=told)


def _initial_amount(need: Need, lot: LotFacts) -> tuple[int, float]:
    """The first duration's cents: at most the whole value; at least that less options and renewals by their months."""
    asked = lot.lot
    if lot.estimate and asked.value_covers == "firm":
        return lot.estimate.stated, lot.estimate.stated
    value, first = lot_value(need, lot) or 0, asked.duration_months or 0
    without_options = max(0, value - cents_rounded_up(asked.options_eur or 0))
    return value, without_options * first / (first + (asked.renewal_months or 0))


def advise_payment(buyer: Buyer | None, view: InForce) -> LegalAdvice | None:
    """The most days within which the buyer pays (PAYMENT_DAYS), by its body or kind; None where neither is known."""
    known = class_of(buyer, view)
    rule, other = known.payment, known.payment_else
    if rule is None or not view.holds(rule):
        return None
    days, but = view[rule].value_text, sentence(view, f"but_{other}") if other else NOTHING
    return advice(view, "payment_time", rule=rule, rests_on=(other,) if other else (), days=days, but=but)


@lru_cache(maxsize=16)
def _statements_on_objects(law: Rules) -> dict[str, tuple[LegalStatement, set[str]]]:
    """The statements said of some activities or CPV codes, by name, and the rules that must hold."""
    return {
        name: (said, {said.rule, *said.rests_on}.difference((said.of_segments, said.of_cpv)))
        for name, said in statements_of(law).items()
        if said.of_segments or said.of_cpv
    }


def advise_on_object(bought: LotObject, contract: ContractKind, view: InForce) -> list[LegalAdvice]:
    """The advice that is said of this object of a contract, whatever its value and duration."""
    main = bought.cpv[0] if bought.cpv else ""
    told = []
    for name, (said, rules) in _statements_on_objects(view.law).items():
        if said.contract in {None, contract} and all(map(view.holds, rules)):
            if said.of_cpv and main.startswith(tuple(view.codes(said.of_cpv))):
                told.append(advice(view, name))
            elif said.of_segments and not view.codes(said.of_segments).isdisjoint(bought.segments):
                told.append(advice(view, name, sure=bought.sure))
    return told


def advise_young_innovative(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """Lots of an innovative purchase may be reserved to young innovative companies (YOUNG_INNOVATIVE_COMPANIES)."""
    rule = "defence_young_innovative" if is_defence(need) else "reserved_young_innovative"
    share, bound = view.number(rule), view["eu_state"].cents
    total = total_of(lots) if need.estimated_total_eur is None else stated_total(need)
    innovative = tuple(lot.lot.id for lot in lots if lot.lot.innovative)
    if need.contract == "concession" or len(lots) < 2 or not innovative:
        return None
    if share is None or total is None or bound is None or total >= bound:
        return None
    lots_named, most = () if len(innovative) == len(lots) else (innovative,), euros(total * share // 100)
    return advice(view, "young_innovative", lots_named, rule=rule, rests_on=("eu_state",), most=most)


def advise_transport(lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """The advice on duties that a concession of passenger transport lacks (TRANSPORT_CONCESSION); None for others."""
    rules = {lot.object.transport for lot in lots}
    if None in rules or not view.holds("concession_transport_terms"):
        return None
    named = ["concession_public_transport" if rules == {"concession_public_transport"} else "concession_transport"]
    criterion = [rule for rule in ENVIRONMENT["concession"][1:] if view.holds(rule)]
    but = sentence(view, "criterion_remains") if criterion else NOTHING
    return advice(view, "transport_concession", rests_on=named + criterion, but=but)


def advise_if_defence(need: Need, lots: tuple[LotFacts, ...], decided: Procedures, view: InForce) -> LegalAdvice | None:
    """Advice on what would change for a purchase of the State if it were one of defence (DEFENCE_UNKNOWN)."""
    buyer, of_state = need.buyer, class_of(need.buyer, view).kinds == ("state",)
    if buyer is None or not of_state or buyer.defence is not None or need.contract != "market":
        return None
    of_defence = msgspec.structs.replace(need, buyer=msgspec.structs.replace(buyer, defence=True))
    levels = [[part.level for part in each.parts] for each in (decided, determine_procedures(of_defence, lots, view))]
    changes = {
        "eu_defence": levels[0] != levels[1],
        "reservation_defence": any({*(lot.reserved or ())} - {"handicap"} for lot in need.lots),
        "defence_considerations": True,
    }
    rules = [rule for rule, is_so in changes.items() if is_so and view.holds(rule)]
    told = [sentence(view, f"changes_of_{rule}") for rule in rules]
    # the article of the last is that of the advice
    told[:-1] = [cite(each, view[rule].article, "high") for each, rule in zip(told[:-1], rules, strict=False)]
    return advice(view, "defence_unsaid", rule=rules[-1], rests_on=rules, changes=join_texts(told)) if rules else None


def advise_defence(need: Need, view: InForce) -> LegalAdvice:
    """Which rules on contracts of defence or security are judged here, and which are not (DEFENCE)."""
    if need.contract == "concession":
        return advice(view, "defence_concession")
    innovative = any(lot.innovative for lot in need.lots) and view.holds("defence_innovative_need")
    duties = sentence(view, "defence_without_duties") if view.holds("defence_considerations") else NOTHING
    below = sentence(view, "defence_innovation") if innovative else NOTHING
    return advice(view, "defence", duties=duties, innovative=below)
