"""Advice on what follows the choice of a procedure: time limits and publicity, or the file of a direct award."""

from collections.abc import Iterable
from functools import lru_cache

from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.light_regime import is_light, light_rows, takes_light_regime
from domain.law.need_value import Group
from domain.law.procedure import direct_threshold, formal_thresholds, level, social_thresholds
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
from domain.text.bilingual import Text


def procedure_steps(need: Need, groups: Iterable[Group], view: InForce) -> LegalAdvice | None:
    """The need's advice on time limits and publicity (TIME_LIMITS), or on the file to keep (DIRECT_AWARD_FILE).

    One for the whole need: where a part of it takes a formal procedure, that of this part; else that of the parts in an
    adapted procedure; the file only where every part is a direct award. None where no procedure was found.
    """
    found = [(group, level(need, group, view)) for group in groups]
    for strictest in ("formal", "adapted"):
        chosen = [group for group, decided in found if decided == strictest]
        if chosen:
            group = max(chosen, key=lambda group: (not is_light(group), group.total or 0))
            lots = () if len(chosen) == len(found) else group.advised_lots
            return _time_limits(need, group, _sentence(need, group, strictest == "formal", view), lots, view)
    if any(decided is None for _, decided in found):
        return None
    written = view.cents("written_contract")
    return _direct_award_file(written is not None and any((group.total or 0) >= written for group, _ in found), view)


def _time_limits(
    need: Need, group: Group, sentence: Sentence | None, lots: tuple[tuple[str, ...], ...], view: InForce
) -> LegalAdvice | None:
    """TIME_LIMITS, as sure as the least sure of its rules and of the amounts by which the procedure was found."""
    if sentence is None:
        return None
    if takes_light_regime(need.contract, group, view):
        rows, doubtful = light_rows(need.contract, group, view), not is_light(group)
    else:
        amounts = formal_thresholds(need, group)
        rows, doubtful = tuple(map(view.__getitem__, amounts)), False
    if need.contract == "market":
        rows = (*rows, view[direct_threshold(group)])
    sure = "low" if doubtful or group.doubtful else least_sure(*sentence.rows, *rows)
    return advice("TIME_LIMITS", "info", sentence.rows[0], sentence.message, lots, sure)


def _sentence(need: Need, group: Group, is_formal: bool, view: InForce) -> Sentence | None:
    total = group.total or 0
    if need.contract == "concession":
        bound = view.cents("eu_concessions")
        reached = None if bound is None else total >= bound
        light = takes_light_regime(need.contract, group, view)
        return concession_full(view) if is_formal else concession_simplified(light, reached, view)
    if is_formal and need.technique == "dynamic_purchasing_system":
        return dynamic_system(view)
    if is_formal:
        kind = need.buyer.kind if need.buyer else None
        entities: tuple[Entity, ...] = ("utility",) if kind == "utility" else ("authority",)
        return formal(tuple(ENTITIES) if kind is None else entities, view)
    if takes_light_regime(need.contract, group, view):
        bounds = [view.cents(rule) for rule in social_thresholds(need)]
        above = {None if bound is None else total >= bound for bound in bounds}
        return social_services(above.pop() if len(above) == 1 else None, view)
    national, profile = view.cents("national_publicity"), view.cents("buyer_profile_documents")
    return None if national is None else adapted(total >= national, profile is not None and total >= profile, view)


@applies("direct_award_file", "direct_award_quotes", "procedure_file_years", "written_contract")
@lru_cache(maxsize=64)
def _direct_award_file(written: bool, view: InForce) -> LegalAdvice | None:
    """The file of a direct award holds what was compared and why this offer was taken (DIRECT_AWARD_FILE).

    That three quotes are not required is doctrine of the DAJ, of 2016. `written`: the contract must be in writing.
    """
    rows = tuple(map(view.__getitem__, ("direct_award_file", "direct_award_quotes", "procedure_file_years")))
    if any(row.status != "in_force" for row in rows):
        return None
    years, kept = view.written("procedure_file_years"), view["procedure_file_years"].article
    amount, article = view.written("written_contract"), view["written_contract"].article
    in_writing = Text(
        f" ; contrat écrit à partir de {amount.fr} ({article})", f"; contract in writing from {amount.en} ({article})"
    )
    fr, en = in_writing if written else ("", "")
    message = Text(
        f"Conseil : garder {years.fr} ans ({kept}) la comparaison faite et, en quelques lignes, pourquoi cette offre "
        f"et cet opérateur{fr} ; d'après la DAJ, trois devis ne sont pas exigés",
        f"Counsel: keep for {years.en} years ({kept}) what was compared and, in a few lines, why this offer and this "
        f"operator{en}; the DAJ says that three quotes are not required",
    )
    return advice("DIRECT_AWARD_FILE", "info", rows[0], message, (), least_sure(*rows))
