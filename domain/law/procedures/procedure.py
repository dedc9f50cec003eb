"""The procedure that the value of a need implies: direct award, adapted or formal."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from domain.law.buyers import class_of, possible_thresholds, social_thresholds
from domain.law.findings import LegalAdvice, advice, sentence, weakest
from domain.law.procedures.lot_facts import LotFacts
from domain.law.procedures.need_value import (
    Assumption,
    Group,
    advise_light_regime,
    advise_mixed_services,
    advise_unknown_value,
    as_one_market,
    group_lots,
    is_light,
    light_rules,
    takes_light_regime,
    total_of,
)
from domain.law.rules import InForce
from domain.needs.need import Need
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import NOTHING, Text, euros, join_texts

Level = Literal["direct", "adapted", "formal"]
LEVELS: tuple[Level, ...] = ("direct", "adapted", "formal")
FAR = 2
"""Thresholds are revised by some hundredths: none that is not known yet is half of the last one, or twice as high."""


class Procedure(NamedTuple):
    """A group of lots and the procedure (`level`) that its value implies; null: left open.

    `by_amount`: that of the EU threshold alone, whatever the object. `thresholds`: the rules that may have that one.
    `light`: the light regime is that of the whole group.
    """

    group: Group
    level: Level | None
    by_amount: Level | None
    thresholds: tuple[str, ...]
    light: bool

    def is_lighter_than(self, other: "Procedure") -> bool:
        """Whether the procedure is known to be lighter than that of another group."""
        return bool(self.level and other.level) and LEVELS.index(self.level) < LEVELS.index(other.level)

    def assuming(self, fact: Assumption) -> "Procedure":
        """The same, no surer than this assumption."""
        return self._replace(group=msgspec.structs.replace(self.group, assumptions=(*self.group.assumptions, fact)))


class Procedures(NamedTuple):
    """The procedures of a need: of its parts (works, other lots), and of all its lots as one contract (`whole`)."""

    parts: tuple[Procedure, ...]
    whole: Procedure
    is_direct_award: bool


def determine_procedures(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> Procedures:
    """The procedure of each part of a need, and of all its lots as one contract."""
    parts = [_procedure_of_group(need, group, view) for group in group_lots(need, lots)]
    whole = parts[0]
    if len(parts) > 1:
        whole = _procedure_of_group(need, as_one_market(need, tuple(part.group for part in parts)), view)
        # what is lighter than the procedure of one contract assumes distinct needs
        parts = [part.assuming("apart") if part.is_lighter_than(whole) else part for part in parts]
    return Procedures(tuple(parts), whole, all(part.level == "direct" for part in parts))


def _procedure_of_group(need: Need, group: Group, view: InForce) -> Procedure:
    """The estimated value decides: below the direct-award amount, from the EU threshold on, or between the two."""
    thresholds, light = formal_thresholds(need, group, view), takes_light_regime(need.contract, group, view)
    if group.total is None:
        return Procedure(group, None, None, thresholds, light)
    is_market, direct = need.contract == "market", view[direct_threshold(group, need)].cents
    # by the EU threshold alone, whatever the object; what is below it is adapted where direct award is known
    reached = {_reaches(rule_id, group.total, view) for rule_id in thresholds}
    below: Level | None = "adapted" if direct is not None or not is_market else None
    by_amount: Level | None = "formal" if reached == {True} else below if reached == {False} else None
    level = below if light else by_amount
    if is_market and direct is not None and group.total < direct:
        level = "direct"
    part = Procedure(group, level, by_amount, thresholds, light)
    return part if class_of(need.buyer, view).body or not _other_threshold(need, part, view) else part.assuming("body")


def _reaches(rule_id: str, value: int, view: InForce) -> bool | None:
    """Whether a value reaches the threshold of a rule; None where that is not known and could be on either side."""
    if (bound := view[rule_id].cents) is not None:
        return value >= bound
    last = view.last_known_cents(rule_id)
    if last is None or last < value * FAR < last * FAR * FAR:
        return None
    return value > last


def direct_threshold(group: Group, need: Need) -> str:
    """The id of the rule with the amount below which this group of a need may be awarded directly."""
    usual = "direct_award_works" if group.works else "direct_award_supplies_services"
    return "defence_direct_award" if is_defence(need) else usual


def formal_thresholds(need: Need, group: Group, view: InForce) -> tuple[str, ...]:
    """The ids of the rules whose EU threshold may hold for a group: several where the buyer's kind is not known."""
    if need.contract == "concession":
        return ("eu_concessions",)
    if group.works:
        return ("eu_works",)
    return ("eu_defence",) if is_defence(need) else possible_thresholds(need.buyer, view)


def is_defence(need: Need) -> bool:
    """Whether a need is said to be of defence or security."""
    return need.buyer is not None and need.buyer.defence is True


def eu_thresholds(need: Need, part: Procedure, view: InForce) -> tuple[str, ...]:
    """The ids of the rules whose EU threshold may hold for a group: of social services where all its lots are such."""
    light = need.contract == "market" and is_light(part.group)
    return social_thresholds(need.buyer, view) if light else part.thresholds


def advise_on_procedure(need: Need, part: Procedure, view: InForce) -> list[LegalAdvice | None]:
    """The advice on the procedure of one group of lots; None in the place of what need not be said."""
    group, decided = part.group, part.level
    found = [advise_unknown_value(need, group, view)]
    if decided != "direct" and need.contract == "market":
        found.append(advise_light_regime(group, view))
    if group.total is None:
        return found
    if decided != "direct" and part.by_amount != "adapted":
        found.append(advise_mixed_services(need.contract, group, view))
    if decided is None:
        unknown = [rule for rule in part.thresholds if view[rule].status != "in_force"]
        of_buyer = len(part.thresholds) > 1 and not unknown
        name, rules = ("buyer_kind_unknown", part.thresholds) if of_buyer else ("threshold_unknown", unknown)
        found.append(_value_advice(group, name, view, rule=next(iter(rules), direct_threshold(group, need))))
    elif need.contract == "concession":
        found.append(_advise_concession(part, view))
    elif decided == "direct":
        found.append(_advise_direct(group, need, view))
    else:
        found.append(_advise_formal(need, part, view) if decided == "formal" else _advise_adapted(part, need, view))
    if decided is not None and need.contract == "market":
        found.append(_advise_other_body(need, part, view))
    return found


def _other_threshold(need: Need, part: Procedure, view: InForce) -> str | None:
    """The rule with the threshold of other buyers of this kind, where it is on the other side of the value."""
    buyer, group = class_of(need.buyer, view), part.group
    other, apart = buyer.threshold_else, group.works or part.light or is_defence(need) or part.by_amount is None
    # a body has another for some of its supplies alone (annex 2, I c)
    if other is None or apart or (buyer.body and not all(lot.object.supplies for lot in group.lots)):
        return None
    return None if (part.by_amount == "formal") == _reaches(other, group.total or 0, view) else other


def _advise_other_body(need: Need, part: Procedure, view: InForce) -> LegalAdvice | None:
    """Advice where some buyers of this kind have another threshold, by which the procedure changes."""
    if (other := _other_threshold(need, part, view)) is None:
        return None
    named = sentence(view, "threshold_is" if view[other].status == "in_force" else "threshold_to_come")
    name = "supplies_of_defence" if class_of(need.buyer, view).body else "body_unknown"
    return _value_advice(part.group, name, view, rule=other, bound=named.filled(bound=view[other].value_text))


def advise_mixed_object(decided: Procedures, view: InForce) -> LegalAdvice | None:
    """Works and other lots are counted apart as separate needs; one contract follows its main object (MIXED_OBJECT)."""
    lighter = tuple(part.group.lot_ids for part in decided.parts if part.is_lighter_than(decided.whole))
    whole, heavier = decided.whole.group, decided.whole.level
    if not lighter or heavier is None:
        return None
    main = sentence(view, "works_mainly" if whole.works else "services_mainly")
    procedure, value = sentence(view, f"{heavier}_procedure_as_one"), euros(whole.total or 0)
    told = sentence(view, "mixed_object", main=main, value=value, procedure=procedure)
    rests_on = ("direct_award_works" if whole.works else "direct_award_supplies_services", *decided.whole.thresholds)
    return advice(view, "mixed_object", lighter, rests_on=rests_on, sure=whole.sure, message=told)


def _advise_direct(group: Group, need: Need, view: InForce) -> LegalAdvice:
    """Below the amount of the date, the market may be awarded without publicity or competition (GRE_A_GRE)."""
    row = view[direct_threshold(group, need)]
    duties = view["defence_direct_award_duties" if is_defence(need) else "direct_award_duties"]
    if duties.status != "in_force":
        return _value_advice(group, "direct_award", view, rule=row.id, bound=row.value_text, provided=NOTHING)
    also = sentence(view, "still_adapted") if row.article != duties.article else NOTHING
    terms = sentence(view, "direct_award_provided", also=also)
    return _value_advice(group, "direct_award", view, (duties.id,), rule=row.id, bound=row.value_text, provided=terms)


def _advise_adapted(part: Procedure, need: Need, view: InForce) -> LegalAdvice:
    """Between direct award and the EU threshold, or for social services, the buyer sets the procedure (MAPA)."""
    group, by_amount = part.group, part.by_amount == "adapted"
    rules = part.thresholds if by_amount else light_rules("market", group)
    unknown = by_amount and any(view[rule].status == "unknown" for rule in rules)
    rests_on = (direct_threshold(group, need), *(rule for rule in rules if view[rule].status != "unknown"))
    far = sentence(view, "threshold_not_published") if unknown else NOTHING
    sure: Confidence = "medium" if unknown else "high" if by_amount or is_light(group) else "low"
    return _value_advice(group, "adapted_procedure", view, rests_on, sure, far=far)


def _advise_formal(need: Need, part: Procedure, view: InForce) -> LegalAdvice:
    """From the EU threshold on, a formal procedure (PROC_FORMALISEE); restricted-tender rules for a dynamic system."""
    group = part.group
    services = not group.works and any(lot.lot.nature != "supplies" for lot in group.lots)
    row = max(map(view.__getitem__, part.thresholds), key=lambda row: row.cents or 0)
    if row.status == "unknown":
        return _value_advice(group, "formal_above_any_threshold", view, rule=row.id)
    if need.technique == "dynamic_purchasing_system":
        return _value_advice(group, "dynamic_system", view, (row.id,), bound=row.value_text)
    if services and is_defence(need):
        return _value_advice(group, "formal_defence", view, sure="medium", rule=row.id, bound=row.value_text)
    # of objects that are no such services by their CPV, it need not be said
    maybe = any(lot.object.light_listing != "unlisted" for lot in group.lots)
    but = sentence(view, "save_social_services") if services and maybe else NOTHING
    return _value_advice(group, "formal_procedure", view, rule=row.id, bound=row.value_text, but=but)


def _advise_concession(part: Procedure, view: InForce) -> LegalAdvice:
    """Concessions have one threshold for works and services: full procedure from it on, a simplified one below."""
    group, published = part.group, view["eu_concessions"].status != "unknown"
    if part.level == "formal":
        name = "concession_formal" if published else "formal_above_any_threshold"
        return _value_advice(group, name, view, rule="eu_concessions")
    if part.by_amount == "adapted":
        return _value_advice(group, "concession_simplified" if published else "concession_simplified_unpublished", view)
    quoted, *rules = light_rules("concession", group)
    carried = sorted({lot.object.carried or "social_services" for lot in group.light})
    objects = [sentence(view, f"object_of_{each}") for each in carried]
    name, told = "concession_simplified_by_object", join_texts(objects)
    return _value_advice(group, name, view, rules, "high" if is_light(group) else "low", rule=quoted, object=told)


def _value_advice(
    group: Group,
    name: str,
    view: InForce,
    rests_on: Iterable[str] = (),
    sure: Confidence = "high",
    *,
    rule: str | None = None,
    **values: Text,
) -> LegalAdvice:
    """Advice that begins with the group's value and the assumptions in it, and is never surer than that value."""
    assumed = NOTHING
    if group.assumptions:
        beyond = euros((group.total or 0) - (total_of(group.lots) or 0))
        made = [sentence(view, f"assumed_{each}", beyond=beyond) for each in group.assumptions]
        assumed = sentence(view, "assumptions_made", made=join_texts(made))
    kind = sentence(view, "of_works") if group.works else NOTHING
    then, value = sentence(view, name, **values), euros(group.total or 0)
    message = sentence(view, "value_compared", value=value, kind=kind, assumed=assumed, then=then)
    known = weakest(sure, group.sure)
    return advice(view, name, group.advised_lots, rule=rule, rests_on=rests_on, sure=known, message=message)
