"""Duties and levers beyond the procedure: social and environmental considerations, lots, SPASER, reuse."""

from collections.abc import Iterable
from functools import lru_cache

from domain.law.findings import LegalAdvice, advice, applies, days, least_sure, sentence
from domain.law.procedures.lot_facts import LotObject
from domain.law.procedures.need_value import Group, is_mainly_light
from domain.law.procedures.procedure import Decided, eu_thresholds, social_thresholds
from domain.law.rules import InForce, cents
from domain.needs.need import Buyer, BuyerKind, ContractKind, Lot, Need
from domain.shortlists.shortlist import Severity
from domain.text.bilingual import AND, NOTHING, Text, join_texts

EXCEPTIONS: dict[ContractKind, Text] = {
    "market": Text("sauf exception motivée", "except for a justified exception"),
    "concession": sentence("two_exceptions"),
}
FROM_THE_THRESHOLDS = Text("À partir des seuils européens", "From the EU thresholds on")
SAY_WHICH = Text(" ; indiquer lequel est l'acheteur", "; say which the buyer is")
KEPT = sentence("exception_reasons_kept")
ENVIRONMENT: dict[ContractKind, tuple[str, str]] = {
    "market": ("environmental_consideration", "environmental_criterion"),
    "concession": ("concession_environmental_consideration", "concession_environmental_criterion"),
}
"""The rules on the environmental condition and on the environmental criterion."""
CONDITION = Text("une condition d'exécution environnementale", "an environmental performance condition")
CRITERION = sentence("environmental_criterion")
REQUIRED = Text("prévoir {what}, {required} {where}", "provide for {what}, {required} {where}")
ADVISED = sentence("environment_advised")
WHATEVER_THE_AMOUNT = Text("quel que soit le montant", "whatever the amount")
WITHOUT_COMPETITION = Text("même sans mise en concurrence", "even without competition")
UNLESS_UTILITY = Text(", sauf si l'acheteur est une entité adjudicatrice", " unless the buyer is a utility")
YEARS = {48: Text("quatre ans", "four years"), 96: Text("huit ans", "eight years")}
FAMILIES = {"agec_furniture_reuse": "agec_furniture_segments", "agec_textile_reuse": "agec_textile_segments"}
FAMILY_NAMES = {
    "agec_furniture_reuse": Text("mobilier", "furniture"),
    "agec_textile_reuse": Text("textiles", "textiles"),
}


@applies(
    "social_consideration",
    "social_exception_reasons",
    "concession_social_consideration",
    "eu_social_services",
    "eu_social_services_utility",
)
def social(need: Need, part: Decided, view: InForce) -> LegalAdvice | None:
    """From the EU threshold on, a social or employment condition is required from 2026-08-22, and advised before.

    Social and other specific services have their own, higher EU threshold, and utilities a higher one still. Markets
    have four exceptions (a need met by an immediately available solution, too weak a link with the object, restricted
    competition or difficulty, works under six months), whose reasons are kept, concessions two. No advice where value
    or threshold is not known; for social services, both are told where only the kind of buyer decides. Where main CPV
    codes are narrower than listed ones, or the greater part is social services, the higher threshold may be theirs:
    below it, to be checked.
    """
    group = part.group
    if group.total is None:
        return None
    rules = eu_thresholds(need, part)
    bounds = [view.cents(rule_id) for rule_id in rules]
    below = [bound is None or group.total < bound for bound in bounds]
    split = any(below) and not all(below) and None not in bounds and rules == social_thresholds(need)
    if any(below) and not split:
        return None
    row = view["social_consideration" if need.contract == "market" else "concession_social_consideration"]
    if row.status != "in_force":
        return None
    rows = [row, *map(view.__getitem__, rules)]
    severity: Severity = "info"
    message = sentence("social_condition_advised")
    if row.value == "required":
        severity, message = "warning", _social_duty(need.contract, rules if split else (), view)
        kept = view["social_exception_reasons"]
        rows += [kept] if need.contract == "market" and kept.status == "in_force" else []
    doubtful = split or group.doubtful or _may_be_below_social_threshold(need, group, view)
    sure = least_sure(*rows, doubtful=doubtful)
    return advice("SOCIAL_CONSIDERATION", severity, row, message, group.advised_lots, sure)


def _social_duty(contract: ContractKind, by_buyer: tuple[str, ...], view: InForce) -> Text:
    """The sentence on a required condition; `by_buyer`: the two thresholds between which the kind of buyer decides."""
    start, end, but = FROM_THE_THRESHOLDS, NOTHING, EXCEPTIONS[contract]
    if by_buyer:
        authority, utility = map(view.value_text, by_buyer)
        start, end = sentence("social_thresholds_by_buyer", authority=authority, utility=utility), SAY_WHICH
    if contract == "market" and view["social_exception_reasons"].status == "in_force":
        but = join_texts((but, KEPT), NOTHING)
    return sentence("social_condition_required", start=start, but=but, end=end)


def _may_be_below_social_threshold(need: Need, group: Group, view: InForce) -> bool:
    """Whether the higher threshold of social services may be the right one, and is not reached."""
    theirs = max([view.cents(rule_id) or 0 for rule_id in social_thresholds(need)])
    if need.contract != "market" or (group.total or 0) >= theirs:
        return False
    maybe = all(lot in group.light or lot.object.light_listing == "descendant" for lot in group.lots)
    return maybe or is_mainly_light(group)


@applies(
    "environmental_consideration",
    "environmental_criterion",
    "concession_environmental_consideration",
    "concession_environmental_criterion",
)
@lru_cache(maxsize=64)
def environmental(contract: ContractKind, direct: bool, view: InForce) -> LegalAdvice | None:
    """Whatever the value, an award criterion on the environment is required from 2026-08-21, a condition one day later.

    The criterion is regulation, the condition law. Before, both are possible and advised. Without competition there is
    no award criterion.
    """
    condition, criterion = (view[rule_id] for rule_id in ENVIRONMENT[contract])
    if condition.status != "in_force":
        return None
    required = {condition: CONDITION} if condition.value == "required" else {}
    if not direct and view.holds(criterion.id):
        article = Text(f" ({criterion.article})", f" ({criterion.article})") if required else NOTHING
        required[criterion] = join_texts((CRITERION, article), NOTHING)
    advised = {} if condition in required else {condition: CONDITION}
    if not direct and criterion not in required:
        advised[criterion] = CRITERION
    parts = []
    if required:
        word = Text("obligatoires" if len(required) > 1 else "obligatoire", "required")
        where = WITHOUT_COMPETITION if direct else WHATEVER_THE_AMOUNT
        parts.append(REQUIRED.filled(what=_both(required.values()), required=word, where=where))
    if advised:
        parts.append(ADVISED.filled(what=_both(advised.values())))
    quoted, *_ = required or advised
    sure = least_sure(*(required or [condition]))
    severity: Severity = "warning" if required else "info"
    return advice("ENVIRONMENTAL_CONSIDERATION", severity, quoted, join_texts(parts).capitalised(), (), sure)


def _both(texts: Iterable[Text]) -> Text:
    return join_texts(texts, Text(f" {AND.fr} ", f" {AND.en} "))


@applies("spaser", "spaser_all_buyers")
def spaser(buyer: Buyer | None, view: InForce) -> LegalAdvice | None:
    """A buyer whose stated annual purchases exceed the amount of the date publishes a SPASER.

    Every buyer subject to the code since 2023-10-25; before, whether State and utilities did was not established.
    """
    bound = view.cents("spaser")
    if buyer is None or buyer.annual_purchases_eur is None or bound is None:
        return None
    if cents(buyer.annual_purchases_eur) <= bound:
        return None
    concerned = buyer.kind == "local" or view.holds("spaser_all_buyers")
    message = sentence("spaser", amount=view.value_text("spaser"))
    return advice("SPASER", "info", view["spaser"], message, (), None if concerned else "low")


@applies("allotment")
def allotment(need: Need, direct: bool, view: InForce) -> LegalAdvice | None:
    """A market with one lot must be justified, the more so where that lot covers several activities (ALLOTMENT).

    Not said of a need that is awarded without competition anyway.
    """
    if need.contract == "concession" or len(need.lots) > 1 or direct:
        return None
    several = len(need.lots[0].segments) > 1
    activities = Text(" pour plusieurs activités", " for several activities") if several else NOTHING
    message = sentence("single_lot", activities=activities)
    return advice("ALLOTMENT", "warning" if several else "info", view["allotment"], message)


@applies("framework_max_months", "framework_max_months_utility")
def framework(need: Need, view: InForce) -> LegalAdvice | None:
    """A framework agreement has a longest duration, save a justified exception; utilities have a longer one.

    Where the buyer's kind is not known, the duration of contracting authorities is looked at, and both are said.
    """
    if need.technique != "framework_agreement":
        return None
    utility = need.buyer is not None and need.buyer.kind == "utility"
    row = view["framework_max_months_utility" if utility else "framework_max_months"]
    limit = view.number(row.id)
    if limit is None:
        return None
    long = tuple(lot.id for lot in need.lots if _months(lot) > limit)
    if not long:
        return None
    usual, longer = (_years(rule_id, view) for rule_id in ("framework_max_months", "framework_max_months_utility"))
    most = view.number("framework_max_months_utility") or 0
    depends = not (need.buyer and need.buyer.kind) and all(_months(lot) <= most for lot in need.lots)
    unless, which = (UNLESS_UTILITY, SAY_WHICH) if depends else (NOTHING, NOTHING)
    message = sentence("framework_too_long", unless=unless, usual=usual, longer=longer, which=which)
    return advice("FRAMEWORK_MAX_4Y", "warning", row, message, (long,))


def _months(lot: Lot) -> int:
    """The longest duration of a lot, renewals included."""
    return (lot.duration_months or 0) + (lot.renewal_months or 0)


def _years(rule_id: str, view: InForce) -> Text:
    """A number of months as people say it."""
    return YEARS.get(view.number(rule_id) or 0, view.value_text(rule_id))


def insertion(bought: LotObject, contract: ContractKind, view: InForce) -> LegalAdvice | None:
    """OBJECT_IS_INSERTION: the lot buys work integration, its supporting activity being only the means.

    Said of markets, whose procedure it decides.
    """
    if not bought.insertion or contract == "concession":
        return None
    return advice("OBJECT_IS_INSERTION", "info", view["insertion_object"], sentence("object_is_insertion"))


@applies("hazardous_waste_capability", "hazardous_waste_load", "other_waste_load")
def capability(segments: tuple[str, ...], view: InForce) -> LegalAdvice | None:
    """Hazardous and medical waste need a specific authorisation or declaration, whoever answers (CAPABILITY_WARNING).

    From a weight per load on, lower for hazardous waste than for other waste, its transport is declared.
    """
    row = view["hazardous_waste_capability"]
    if not view.codes(row.id).intersection(segments):
        return None
    loads = view.number("hazardous_waste_load"), view.number("other_waste_load")
    transport = NOTHING
    if all(loads):
        hazardous, other = (Text(*(f"{(load or 0) / 1000:g}".replace(".", sign) for sign in ",.")) for load in loads)
        transport = sentence("hazardous_waste_transport", hazardous=hazardous, other=other)
    return advice("CAPABILITY_WARNING", "warning", row, sentence("hazardous_waste", transport=transport))


@applies("agec_furniture_reuse", "agec_furniture_segments", "agec_textile_reuse", "agec_textile_segments")
def reuse_quota(segments: tuple[str, ...], buyer: BuyerKind | None, view: InForce) -> LegalAdvice | None:
    """Furniture and textiles count in the buyer's yearly spending, a share of which is reuse (COUNTS_TOWARDS_QUOTA).

    The share is one of the year, not of this lot, and binds the State and local authorities; whether hospitals are
    concerned was not established, and utilities are left out. Which activities belong to a family is this project's
    reading. Where a share held and the next step is not known, the advice says that it is to be found out; nothing is
    said of the time before the first known share.
    """
    rule = next((rule for rule, family in FAMILIES.items() if view.codes(family).intersection(segments)), None)
    if rule is None or buyer == "utility":
        return None
    row, family = view[rule], FAMILY_NAMES[rule]
    if row.status == "in_force":
        of_year = sentence("reuse_share", share=view.value_text(rule))
    elif row.status == "unknown" and row.valid_from is not None:
        of_year = sentence("reuse_step_unknown", since=days(row.valid_from))
    else:
        return None
    message = sentence("counts_towards_quota", family=family, of_year=of_year)
    return advice("COUNTS_TOWARDS_QUOTA", "info", row, message, (), least_sure(row, view[FAMILIES[rule]]))
