"""Advice on what follows the choice of a procedure: time limits and publicity, or the file of a direct award."""

from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from domain.law.findings import STATEMENTS, LegalAdvice, advice, applies, sentence
from domain.law.procedures.need_value import Group, is_light, light_rules
from domain.law.procedures.procedure import Decided, Decisions, direct_threshold, social_thresholds
from domain.law.rules import InForce
from domain.needs.need import Need
from domain.text.bilingual import NOTHING, Text, join_texts, listed

Entity = Literal["authority", "utility"]
STAGES: dict[Entity, tuple[tuple[str, str], tuple[str, str]]] = {
    "authority": (
        ("time_restricted_applications", "time_restricted_offers_electronic"),
        ("time_negotiated_applications", "time_negotiated_offers_electronic"),
    ),
    "utility": (
        ("time_restricted_applications_utility", "time_restricted_offers_utility"),
        ("time_negotiated_applications_utility", "time_negotiated_offers_utility"),
    ),
}
"""The rules on the time for applications and for tenders in a restricted tender, and in a negotiated procedure."""


class StatementInWords(NamedTuple):
    """A statement in words: its name, its message, and the rules that it rests on besides its own."""

    name: str
    message: Text
    rules: tuple[str, ...]


@lru_cache(maxsize=1024)
def _in_words(view: InForce, name: str, rules: tuple[str, ...] = (), **values: Text) -> StatementInWords | None:
    """The statement of this name in words; None where one of its rules is not in force at the date."""
    said = STATEMENTS[name]
    known = all(view[rule].status == "in_force" for rule in (said.rule, *said.rests_on, *rules))
    return StatementInWords(name, sentence(view, name, **values), rules) if known else None


@applies(
    "time_open_electronic",
    *(rule for stages in STAGES.values() for rules in stages for rule in rules),
    "publication_formal",
)
@lru_cache(maxsize=256)
def _formal(entities: tuple[Entity, ...], view: InForce) -> StatementInWords | None:
    """The notice and the minimum days of formal procedures, as they are for electronic tenders, the rule today.

    Contracting authorities and utilities have their own; both are said where the buyer's kind is not known.
    """
    stages = join_texts(_two_stages(entity, len(entities) > 1, view) for entity in entities)
    rules = tuple(rule for entity in entities for stages in STAGES[entity] for rule in stages)
    return _in_words(view, "formal_time_limits", rules, stages=stages, documents=_on_the_profile(view))


@applies("buyer_profile_documents")
def _on_the_profile(view: InForce, noticed: bool = True) -> Text:
    """The documents go with a notice on the buyer profile, from an amount on; nothing where it is unknown."""
    if view["buyer_profile_documents"].status != "in_force":
        return NOTHING
    if_noticed = NOTHING if noticed else sentence(view, "if_noticed")
    return sentence(view, "documents_on_profile", noticed=if_noticed)


def _two_stages(entity: Entity, named: bool, view: InForce) -> Text:
    """The days for applications, then for tenders, in procedures that select candidates first, with their articles."""
    days = [tuple(view[rule_id].value_text for rule_id in rules) for rules in STAGES[entity]]
    names = ["restricted_or_negotiated"] if days[0] == days[1] else ["restricted_tender", "negotiated_procedure"]
    parts = [
        sentence(view, "two_stages", procedure=sentence(view, name), first=first, then=then)
        for name, (first, then) in zip(names, days, strict=False)
    ]
    articles = dict.fromkeys(view[rule].article or "" for rules in STAGES[entity] for rule in rules)
    who = sentence(view, f"to_{entity}") if named else NOTHING
    return sentence(view, f"stages_of_{entity}", stages=join_texts(parts), who=who, articles=listed(tuple(articles)))


@applies("time_dynamic_system", "time_dynamic_system_offers")
def _dynamic_system(view: InForce) -> StatementInWords | None:
    """A dynamic purchasing system of formal size: days for the first applications, then for each specific contract."""
    return _in_words(view, "dynamic_system_time_limits")


@applies("time_adapted", "publication_adapted_small", "publication_adapted_others", "national_publicity")
def _adapted(national: bool, profile: bool, view: InForce) -> StatementInWords | None:
    """An adapted procedure has no minimum time limit; its notice is national from an amount on, for public bodies.

    From another amount on, the documents are on the buyer profile.
    """
    documents = _on_the_profile(view, national) if profile else NOTHING
    return _in_words(view, "adapted_national_publicity" if national else "adapted_free_publicity", documents=documents)


@applies("light_publicity", "light_publicity_eu")
def _social_services(reached: bool | None, view: InForce) -> StatementInWords | None:
    """Social and other specific services: a notice in OJEU from their EU threshold on, below it what suits.

    Both are said where on which side the value is depends on the buyer.
    """
    names = {True: "social_services_above", False: "social_services_below", None: "social_services_open"}
    return _in_words(view, names[reached])


@applies("time_concession_applications", "time_concession_offers", "publication_concession_full")
def _concession_full(view: InForce) -> StatementInWords | None:
    """A concession from the EU threshold on: three publications, and days for applications, then for tenders."""
    return _in_words(view, "concession_time_limits")


@applies("time_concession_simplified", "publication_concession_simplified", "light_concession_publicity")
def _concession_simplified(reached: bool | None, view: InForce) -> StatementInWords | None:
    """A concession in the simplified procedure: one national notice, no minimum time limit.

    Those of social or other specific services have a notice in OJEU besides, from the EU threshold on; where that
    threshold is not known, both are said.
    """
    names = {True: "concession_publicity_eu", False: "concession_publicity", None: "concession_publicity_open"}
    return _in_words(view, names[reached])


def procedure_steps(need: Need, decided: Decisions, view: InForce) -> list[LegalAdvice]:
    """The advice on time limits and publicity (TIME_LIMITS), or on the file of a direct award (DIRECT_AWARD_FILE).

    Each part of the need has its own; parts that are told the same are told once. The lots are named where some other
    part is told something else, or nothing. Nothing is said where no procedure was found.
    """
    found: dict[LegalAdvice, list[tuple[str, ...]]] = {}
    for part in decided.parts:
        step = (
            _direct_award_file(part.group.total or 0, view)
            if part.level == "direct"
            else _time_limits(need, part, view)
        )
        if step:
            found.setdefault(step, []).append(part.group.ids)
    if [len(told) for told in found.values()] == [len(decided.parts)]:
        return list(found)
    return [msgspec.structs.replace(step, lots=tuple(told)) for step, told in found.items()]


def _time_limits(need: Need, part: Decided, view: InForce) -> LegalAdvice | None:
    """TIME_LIMITS, as sure as the least sure of its rules and of the amounts by which the procedure was found."""
    group, is_formal = part.group, part.level == "formal"
    said: StatementInWords | None = None
    rules: tuple[str, ...] = ()
    if part.level is None:
        return None
    if need.contract == "concession" and is_formal:
        said = _concession_full(view)
    elif need.contract == "concession":
        # the amount changes the publicity of social services alone
        social = part.light and not all(lot.object.transport for lot in group.light)
        reached, rules = _reached(group, ("eu_concessions",), view) if social else (False, ())
        said = _concession_simplified(reached, view)
    elif is_formal and need.technique == "dynamic_purchasing_system":
        said = _dynamic_system(view)
    elif is_formal:
        kind = need.buyer.kind if need.buyer else None
        entities: tuple[Entity, ...] = ("utility",) if kind == "utility" else ("authority",)
        said = _formal(tuple(STAGES) if kind is None else entities, view)
    elif part.light:
        reached, rules = _reached(group, social_thresholds(need), view)
        said = _social_services(reached, view)
    elif (national := view["national_publicity"].cents) is not None:
        total, profile = group.total or 0, view["buyer_profile_documents"].cents
        said = _adapted(total >= national, profile is not None and total >= profile, view)
    if said is None:
        return None
    rules += light_rules(need.contract, group) if part.light else part.thresholds
    if need.contract == "market":
        rules = (*rules, direct_threshold(group))
    doubtful = group.doubtful or (part.light and not is_light(group))
    return advice(view, said.name, rests_on=(*said.rules, *rules), doubtful=doubtful, message=said.message)


def _reached(group: Group, rules: tuple[str, ...], view: InForce) -> tuple[bool | None, tuple[str, ...]]:
    """Whether the group's value is at or above the amounts of these rules; None where that is not known."""
    bounds = [view[rule].cents for rule in rules]
    sides = {None if bound is None else (group.total or 0) >= bound for bound in bounds}
    side = sides.pop() if len(sides) == 1 else None
    return side, () if side is None else rules


@applies("direct_award_file", "direct_award_quotes", "procedure_file_years", "written_contract")
def _direct_award_file(value: int, view: InForce) -> LegalAdvice | None:
    """The file of a direct award holds what was compared and why this offer was taken (DIRECT_AWARD_FILE).

    That three quotes are not required is doctrine of the DAJ, of 2016. From an amount on the contract is in writing.
    """
    bound = view["written_contract"].cents
    written = bound is not None and value >= bound
    in_writing = sentence(view, "contract_in_writing") if written else NOTHING
    said = _in_words(view, "direct_award_file", in_writing=in_writing)
    return said and advice(view, said.name, message=said.message)
