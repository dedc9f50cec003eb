"""The value of a need: all lots added up, works apart from supplies and services, in cents.

Groups of lots that are social or other specific services have the light regime, alone or beside other services.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from domain.law.findings import LegalAdvice, advice, listed_briefly, sentence, weakest
from domain.law.procedures.lot_facts import LotFacts, estimate_as_sum
from domain.law.rules import InForce
from domain.needs.estimate import known_total, stated_total
from domain.needs.need import ContractKind, Need
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import NOTHING, euros, join_texts

MOST_SUMS = 6
"""The most lots whose sum a sentence writes."""
Assumption = Literal["nature", "trade", "body", "apart", "division", "shared", "below"]
"""An assumption made where a group's value was compared.

`trade`: only the trade that is named says that some lot is works. `nature`: that of some lot is not known; `division`:
what of the value is works is not known; either way the lower thresholds of supplies and services are applied. `shared`:
what the stated total has beyond the lots' values is counted with works and with the others. `below`: the stated total
is less than the lots' own values.
"""


class Group(msgspec.Struct, frozen=True, gc=False):
    """Lots of a need whose values are added up and compared with a threshold. `total` null: not known.

    `alone`: the group is the whole need. `light`: the lots that are a social or other specific service; in a concession
    of such services, of passenger transport and of drinking water alone, all lots. `light_value`, `other_value`: the
    values of these lots and of the others, in cents; null: not known, or not asked as there is no such lot.
    """

    works: bool
    lots: tuple[LotFacts, ...]
    total: int | None
    alone: bool
    assumptions: tuple[Assumption, ...]
    light: tuple[LotFacts, ...]
    light_value: int | None
    other_value: int | None

    @property
    def lot_ids(self) -> tuple[str, ...]:
        return tuple([lot.lot.id for lot in self.lots])

    @property
    def advised_lots(self) -> tuple[tuple[str, ...], ...]:
        """The `lots` of advice on the group; empty where the group is the whole need."""
        return () if self.alone else (self.lot_ids,)

    @property
    def sure(self) -> Confidence:
        """The confidence of the value: low where it is assumed, else that of the natures of the lots."""
        if {*self.assumptions} - {"nature", "trade", "body", "apart"}:
            return "low"
        by_fact: Confidence = "medium" if {"trade", "body", "apart"}.intersection(self.assumptions) else "high"
        return weakest(by_fact, *(lot.object.nature_sure for lot in self.light))


def group_lots(need: Need, lots: tuple[LotFacts, ...]) -> tuple[Group, ...]:
    """The lots of a need, in one group, or in two where some are works and others not.

    A concession is one group: its threshold is the same for works and services. `estimated_total_eur` is the total
    where it is given. With two groups it can only be divided by the lots' values: what it has beyond them is added to
    both, so that no threshold is lowered; where a lot has no value, everything is one group under the lower thresholds.
    """
    stated, summed = stated_total(need), total_of(lots)
    is_below = stated is not None and stated < known_total(lot.estimate for lot in lots)
    below: tuple[Assumption, ...] = ("below",) if is_below else ()
    natures = {lot.object.works for lot in lots}
    nature: tuple[Assumption, ...] = ("nature",) if None in natures else ()
    by_trade = any(lot.object.works and lot.object.nature_sure != "high" for lot in lots)
    trade: tuple[Assumption, ...] = ("trade",) if by_trade else ()
    if need.contract == "concession":
        group = _make_group(natures == {True}, lots, summed if stated is None else stated, True, below)
        # passenger transport and drinking water have the simplified procedure of social services
        if all(lot in group.light or lot.object.carried for lot in lots):
            group = msgspec.structs.replace(group, light=lots, light_value=summed, other_value=0)
        return (group,)
    if True not in natures or natures == {True}:
        assumed = (*nature, *trade, *below)
        return (_make_group(natures == {True}, lots, summed if stated is None else stated, True, assumed),)
    if summed is None and stated is not None:
        return (_make_group(False, lots, stated, True, ("division", *below)),)
    works = tuple([lot for lot in lots if lot.object.works])
    others = tuple([lot for lot in lots if not lot.object.works])
    beyond = max(0, stated - summed) if stated is not None and summed is not None else 0
    shared: tuple[Assumption, ...] = ("shared",) if beyond else ()
    return tuple(
        _make_group(side, members, None if (part := total_of(members)) is None else part + beyond, False, assumed)
        for side, members, assumed in ((False, others, (*nature, *shared)), (True, works, (*trade, *shared)))
    )


def _make_group(
    works: bool, lots: tuple[LotFacts, ...], total: int | None, alone: bool, assumptions: tuple[Assumption, ...]
) -> Group:
    """The group of these lots, with the values of light services and of other lots; `alone`: as in `Group`."""
    light = () if works else tuple([lot for lot in lots if lot.object.is_light])
    others = [lot for lot in lots if not lot.object.is_light]
    values = (total_of(light), total_of(others)) if light else (None, None)
    return Group(works, lots, total, alone, assumptions, light, *values)


def as_one_market(need: Need, divided: tuple[Group, ...]) -> Group:
    """The lots of a need's groups in one group, of works where works are worth more than the other lots."""
    others, works = divided
    of_id = {lot.lot.id: lot for group in divided for lot in group.lots}
    lots = tuple(of_id[lot.id] for lot in need.lots)
    stated = stated_total(need)
    total = total_of(lots) if stated is None else stated
    return _make_group((works.total or 0) > (others.total or 0), lots, total, True, others.assumptions)


def total_of(lots: Sequence[LotFacts]) -> int | None:
    """The sum of the lots' values in cents; None where one of them is not known."""
    return None if any(lot.cents is None for lot in lots) else known_total(lot.estimate for lot in lots)


def lot_value(need: Need, lot: LotFacts) -> int | None:
    """The lot's value in cents, that of the need where it is the only lot and has none of its own; None: not known."""
    return stated_total(need) if lot.cents is None and len(need.lots) == 1 else lot.cents


def advise_unknown_value(need: Need, group: Group, view: InForce) -> LegalAdvice | None:
    """No verdict on procedure where a value is unknown (VALUE_UNKNOWN); `estimated_total_eur` is enough."""
    if group.total is not None:
        return None
    lacking = tuple(lot.lot.id for lot in group.lots if lot.cents is None)
    without = tuple(lot.lot.id for lot in group.lots if lot.cents is None and lot.estimate)
    rule, end = "value_of_all_lots", "give_total"
    if need.contract == "concession":
        rule, end = "concession_value", "give_turnover"
    elif need.technique is not None:
        rule, end = "value_over_lifetime", "give_framework_maximum"
    endless = NOTHING
    if without:
        many, names = "s" if len(without) > 1 else "", listed_briefly(without)
        endless = sentence(view, "renewals_without_duration", many=many, names=names)
    missing, many = listed_briefly(lacking), "s" if len(lacking) > 1 else ""
    told = sentence(view, "value_unknown", many=many, missing=missing, endless=endless, end=sentence(view, end))
    return advice(view, "value_unknown", group.advised_lots, rule=rule, message=told)


def advise_estimated_value(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """The estimated value of a lot counts its renewals and options, which the sum shows (ESTIMATED_VALUE)."""
    sums = {lot.lot.id: said for lot in lots if (said := estimate_as_sum(lot.lot, lot.estimate, view.law))}
    if not sums:
        return None
    rule = "concession_value" if need.contract == "concession" else "value_of_all_lots"
    if len(lots) == 1:
        return advice(view, "estimated_value", rule=rule, sum=next(iter(sums.values())))
    parts = [sentence(view, "sum_of_lot", lot=each, sum=said) for each, said in sums.items()]
    if (more := len(parts) - MOST_SUMS) > 0:
        many = "s" if more > 1 else ""
        parts = [*parts[:MOST_SUMS], sentence(view, "sums_of_more_lots", more=more, many=many)]
    if (total := total_of(lots)) is not None:
        parts.append(sentence(view, "sum_of_all_lots", sum=euros(total)))
    return advice(view, "estimated_value", (tuple(sums),), rule=rule, sum=join_texts(parts))


def advise_total_below_lots(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """Advice where the total stated for a need is less than its lots' own values, renewals and options included."""
    total, known = stated_total(need), known_total(lot.estimate for lot in lots)
    if total is None or total >= known:
        return None
    rule, why = "value_of_all_lots", "value_counts_all_lots"
    if need.contract == "concession":
        rule, why = "concession_value", "concession_value_is_turnover"
    stated, summed = euros(total), euros(known)
    return advice(view, "total_below_lots", rule=rule, stated=stated, summed=summed, why=sentence(view, why))


REGIMES: dict[ContractKind, str] = {"market": "light_regime", "concession": "light_concession"}
"""The rule that opens the light regime to each kind of contract."""
CONCESSIONS_OF = {
    "concession_transport": ("concession_transport",),
    "drinking_water_cpv": ("concession_network_activities", "drinking_water_cpv"),
    "water_cpv": ("concession_network_activities", "water_cpv"),
}
"""By the rule that names an object, the rules by which its concession has the simplified procedure."""


def is_light(group: Group) -> bool:
    """Whether every lot of the group is a social or other specific service."""
    return len(group.light) == len(group.lots)


def is_mainly_light(group: Group) -> bool:
    """Whether social and other specific services are worth more than a group's other lots; False where not known."""
    light, rest = group.light_value, group.other_value
    return light is not None and rest is not None and light > rest


def takes_light_regime(contract: ContractKind, group: Group, view: InForce) -> bool:
    """Whether the light regime of a kind of contract holds for a group: for all lots or, if allowed, most by value."""
    if not group.light or not view.holds(REGIMES[contract]):
        return False
    return is_light(group) or (view.holds("mixed_services") and is_mainly_light(group))


def light_rules(contract: ContractKind, group: Group) -> tuple[str, ...]:
    """The ids of the rules on which the light regime of a group rests, first the one that opens this regime.

    Among them the list that names its services: the 115 codes of article 77, surely part of it, where they suffice.
    Passenger transport and drinking water by concession have rules of their own.
    """
    social = [lot.object for lot in group.light if contract == "market" or not lot.object.carried]
    named = {lot.object.carried for lot in group.light if contract == "concession" and lot.object.carried}
    rules = [rule for carried in sorted(named) for rule in CONCESSIONS_OF[carried]]
    if social:
        sure = all(each.insertion or each.ess_listing == "listed" for each in social)
        rules = [REGIMES[contract], "ess_listed_cpv" if sure else "light_regime_cpv", *rules]
    return (*rules, *(() if is_light(group) else ("mixed_services",)))


def advise_light_regime(group: Group, view: InForce) -> LegalAdvice | None:
    """Social and other specific services may take an adapted procedure whatever the amount (LIGHT_REGIME)."""
    if not group.light or not view.holds("light_regime"):
        return None
    _, listed, *_ = light_rules("market", group)
    whole = is_light(group)
    lots = group.advised_lots if whole else (tuple([lot.lot.id for lot in group.light]),)
    annex = sentence(view, "wider_list") if listed == "light_regime_cpv" else NOTHING
    name = "light_regime" if whole else "light_regime_of_lots"
    return advice(view, name, lots, rests_on=(listed,), annex=annex)


def advise_mixed_services(contract: ContractKind, group: Group, view: InForce) -> LegalAdvice | None:
    """One contract of social and other services follows the rules of the part of greater value (MIXED_SERVICES)."""
    if not group.light or is_light(group) or not (view.holds("mixed_services") and view.holds(REGIMES[contract])):
        return None
    light, rest, rules = group.light_value, group.other_value, light_rules(contract, group)
    if light is None or rest is None:
        name = "mixed_services_of_unknown_value" if contract == "market" else "mixed_concession_of_unknown_value"
        return advice(view, name, group.advised_lots, rests_on=rules)
    regime = sentence(view, "rules_of_social_services" if light > rest else "rules_of_other_services")
    theirs, other = euros(light), euros(rest)
    return advice(view, "mixed_services", group.advised_lots, rests_on=rules, theirs=theirs, other=other, regime=regime)
