"""Advice on what follows the choice of a procedure: time limits and publicity, or the file of a direct award.

Direct awards beyond the general amount: what may be bought so, as books and innovative purchases within limits, and
what is published of them afterwards.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from domain.law.buyers import class_of
from domain.law.findings import STATEMENTS, LegalAdvice, advice, applies, bracketed_lots, sentence, weakest
from domain.law.procedures.lot_facts import LotFacts
from domain.law.procedures.need_value import Group, is_light, light_rules, lot_value, total_of
from domain.law.procedures.procedure import Procedure, Procedures, direct_threshold, social_thresholds
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


NOTICES = {True: "notice_of_bulletin_buyer", False: "notice_of_other_buyer", None: "notice_of_unsaid_buyer"}
"""The words on where a notice stands, by whether the buyer's stand in the national bulletin."""


class StatementInWords(NamedTuple):
    """A statement in words: its name, its message, and the rules that it rests on besides its own."""

    name: str
    message: Text
    rules: tuple[str, ...]


@lru_cache(maxsize=1024)
def _statement(view: InForce, name: str, rules: tuple[str, ...] = (), **values: Text) -> StatementInWords | None:
    """The statement of this name in words; None where one of its rules or of `rules` is not in force at the date."""
    said = STATEMENTS[name]
    known = all(view[rule].status == "in_force" for rule in (said.rule, *said.rests_on, *rules))
    return StatementInWords(name, sentence(view, name, **values), rules) if known else None


@applies(
    "time_open_electronic",
    *(rule for stages in STAGES.values() for rules in stages for rule in rules),
    "publication_formal",
)
@lru_cache(maxsize=256)
def _statement_of_formal_time_limits(
    entities: tuple[Entity, ...], bulletin: bool | None, view: InForce
) -> StatementInWords | None:
    """The notice and the minimum days of formal procedures, as they are for electronic tenders, the rule today.

    Contracting authorities and utilities have their own; both are said where the buyer's kind is not known.
    """
    stages = join_texts(_two_stages(entity, len(entities) > 1, view) for entity in entities)
    rules = tuple(rule for entity in entities for stages in STAGES[entity] for rule in stages)
    notice = sentence(view, NOTICES[bulletin])
    return _statement(
        view, "formal_time_limits", rules, stages=stages, notice=notice, documents=_profile_sentence(view)
    )


@applies("buyer_profile_documents")
def _profile_sentence(view: InForce, has_notice: bool = True) -> Text:
    """The documents go with a notice on the buyer profile, from an amount on; nothing where it is unknown."""
    if view["buyer_profile_documents"].status != "in_force":
        return NOTHING
    if_noticed = NOTHING if has_notice else sentence(view, "if_noticed")
    return sentence(view, "documents_on_profile", noticed=if_noticed)


def _two_stages(entity: Entity, is_named: bool, view: InForce) -> Text:
    """The sentence on procedures in two stages: days for applications, then for tenders; `is_named`: saying whose."""
    days = [tuple(view[rule_id].value_text for rule_id in rules) for rules in STAGES[entity]]
    names = ["restricted_or_negotiated"] if days[0] == days[1] else ["restricted_tender", "negotiated_procedure"]
    parts = [
        sentence(view, "two_stages", procedure=sentence(view, name), first=first, then=then)
        for name, (first, then) in zip(names, days, strict=False)
    ]
    articles = dict.fromkeys(view[rule].article or "" for rules in STAGES[entity] for rule in rules)
    who = sentence(view, f"to_{entity}") if is_named else NOTHING
    return sentence(view, f"stages_of_{entity}", stages=join_texts(parts), who=who, articles=listed(tuple(articles)))


@applies("time_dynamic_system", "time_dynamic_system_offers")
def _statement_of_dynamic_system_time_limits(bulletin: bool | None, view: InForce) -> StatementInWords | None:
    """A dynamic purchasing system of formal size: days for the first applications, then for each specific contract."""
    return _statement(view, "dynamic_system_time_limits", notice=sentence(view, NOTICES[bulletin]))


@applies(
    "time_adapted", "publication_adapted_small", "publication_adapted_others", "national_publicity", "other_buyers"
)
def _statement_of_adapted_publicity(
    national: bool, bulletin: bool | None, on_profile: bool, view: InForce
) -> StatementInWords | None:
    """An adapted procedure has no minimum time limit; its notice is national from an amount on, for public bodies.

    Industrial and commercial bodies of the State, public housing offices and some others choose their publicity freely.

    From another amount on, the documents are on the buyer profile.
    """
    documents = _profile_sentence(view, national and bulletin is not False) if on_profile else NOTHING
    if not national:
        return _statement(view, "adapted_free_publicity", documents=documents)
    notice = sentence(view, f"adapted_{NOTICES[bulletin]}")
    return _statement(view, "adapted_national_publicity", notice=notice, documents=documents)


@applies("light_publicity", "light_publicity_eu")
def _statement_of_social_services_publicity(reaches_eu: bool | None, view: InForce) -> StatementInWords | None:
    """Social and other specific services: a notice in OJEU from their EU threshold on, below it what suits.

    Both are said where on which side the value is depends on the buyer.
    """
    names = {True: "social_services_above", False: "social_services_below", None: "social_services_open"}
    return _statement(view, names[reaches_eu])


@applies("time_concession_applications", "time_concession_offers", "publication_concession_full")
def _statement_of_concession_time_limits(view: InForce) -> StatementInWords | None:
    """A concession from the EU threshold on: three publications, and days for applications, then for tenders."""
    return _statement(view, "concession_time_limits")


@applies("time_concession_simplified", "publication_concession_simplified", "light_concession_publicity")
def _statement_of_simplified_concession_publicity(reaches_eu: bool | None, view: InForce) -> StatementInWords | None:
    """A concession in the simplified procedure: one national notice, no minimum time limit.

    Those of social or other specific services have a notice in OJEU besides, from the EU threshold on; where that
    threshold is not known, both are said.
    """
    names = {True: "concession_publicity_eu", False: "concession_publicity", None: "concession_publicity_open"}
    return _statement(view, names[reaches_eu])


def advise_next_steps(need: Need, decided: Procedures, view: InForce) -> list[LegalAdvice]:
    """The advice on time limits and publicity (TIME_LIMITS), or on the file of a direct award (DIRECT_AWARD_FILE).

    Each part of the need has its own; parts that are told the same are told once. The lots are named where some other
    part is told something else, or nothing. Nothing is said where no procedure was found.
    """
    found: dict[LegalAdvice, list[tuple[str, ...]]] = {}
    for part in decided.parts:
        step = (
            _advise_award_file(part.group.total or 0, view)
            if part.level == "direct"
            else _advise_time_limits(need, part, view)
        )
        if step:
            found.setdefault(step, []).append(part.group.lot_ids)
    if [len(told) for told in found.values()] == [len(decided.parts)]:
        return list(found)
    return [msgspec.structs.replace(step, lots=tuple(told)) for step, told in found.items()]


def _advise_time_limits(need: Need, part: Procedure, view: InForce) -> LegalAdvice | None:
    """The TIME_LIMITS advice on a group, no surer than its rules and the amounts that decided the procedure."""
    group, is_formal, buyer = part.group, part.level == "formal", class_of(need.buyer)
    said: StatementInWords | None = None
    rules: tuple[str, ...] = ()
    if part.level is None:
        return None
    if need.contract == "concession" and is_formal:
        said = _statement_of_concession_time_limits(view)
    elif need.contract == "concession":
        # the amount changes the publicity of social services alone
        social = part.light and not all(lot.object.transport for lot in group.light)
        reached, rules = _reaches_amounts(group, ("eu_concessions",), view) if social else (False, ())
        said = _statement_of_simplified_concession_publicity(reached, view)
    elif is_formal and need.technique == "dynamic_purchasing_system":
        said = _statement_of_dynamic_system_time_limits(buyer.bulletin, view)
    elif is_formal:
        entities: tuple[Entity, ...] = ("utility",) if buyer.is_utility else ("authority",)
        said = _statement_of_formal_time_limits(entities if buyer.kinds else tuple(STAGES), buyer.bulletin, view)
    elif part.light:
        reached, rules = _reaches_amounts(group, social_thresholds(need), view)
        said = _statement_of_social_services_publicity(reached, view)
    elif (national := view["national_publicity"].cents) is not None:
        total, profile = group.total or 0, view["buyer_profile_documents"].cents
        on_profile = profile is not None and total >= profile
        said = _statement_of_adapted_publicity(total >= national, buyer.bulletin, on_profile, view)
    if said is None:
        return None
    rules += light_rules(need.contract, group) if part.light else part.thresholds
    if need.contract == "market":
        rules = (*rules, direct_threshold(group, need))
    doubtful = group.doubtful or (part.light and not is_light(group))
    return advice(view, said.name, rests_on=(*said.rules, *rules), doubtful=doubtful, message=said.message)


def _reaches_amounts(group: Group, rules: tuple[str, ...], view: InForce) -> tuple[bool | None, tuple[str, ...]]:
    """Whether a group's value reaches these rules' amounts (None: only some, or unknown); the rules it rests on."""
    bounds = [view[rule].cents for rule in rules]
    sides = {None if bound is None else (group.total or 0) >= bound for bound in bounds}
    side = sides.pop() if len(sides) == 1 else None
    return side, () if side is None else rules


@applies("direct_award_file", "direct_award_quotes", "procedure_file_years", "written_contract")
def _advise_award_file(value: int, view: InForce) -> LegalAdvice | None:
    """The file of a direct award holds what was compared and why this offer was taken (DIRECT_AWARD_FILE).

    That three quotes are not required is doctrine of the DAJ, of 2016. From an amount on the contract is in writing.
    """
    bound = view["written_contract"].cents
    in_writing = NOTHING if bound is None or value < bound else sentence(view, "contract_in_writing")
    said = _statement(view, "direct_award_file", in_writing=in_writing)
    return said and advice(view, said.name, message=said.message)


@applies("books_direct_award", "books_cpv")
def advise_books(need: Need, lots: tuple[LotFacts, ...], decided: Procedures, view: InForce) -> LegalAdvice | None:
    """Books other than school books may be bought directly up to an amount of their own (BOOKS_DIRECT_AWARD).

    For the own needs of the State, local authorities and the other buyers that the book price act names, or for a
    library open to the public. Lots are such books by their main CPV code; together they are below the amount. Nothing
    is said to utilities, nor where the general amount of direct award is enough.
    """
    codes = view.codes("books_cpv")
    chosen = tuple([lot for lot in lots if lot.object.cpv and lot.object.cpv[0] in codes])
    bound = view["books_direct_award"].cents
    if not chosen or bound is None or class_of(need.buyer).is_utility:
        return None
    ids = tuple(lot.lot.id for lot in chosen)
    value = decided.parts[0].group.total if len(chosen) == len(lots) else total_of(chosen)
    direct = {lot_id for part in decided.parts if part.level == "direct" for lot_id in part.group.lot_ids}
    if value is None or value >= bound or direct.issuperset(ids):
        return None
    names = ids if len(chosen) < len(lots) else ()
    doubtful = any(part.group.doubtful for part in decided.parts)
    return advice(view, "books_direct_award", (names,) if names else (), doubtful=doubtful, about=bracketed_lots(names))


@applies("yearly_list_minimum")
def advise_yearly_list(need: Need, decided: Procedures, view: InForce) -> LegalAdvice | None:
    """Direct awards from an amount on are published, at least in a list of the year (YEARLY_LIST).

    Each lot is a contract of its own, and the text sets no amount from which the list would not be enough.
    """
    least = view["yearly_list_minimum"].cents
    direct = [lot for part in decided.parts if part.level == "direct" for lot in part.group.lots]
    listed = tuple([lot.lot.id for lot in direct if least is not None and (lot_value(need, lot) or 0) >= least])
    if not listed:
        return None
    names = listed if len(need.lots) > 1 else ()
    told = sentence(view, "yearly_list", about=bracketed_lots(names)).capitalised()
    return advice(view, "yearly_list", (names,) if names else (), message=told)


@applies("award_data")
def advise_essential_data(need: Need, decided: Procedures, view: InForce) -> LegalAdvice | None:
    """The essential data of every contract for a need from an amount on are published (ESSENTIAL_DATA).

    It is the need that reaches the amount: its small lots are concerned, those that are awarded directly too, unless
    they stand on the list of the year.
    """
    bound = view["award_data"].cents
    concerned = [part for part in decided.parts if bound is not None and (part.group.total or 0) >= bound]
    lots = [lot for part in concerned for lot in part.group.lots]
    least = view["yearly_list_minimum"].cents or 0
    if all(part.level == "direct" for part in concerned) and all((lot_value(need, lot) or 0) >= least for lot in lots):
        return None
    several = len(need.lots) > 1 and view.holds("yearly_list_minimum")
    about = sentence(view, "save_yearly_list") if several else NOTHING
    named = () if len(concerned) == len(decided.parts) else tuple(part.group.lot_ids for part in concerned)
    doubtful = any(part.group.doubtful for part in concerned)
    return advice(view, "essential_data", named, doubtful=doubtful, about=about)


# by whether the values are within the limits, null where they are not known
INNOVATION = {True: "innovation_within", False: "innovation_beyond", None: "innovation_of_unknown_value"}


@applies(
    "innovative_need",
    "innovative_need_simplification",
    "innovative_lot_supplies_services",
    "innovative_lot_works",
    "innovative_lot_share",
)
def advise_innovation(need: Need, lot: LotFacts, group: Group, view: InForce) -> LegalAdvice | None:
    """A lot marked innovative may be bought without publicity or competition within limits (INNOVATION_REVIEW).

    Either the whole need is below the amount of the date; or, where the date has a rule for lots, the lot is below its
    own amount (works apart) and all innovative lots together are within a share of all lots. Since 2026-07-01 the
    amount of a need and of a lot of works has two readings, that of the code and a higher one of loi 2026-403, which
    was not read: both are told, to be checked, unless the value is within both. Whether the object is innovative is for
    a person to judge: no answer is surer than medium.
    """
    if not lot.lot.innovative or need.contract == "concession":
        return None
    row, second = view["innovative_need"], view["innovative_need_simplification"]
    if row.status != "in_force":
        return advice(view, "innovation_unknown", doubtful=group.doubtful)
    within = _is_within_innovation_limits(lot, group, row.id, view)
    name, sure, limit = INNOVATION[within], weakest("medium", row.confidence), row.value_text
    if second.status == "in_force":
        perhaps = _is_within_innovation_limits(lot, group, second.id, view)
        name = "innovation_second_reading" if perhaps and not within else INNOVATION[perhaps]
        sure = sure if within else second.confidence
        limit = sentence(view, "innovation_limits")
    return advice(view, name, sure=sure, doubtful=group.doubtful, limit=limit)


def _is_within_innovation_limits(lot: LotFacts, group: Group, need_rule: str, view: InForce) -> bool | None:
    """Whether lot and need are within the limits of innovative purchases (`need_rule`: the need's); None: not known.

    The second reading has one amount for a need and for a lot of works.
    """
    need_bound = view[need_rule].cents
    if group.total is not None and need_bound is not None and group.total < need_bound:
        return True
    of_works = "innovative_lot_works" if need_rule == "innovative_need" else need_rule
    bound = view[of_works if group.works else "innovative_lot_supplies_services"].cents
    share = view.number("innovative_lot_share")
    if bound is None or share is None:
        return None if group.total is None else False
    if lot.cents is not None and lot.cents >= bound:
        return False
    together = total_of(tuple(other for other in group.lots if other.lot.innovative))
    if group.total is None or together is None:
        return None
    return together * 100 <= group.total * share
