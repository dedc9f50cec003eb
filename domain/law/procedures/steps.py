"""Advice on what follows the choice of a procedure: time limits and publicity, or the file of a direct award.

The minimum time limits and the publicity of each procedure are written as sentences.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from domain.law.findings import LegalAdvice, advice, applies, least_sure, sentence
from domain.law.procedures.need_value import Group, is_light, light_rules
from domain.law.procedures.procedure import Decided, Decisions, direct_threshold, social_thresholds
from domain.law.rules import InForce, RuleRow
from domain.needs.need import Need
from domain.text.bilingual import NOTHING, Text, join_texts, listed

Entity = Literal["authority", "utility"]
ENTITIES: dict[Entity, Text] = {
    "authority": Text("pouvoir adjudicateur", "contracting authority"),
    "utility": Text("entité adjudicatrice", "utility"),
}
OJEU, BOAMP = "the EU Official Journal", "the national bulletin (BOAMP)"
PUBLIC = sentence("bound_public_buyers")
RESTRICTED: dict[Entity, tuple[str, str]] = {
    "authority": ("time_restricted_applications", "time_restricted_offers_electronic"),
    "utility": ("time_restricted_applications_utility", "time_restricted_offers_utility"),
}
"""The rules on the time for applications and for tenders in a restricted tender, and in a negotiated procedure."""
NEGOTIATED: dict[Entity, tuple[str, str]] = {
    "authority": ("time_negotiated_applications", "time_negotiated_offers_electronic"),
    "utility": ("time_negotiated_applications_utility", "time_negotiated_offers_utility"),
}
RESTRICTED_NAME = Text("appel d'offres restreint", "restricted tender")
NEGOTIATED_NAME = Text("procédure avec négociation", "negotiated procedure")
BOTH = Text("appel d'offres restreint ou procédure avec négociation", "restricted tender or negotiated procedure")
NO_MINIMUM = sentence("no_minimum_time")


class Sentence(NamedTuple):
    """A sentence of advice and the rules that it rests on, the one to quote first."""

    message: Text
    rows: tuple[RuleRow, ...]


def _sentence(message: Text, rules: Iterable[str], view: InForce) -> Sentence | None:
    """The sentence, or None where one of its rules did not exist or is not known at the date."""
    rows = tuple(view[rule] for rule in rules)
    return Sentence(message, rows) if all(row.status == "in_force" for row in rows) else None


@applies(
    "time_open_electronic",
    *(rule for rules in (*RESTRICTED.values(), *NEGOTIATED.values()) for rule in rules),
    "publication_formal",
)
@lru_cache(maxsize=256)
def formal(entities: tuple[Entity, ...], view: InForce) -> Sentence | None:
    """The notice and the minimum days of formal procedures, as they are for electronic tenders, the rule today.

    Contracting authorities and utilities have their own; both are said where the buyer's kind is not known.
    """
    stages = join_texts(_two_stages(entity, len(entities) > 1, view) for entity in entities)
    rules = [rule for entity in entities for rule in (*RESTRICTED[entity], *NEGOTIATED[entity])]
    published, documents = view["publication_formal"].article, _on_the_profile(view)
    days = view.value_text("time_open_electronic")
    message = sentence(
        "formal_time_limits", buyers=PUBLIC, published=published, documents=documents, stages=stages, days=days
    )
    return _sentence(message, ("time_open_electronic", "publication_formal", *rules), view)


@applies("buyer_profile_documents")
def _on_the_profile(view: InForce, noticed: bool = True) -> Text:
    """The documents go with a notice on the buyer profile, from an amount on; nothing where it is unknown."""
    row = view["buyer_profile_documents"]
    if row.status != "in_force":
        return NOTHING
    if_noticed = NOTHING if noticed else Text("si un avis est publié, ", "if there is a notice, ")
    return sentence("documents_on_profile", noticed=if_noticed, article=row.article)


def _two_stages(entity: Entity, named: bool, view: InForce) -> Text:
    """The days for applications, then for tenders, in procedures that select candidates first, with their articles."""
    rules = (*RESTRICTED[entity], *NEGOTIATED[entity])
    restricted, negotiated = (
        tuple(view.value_text(rule).fr for rule in stages) for stages in (RESTRICTED[entity], NEGOTIATED[entity])
    )
    parts = [_days(BOTH, restricted)]
    if restricted != negotiated:
        parts = [_days(RESTRICTED_NAME, restricted), _days(NEGOTIATED_NAME, negotiated)]
    fr, en = join_texts(parts)
    agreed = Text(" sauf accord avec les candidats", " unless agreed with the candidates")
    more = agreed if entity == "utility" else NOTHING
    articles = listed(tuple(dict.fromkeys(view[rule].article or "" for rule in rules)))
    who = Text(*(f"{name}, " for name in ENTITIES[entity])) if named else NOTHING
    return Text(f"{fr}{more.fr} ({who.fr}{articles.fr})", f"{en}{more.en} ({who.en}{articles.en})")


def _days(procedure: Text, stages: tuple[str, ...]) -> Text:
    first, then = stages
    return sentence("two_stages", procedure=procedure, first=first, then=then)


@applies("time_dynamic_system", "time_dynamic_system_offers")
@lru_cache(maxsize=256)
def dynamic_system(view: InForce) -> Sentence | None:
    """A dynamic purchasing system of formal size: days for the first applications, then for each specific contract."""
    first, then = view.value_text("time_dynamic_system"), view.value_text("time_dynamic_system_offers")
    published, applications = view["publication_formal"].article, view["time_dynamic_system"].article
    message = sentence(
        "dynamic_system_time_limits",
        buyers=PUBLIC,
        published=published,
        first=first,
        applications=applications,
        then=then,
    )
    return _sentence(message, ("time_dynamic_system_offers", "time_dynamic_system", "publication_formal"), view)


@applies("time_adapted", "publication_adapted_small", "publication_adapted_others", "national_publicity")
@lru_cache(maxsize=256)
def adapted(national: bool, profile: bool, view: InForce) -> Sentence | None:
    """An adapted procedure has no minimum time limit; its notice is national from an amount on, for public bodies.

    From another amount on, the documents are on the buyer profile.
    """
    public, others = view["publication_adapted_small"].article, view["publication_adapted_others"].article
    rules = ("time_adapted", "publication_adapted_small", "publication_adapted_others", "national_publicity")
    fr, en = _on_the_profile(view, national) if profile else NOTHING
    if not national:
        message = sentence(
            "adapted_free_publicity", documents=Text(fr, en), public=public, others=others, no_minimum=NO_MINIMUM
        )
        return _sentence(message, rules, view)
    message = sentence(
        "adapted_national_publicity",
        documents=Text(fr, en),
        buyers=PUBLIC,
        public=public,
        others=others,
        no_minimum=NO_MINIMUM,
    )
    return _sentence(message, rules, view)


@applies("light_publicity", "light_publicity_eu")
@lru_cache(maxsize=256)
def social_services(reached: bool | None, view: InForce) -> Sentence | None:
    """Social and other specific services: a notice in OJEU from their EU threshold on, below it what suits.

    Both are said where on which side the value is depends on the buyer.
    """
    below, eu = view["light_publicity"].article, view["light_publicity_eu"].article
    message = {
        True: Text(f"Avis au JOUE ({eu}). {NO_MINIMUM.fr}", f"Notice in {OJEU} ({eu}). {NO_MINIMUM.en}"),
        False: sentence("social_services_below", below=below, no_minimum=NO_MINIMUM),
        None: sentence("social_services_open", eu=eu, below=below, no_minimum=NO_MINIMUM),
    }[reached]
    return _sentence(message, ("time_adapted", "light_publicity", "light_publicity_eu"), view)


@applies("time_concession_applications", "time_concession_offers", "publication_concession_full")
@lru_cache(maxsize=256)
def concession_full(view: InForce) -> Sentence | None:
    """A concession from the EU threshold on: three publications, and days for applications, then for tenders."""
    first, then = view.value_text("time_concession_applications"), view.value_text("time_concession_offers")
    published, applications = view["publication_concession_full"].article, view["time_concession_applications"].article
    message = sentence("concession_time_limits", published=published, first=first, applications=applications, then=then)
    rules = ("time_concession_offers", "time_concession_applications", "publication_concession_full")
    return _sentence(message, rules, view)


@applies("time_concession_simplified", "publication_concession_simplified", "light_concession_publicity")
@lru_cache(maxsize=256)
def concession_simplified(reached: bool | None, view: InForce) -> Sentence | None:
    """A concession in the simplified procedure: one national notice, no minimum time limit.

    Those of social or other specific services have a notice in OJEU besides, from the EU threshold on; where that
    threshold is not known, both are said.
    """
    below, eu = "publication_concession_simplified", "light_concession_publicity"
    national, european = view[below].article, view[eu].article
    where = Text("au BOAMP ou dans un journal d'annonces légales", f"in {BOAMP} or a legal gazette")
    message = {
        True: sentence("concession_publicity_eu", where=where, european=european),
        False: Text(f"Avis {where.fr} ({national})", f"Notice {where.en} ({national})"),
        None: sentence("concession_publicity_open", where=where, national=national, european=european),
    }[reached]
    rules = {True: (eu,), False: (below,), None: (below, eu)}[reached]
    return _sentence(join_texts((message, NO_MINIMUM), Text(". ", ". ")), ("time_concession_simplified", *rules), view)


def procedure_steps(need: Need, decided: Decisions, view: InForce) -> list[LegalAdvice]:
    """The advice on time limits and publicity (TIME_LIMITS), or on the file of a direct award (DIRECT_AWARD_FILE).

    Each part of the need has its own; parts that are told the same are told once. The lots are named where some other
    part is told something else, or nothing. Nothing is said where no procedure was found.
    """
    written = view.cents("written_contract")
    steps = [
        _direct_award_file(written is not None and (part.group.total or 0) >= written, view)
        if part.level == "direct"
        else _time_limits(need, part, view)
        for part in decided.parts
    ]
    if len(steps) == 1:
        return [step for step in steps if step]
    found: dict[LegalAdvice, list[tuple[str, ...]]] = {}
    for part, step in zip(decided.parts, steps, strict=True):
        if step:
            found.setdefault(step, []).append(part.group.ids)
    if [len(told) for told in found.values()] == [len(decided.parts)]:
        return list(found)
    return [msgspec.structs.replace(step, lots=tuple(told)) for step, told in found.items()]


def _time_limits(need: Need, part: Decided, view: InForce) -> LegalAdvice | None:
    """TIME_LIMITS, as sure as the least sure of its rules and of the amounts by which the procedure was found."""
    told, rules = _chosen(need, part, view) if part.level else (None, ())
    if told is None:
        return None
    group = part.group
    rules += light_rules(need.contract, group) if part.light else part.thresholds
    if need.contract == "market":
        rules = (*rules, direct_threshold(group))
    doubtful = group.doubtful or (part.light and not is_light(group))
    sure = least_sure(*told.rows, *map(view.__getitem__, rules), doubtful=doubtful)
    return advice("TIME_LIMITS", "info", told.rows[0], told.message, (), sure)


def _chosen(need: Need, part: Decided, view: InForce) -> tuple[Sentence | None, tuple[str, ...]]:
    """The sentence on a procedure, and the amounts that decided which one it is."""
    group, is_formal = part.group, part.level == "formal"
    rules: tuple[str, ...] = ()
    told: Sentence | None = None
    if need.contract == "concession" and is_formal:
        told = concession_full(view)
    elif need.contract == "concession":
        # the amount changes the publicity of social services alone
        social = part.light and not all(lot.object.transport for lot in group.light)
        reached, rules = _reached(group, ("eu_concessions",), view) if social else (False, ())
        told = concession_simplified(reached, view)
    elif is_formal and need.technique == "dynamic_purchasing_system":
        told = dynamic_system(view)
    elif is_formal:
        kind = need.buyer.kind if need.buyer else None
        entities: tuple[Entity, ...] = ("utility",) if kind == "utility" else ("authority",)
        told = formal(tuple(ENTITIES) if kind is None else entities, view)
    elif part.light:
        reached, rules = _reached(group, social_thresholds(need), view)
        told = social_services(reached, view)
    elif (national := view.cents("national_publicity")) is not None:
        total, profile = group.total or 0, view.cents("buyer_profile_documents")
        told = adapted(total >= national, profile is not None and total >= profile, view)
    return told, rules


def _reached(group: Group, rules: tuple[str, ...], view: InForce) -> tuple[bool | None, tuple[str, ...]]:
    """Whether the group's value is at or above these amounts, which then count; null where that is open."""
    bounds = [view.cents(rule) for rule in rules]
    sides = {None if bound is None else (group.total or 0) >= bound for bound in bounds}
    side = sides.pop() if len(sides) == 1 else None
    return side, () if side is None else rules


@applies("direct_award_file", "direct_award_quotes", "procedure_file_years", "written_contract")
@lru_cache(maxsize=64)
def _direct_award_file(written: bool, view: InForce) -> LegalAdvice | None:
    """The file of a direct award holds what was compared and why this offer was taken (DIRECT_AWARD_FILE).

    That three quotes are not required is doctrine of the DAJ, of 2016. From an amount on the contract is in writing.
    """
    rows = tuple(map(view.__getitem__, ("direct_award_file", "direct_award_quotes", "procedure_file_years")))
    if any(row.status != "in_force" for row in rows):
        return None
    years, kept = view.value_text("procedure_file_years"), view["procedure_file_years"].article
    amount, article = view.value_text("written_contract"), view["written_contract"].article
    in_writing = sentence("contract_in_writing", amount=amount, article=article) if written else NOTHING
    message = sentence("direct_award_file", in_writing=in_writing, years=years, kept=kept)
    return advice("DIRECT_AWARD_FILE", "info", rows[0], message, (), least_sure(*rows))
