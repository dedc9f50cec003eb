"""Advice on what follows the choice of a procedure: time limits and publicity, or the file of a direct award."""

from collections.abc import Callable
from functools import lru_cache

import msgspec

from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.light_regime import is_light, light_rules
from domain.law.need_value import Group
from domain.law.procedure import Decided, Decisions, direct_threshold, social_thresholds
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.law.time_limits import (
    ENTITIES,
    Entity,
    Sentence,
    adapted,
    concession_full,
    concession_simplified,
    dynamic_system,
    formal,
    social_services,
)
from domain.needs.need import Need
from domain.text.bilingual import NOTHING, Text

Writer = Callable[..., Sentence | None]
"""A function of facts and the rules at a date that writes a sentence of advice."""


def procedure_steps(need: Need, decided: Decisions, view: InForce) -> list[LegalAdvice]:
    """The advice on time limits and publicity (TIME_LIMITS), or on the file of a direct award (DIRECT_AWARD_FILE).

    Each part of the need has its own; parts that are told the same are told once. The lots are named where some other
    part is told something else, or nothing. Nothing is said where no procedure was found.
    """
    steps = [
        _file(part.group, view) if part.level == "direct" else _time_limits(need, part, view) for part in decided.parts
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
    chosen = _chosen(need, part, view) if part.level else None
    if chosen is None:
        return None
    write, facts, rules = chosen
    group = part.group
    rules += light_rules(need.contract, group) if part.light else part.thresholds
    if need.contract == "market":
        rules = (*rules, direct_threshold(group))
    doubtful = group.doubtful or (part.light and not is_light(group))
    return _advice(write, facts, rules, doubtful, view)


@lru_cache(maxsize=1024)
def _advice(
    write: Writer, facts: tuple[object, ...], rules: tuple[str, ...], doubtful: bool, view: InForce
) -> LegalAdvice | None:
    """TIME_LIMITS in the sentence that `write` makes of `facts`, which rests on these rules too."""
    sentence = write(*facts, view)
    if sentence is None:
        return None
    sure = least_sure(*sentence.rows, *map(view.__getitem__, rules), doubtful=doubtful)
    return advice("TIME_LIMITS", "info", sentence.rows[0], sentence.message, (), sure)


def _chosen(need: Need, part: Decided, view: InForce) -> tuple[Writer, tuple[object, ...], tuple[str, ...]] | None:
    """The writer of the sentence on a procedure, the facts that it takes, and the amounts that decided these."""
    group, is_formal = part.group, part.level == "formal"
    if need.contract == "concession":
        return (concession_full, (), ()) if is_formal else _simplified(part, view)
    if is_formal and need.technique == "dynamic_purchasing_system":
        return dynamic_system, (), ()
    if is_formal:
        kind = need.buyer.kind if need.buyer else None
        entities: tuple[Entity, ...] = ("utility",) if kind == "utility" else ("authority",)
        return formal, (tuple(ENTITIES) if kind is None else entities,), ()
    if part.light:
        reached, rules = _reached(group, social_thresholds(need), view)
        return social_services, (reached,), rules
    total, profile = group.total or 0, view.cents("buyer_profile_documents")
    national = view.cents("national_publicity")
    return None if national is None else (adapted, (total >= national, profile is not None and total >= profile), ())


def _simplified(part: Decided, view: InForce) -> tuple[Writer, tuple[object, ...], tuple[str, ...]]:
    """The publicity of a concession in the simplified procedure, which the amount changes for social services alone."""
    social = part.light and not all(lot.object.transport for lot in part.group.light)
    reached, rules = _reached(part.group, ("eu_concessions",), view) if social else (False, ())
    return concession_simplified, (reached,), rules


def _reached(group: Group, rules: tuple[str, ...], view: InForce) -> tuple[bool | None, tuple[str, ...]]:
    """Whether the group's value is at or above these amounts, which then count; null where that is open."""
    bounds = [view.cents(rule) for rule in rules]
    sides = {None if bound is None else (group.total or 0) >= bound for bound in bounds}
    side = sides.pop() if len(sides) == 1 else None
    return side, () if side is None else rules


def _file(group: Group, view: InForce) -> LegalAdvice | None:
    """The advice on the file of a direct award, in writing from an amount on."""
    written = view.cents("written_contract")
    return _direct_award_file(written is not None and (group.total or 0) >= written, view)


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
    in_writing = Text(
        f" ; contrat écrit à partir de {amount.fr} ({article})", f"; contract in writing from {amount.en} ({article})"
    )
    fr, en = in_writing if written else NOTHING
    message = Text(
        f"Conseil : garder {years.fr} ans ({kept}) la comparaison faite et, en quelques lignes, pourquoi cette offre "
        f"et cet opérateur{fr} ; d'après la DAJ, trois devis ne sont pas exigés",
        f"Counsel: keep for {years.en} years ({kept}) what was compared and, in a few lines, why this offer and this "
        f"operator{en}; the Legal Affairs Directorate (DAJ) says that three quotes are not required",
    )
    return advice("DIRECT_AWARD_FILE", "info", rows[0], message, (), least_sure(*rows))
