"""Advice on what follows the choice of a procedure: time limits and publicity, or the file of a direct award."""

from functools import lru_cache

import msgspec

from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.light_regime import is_light, light_rows, takes_light_regime
from domain.law.need_value import Group
from domain.law.procedure import Decided, Decisions, direct_threshold, formal_thresholds, social_thresholds
from domain.law.rule_registry import applies
from domain.law.rules import InForce, RuleRow
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


def procedure_steps(need: Need, decided: Decisions, view: InForce) -> list[LegalAdvice]:
    """The advice on time limits and publicity (TIME_LIMITS), or on the file of a direct award (DIRECT_AWARD_FILE).

    Each part of the need has its own; parts that are told the same are told once. The lots are named where some other
    part is told something else, or nothing. Nothing is said where no procedure was found.
    """
    found: dict[LegalAdvice, list[tuple[str, ...]]] = {}
    for part in decided.parts:
        step = _file(part.group, view) if part.level == "direct" else _time_limits(need, part, view)
        if step:
            found.setdefault(step, []).append(part.group.ids)
    if len(decided.parts) == 1 or [len(told) for told in found.values()] == [len(decided.parts)]:
        return list(found)
    return [msgspec.structs.replace(step, lots=tuple(told)) for step, told in found.items()]


def _time_limits(need: Need, part: Decided, view: InForce) -> LegalAdvice | None:
    """TIME_LIMITS, as sure as the least sure of its rules and of the amounts by which the procedure was found."""
    group = part.group
    light = takes_light_regime(need.contract, group, view)
    sentence = _sentence(need, group, part.level == "formal", light, view) if part.level else None
    if sentence is None:
        return None
    amounts = formal_thresholds(need, group)
    rows = light_rows(need.contract, group, view) if light else tuple(map(view.__getitem__, amounts))
    if need.contract == "market":
        rows = (*rows, view[direct_threshold(group)])
    doubtful = group.doubtful or (light and not is_light(group))
    sure = least_sure(*sentence.rows, *rows, doubtful=doubtful)
    return advice("TIME_LIMITS", "info", sentence.rows[0], sentence.message, (), sure)


def _sentence(need: Need, group: Group, is_formal: bool, light: bool, view: InForce) -> Sentence | None:
    if need.contract == "concession":
        return concession_full(view) if is_formal else _simplified(group, light, view)
    if is_formal and need.technique == "dynamic_purchasing_system":
        return dynamic_system(view)
    if is_formal:
        kind = need.buyer.kind if need.buyer else None
        entities: tuple[Entity, ...] = ("utility",) if kind == "utility" else ("authority",)
        return formal(tuple(ENTITIES) if kind is None else entities, view)
    if light:
        reached, rows = _reached(group, social_thresholds(need), view)
        return _resting_on(social_services(reached, view), rows)
    total, profile = group.total or 0, view.cents("buyer_profile_documents")
    national = view.cents("national_publicity")
    return None if national is None else adapted(total >= national, profile is not None and total >= profile, view)


def _simplified(group: Group, light: bool, view: InForce) -> Sentence | None:
    """The publicity of a concession in the simplified procedure, which the amount changes for social services alone."""
    social = light and not all(lot.object.transport for lot in group.light)
    reached, rows = _reached(group, ("eu_concessions",), view) if social else (False, ())
    return _resting_on(concession_simplified(reached, view), rows)


def _reached(group: Group, rules: tuple[str, ...], view: InForce) -> tuple[bool | None, tuple[RuleRow, ...]]:
    """Whether the group's value is at or above these amounts, which then count; null where that is open."""
    bounds = [view.cents(rule) for rule in rules]
    sides = {None if bound is None else (group.total or 0) >= bound for bound in bounds}
    side = sides.pop() if len(sides) == 1 else None
    return side, () if side is None else tuple(map(view.__getitem__, rules))


def _resting_on(sentence: Sentence | None, rows: tuple[RuleRow, ...]) -> Sentence | None:
    return sentence and sentence._replace(rows=(*sentence.rows, *rows))


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
