"""Advice on what follows the choice of a procedure: time limits and publicity, or the file of a direct award.

Direct awards beyond the general amount: what may be bought so, as books and innovative purchases within limits, and
what is published of them afterwards.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import inf

import msgspec

from domain.law.buyers import class_of, social_thresholds
from domain.law.findings import LegalAdvice, advice, bracketed_lots, sentence, statements_of, weakest
from domain.law.procedures.lot_facts import LotFacts
from domain.law.procedures.need_value import Group, is_light, light_rules, lot_value, total_of
from domain.law.procedures.procedure import Level, Procedure, Procedures, direct_threshold
from domain.law.rules import InForce
from domain.needs.need import ContractKind, Need, Technique
from domain.text.bilingual import NOTHING, Text, join_texts, listed


class TimeLimitsRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of `time_limits.toml`, which says what each field means."""

    contract: ContractKind
    below: str
    above: str | None = None
    open: str | None = None
    level: Level | None = None
    technique: Technique | None = None
    light: bool | None = None
    amount: str | None = None
    stages: bool = False


class TimeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of `time_limits.toml`."""

    row: tuple[TimeLimitsRow, ...]
    stages: dict[str, tuple[tuple[str, str], ...]]


@lru_cache(maxsize=256)
def _stages_in_words(entities: tuple[str, ...], view: InForce) -> Text:
    """The sentences on procedures in two stages: days for applications, then for tenders, by whose they are."""
    told = []
    for entity in entities:
        stages = view.law.table("time_limits.toml", TimeLimits).stages[entity]
        days = [tuple(view[rule_id].value_text for rule_id in rules) for rules in stages]
        names = ["restricted_or_negotiated"] if days[0] == days[1] else ["restricted_tender", "negotiated_procedure"]
        parts = [
            sentence(view, "two_stages", procedure=sentence(view, name), first=first, then=then)
            for name, (first, then) in zip(names, days, strict=False)
        ]
        articles = listed(tuple(dict.fromkeys(view[rule].article or "" for rules in stages for rule in rules)))
        who = sentence(view, f"to_{entity}") if len(entities) > 1 else NOTHING
        told.append(sentence(view, f"stages_of_{entity}", stages=join_texts(parts), who=who, articles=articles))
    return join_texts(told)


def advise_next_steps(need: Need, decided: Procedures, view: InForce) -> list[LegalAdvice]:
    """The advice on time limits and publicity (TIME_LIMITS), or on the file of a direct award (DIRECT_AWARD_FILE).

    Each part of the need has its own; parts that are told the same are told once. The lots are named where some other
    part is told something else, or nothing. Nothing is said where no procedure was found.
    """
    found: dict[LegalAdvice, list[tuple[str, ...]]] = {}
    for part in decided.parts:
        advise = _advise_award_file if part.level == "direct" else _advise_time_limits
        if step := advise(need, part, view):
            found.setdefault(step, []).append(part.group.lot_ids)
    if [len(told) for told in found.values()] == [len(decided.parts)]:
        return list(found)
    return [msgspec.structs.replace(step, lots=tuple(told)) for step, told in found.items()]


def _advise_time_limits(need: Need, part: Procedure, view: InForce) -> LegalAdvice | None:
    """The TIME_LIMITS advice on a group, no surer than its rules and the amounts that decided the procedure."""
    group, buyer, is_formal = part.group, class_of(need.buyer, view), part.level == "formal"
    limits = view.law.table("time_limits.toml", TimeLimits)
    if part.level is None:
        return None
    # the amount changes the publicity of social services alone
    social = part.light and (need.contract == "market" or not all(lot.object.transport for lot in group.light))
    facts = {"contract": need.contract, "level": part.level, "technique": need.technique, "light": social}
    row = next(row for row in limits.row if all(getattr(row, name) in {None, facts[name]} for name in facts))
    named = (row.amount,) if row.amount else ()
    amounts = social_thresholds(need.buyer, view) if row.amount == "social_threshold" else named
    reached, rules = _reaches_amounts(group, amounts, view)
    name = {True: row.above, False: row.below, None: row.open}[reached]
    kinds = ("utility",) if buyer.is_utility else ("authority",)
    entities = () if not row.stages else kinds if buyer.kinds else tuple(limits.stages)
    stages = [rule for entity in entities for pair in limits.stages[entity] for rule in pair]
    if name is None or not _are_known(name, stages, view):
        return None
    profile = view["buyer_profile_documents"].cents or inf
    noticed = NOTHING if is_formal or (reached and buyer.notice != "other") else sentence(view, "if_noticed")
    documents = sentence(view, "documents_on_profile", noticed=noticed) if (group.total or 0) >= profile else NOTHING
    where = ("" if is_formal else "adapted_" if reached else "free_") + f"notice_of_{buyer.notice}_buyer"
    told = {"notice": sentence(view, where), "stages": _stages_in_words(entities, view), "documents": documents}
    by_object = part.light and (need.contract == "market" or part.by_amount != "adapted")
    # below a threshold that is not published yet, the procedure is known all the same
    unpublished = {rule for rule in part.thresholds if view[rule].status == "unknown" and part.level == "adapted"}
    rules += light_rules(need.contract, group) if by_object else tuple({*part.thresholds} - unpublished)
    rests_on = *stages, *rules, *([direct_threshold(group, need)] if need.contract == "market" else [])
    sure = weakest("low" if by_object and not is_light(group) else "medium" if unpublished else "high", group.sure)
    return advice(view, name, rests_on=rests_on, sure=sure, message=sentence(view, name, **told))


def _are_known(name: str, rules: Iterable[str], view: InForce) -> bool:
    """Whether the rules of a statement, and these, are in force at the date."""
    said = statements_of(view.law)[name]
    return all(view[rule].status == "in_force" for rule in (said.rule, *said.rests_on, *rules))


def _reaches_amounts(group: Group, rules: tuple[str, ...], view: InForce) -> tuple[bool | None, tuple[str, ...]]:
    """Whether a group's value reaches these rules' amounts (None: only some, or unknown), and the rules it rests on.

    It reaches none where there is none.
    """
    bounds = [view[rule].cents for rule in rules]
    sides = {None if bound is None else (group.total or 0) >= bound for bound in bounds} or {False}
    side = sides.pop() if len(sides) == 1 else None
    return side, () if side is None else rules


def _advise_award_file(_: Need, part: Procedure, view: InForce) -> LegalAdvice | None:
    """The file of a direct award holds what was compared and why this offer was taken (DIRECT_AWARD_FILE)."""
    bound = view["written_contract"].cents
    in_writing = NOTHING if bound is None or (part.group.total or 0) < bound else sentence(view, "contract_in_writing")
    return (
        advice(view, "direct_award_file", in_writing=in_writing) if _are_known("direct_award_file", (), view) else None
    )


def advise_books(need: Need, lots: tuple[LotFacts, ...], decided: Procedures, view: InForce) -> LegalAdvice | None:
    """Books other than school books may be bought directly up to an amount of their own (BOOKS_DIRECT_AWARD)."""
    codes = view.codes("books_cpv")
    chosen = tuple([lot for lot in lots if lot.object.cpv and lot.object.cpv[0] in codes])
    bound = view["books_direct_award"].cents
    if not chosen or bound is None or class_of(need.buyer, view).is_utility:
        return None
    ids = tuple(lot.lot.id for lot in chosen)
    value = decided.parts[0].group.total if len(chosen) == len(lots) else total_of(chosen)
    direct = {lot_id for part in decided.parts if part.level == "direct" for lot_id in part.group.lot_ids}
    if value is None or value >= bound or direct.issuperset(ids):
        return None
    names = ids if len(chosen) < len(lots) else ()
    sure = weakest(*(part.group.sure for part in decided.parts))
    return advice(view, "books_direct_award", (names,) if names else (), sure=sure, about=bracketed_lots(names))


def advise_yearly_list(need: Need, decided: Procedures, view: InForce) -> LegalAdvice | None:
    """Direct awards from an amount on are published, at least in a list of the year (YEARLY_LIST)."""
    least = view["yearly_list_minimum"].cents
    direct = [lot for part in decided.parts if part.level == "direct" for lot in part.group.lots]
    listed = tuple([lot.lot.id for lot in direct if least is not None and (lot_value(need, lot) or 0) >= least])
    if not listed:
        return None
    names = listed if len(need.lots) > 1 else ()
    told = sentence(view, "yearly_list", about=bracketed_lots(names)).capitalised()
    return advice(view, "yearly_list", (names,) if names else (), message=told)


def advise_essential_data(need: Need, decided: Procedures, view: InForce) -> LegalAdvice | None:
    """The essential data of every contract for a need from an amount on are published (ESSENTIAL_DATA)."""
    bound = view["award_data"].cents
    concerned = [part for part in decided.parts if bound is not None and (part.group.total or 0) >= bound]
    lots = [lot for part in concerned for lot in part.group.lots]
    least = view["yearly_list_minimum"].cents or 0
    if all(part.level == "direct" for part in concerned) and all((lot_value(need, lot) or 0) >= least for lot in lots):
        return None
    about = sentence(view, "save_yearly_list") if len(need.lots) > 1 and view.holds("yearly_list_minimum") else NOTHING
    named = () if len(concerned) == len(decided.parts) else tuple(part.group.lot_ids for part in concerned)
    sure = weakest("high", *(part.group.sure for part in concerned))
    return advice(view, "essential_data", named, sure=sure, about=about)


# by whether the values are within the limits, null where they are not known
INNOVATION = {True: "innovation_within", False: "innovation_beyond", None: "innovation_of_unknown_value"}


def advise_innovation(need: Need, lot: LotFacts, group: Group, view: InForce) -> LegalAdvice | None:
    """A lot marked innovative may be bought without publicity or competition within limits (INNOVATION_REVIEW)."""
    if not lot.lot.innovative or need.contract == "concession":
        return None
    row, second = view["innovative_need"], view["innovative_need_simplification"]
    if row.status != "in_force":
        return advice(view, "innovation_unknown", sure=group.sure)
    within = _is_within_innovation_limits(lot, group, row.id, view)
    name, sure, limit = INNOVATION[within], weakest("medium", row.confidence), row.value_text
    if second.status == "in_force":
        perhaps = _is_within_innovation_limits(lot, group, second.id, view)
        name = "innovation_second_reading" if perhaps and not within else INNOVATION[perhaps]
        sure = sure if within else second.confidence
        limit = sentence(view, "innovation_limits")
    return advice(view, name, sure=weakest(sure, group.sure), limit=limit)


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
