"""Rules on reserving a lot: types and combinations by date, for markets and concessions."""

from datetime import date
from functools import lru_cache

from domain.law.citation import days
from domain.law.findings import LegalFinding, finding
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.needs.need import RESERVED_TYPES, ContractKind, Reserved
from domain.text.bilingual import Text
from domain.text.labels import RESERVED

CONTRACTS: tuple[ContractKind, ...] = ("market", "concession")


def type_rule(kind: Reserved, contract: ContractKind) -> str:
    """The rule that provides a type for a kind of contract."""
    return f"reserved_{kind}" if contract == "market" else f"concession_reserved_{kind}"


@lru_cache(maxsize=1024)
def review_types(
    reserved: frozenset[Reserved], contract: ContractKind, on: date, view: InForce
) -> tuple[LegalFinding, ...]:
    """The findings that depend on the types and the date only, whatever the lot."""
    wanted = [kind for kind in RESERVED_TYPES if kind in reserved]
    findings = [finding for kind in wanted if (finding := _type_not_in_force(kind, contract, on, view))]
    if len(wanted) > 1:
        findings += _combinations(reserved, contract, view)
    return tuple(findings)


@applies(*(type_rule(kind, contract) for contract in CONTRACTS for kind in RESERVED_TYPES))
def _type_not_in_force(kind: Reserved, contract: ContractKind, on: date, view: InForce) -> LegalFinding | None:
    """A type may be used only while the law provides it, for this kind of contract (TYPE_NOT_IN_FORCE).

    The penitentiary type exists from 2022-10-21; concessions have no ESS reservation. Dates before the law was read
    through here give a finding to review, not a refusal.
    """
    row = view[type_rule(kind, contract)]
    if row.status == "in_force":
        return None
    name = RESERVED[kind].name
    if row.status == "unknown":
        message = Text(
            f"La base légale de la réservation {name.fr} au {days(on).fr} n'a pas été établie",
            f"The legal basis of the {name.en} reservation on {days(on).en} has not been established",
        )
        return finding("TYPE_NOT_ESTABLISHED", "REVIEW", row, message)
    what = Text("un marché", "a market") if contract == "market" else Text("une concession", "a concession")
    message = Text(
        f"La réservation {name.fr} n'est pas prévue pour {what.fr} au {days(on).fr} ; choisir un autre type",
        f"The {name.en} reservation is not available for {what.en} on {days(on).en}; choose another type",
    )
    return finding("TYPE_NOT_IN_FORCE", "INELIGIBLE", row, message)


def _combinations(reserved: frozenset[Reserved], contract: ContractKind, view: InForce) -> list[LegalFinding]:
    if contract == "concession":
        return [_concession_combination(view)]
    rules = (_penitentiary_combination, _ess_combination, _handicap_iae_combination)
    return [found for rule in rules if (found := rule(reserved, view))]


@applies("concession_combination")
def _concession_combination(view: InForce) -> LegalFinding:
    """A concession may be reserved to one type only: its article forbids every combination (COMBINATION_FORBIDDEN).

    Handicap with insertion always; the penitentiary type since it exists, with operators that do not work in a prison.
    """
    message = Text(
        "Une concession ne peut pas combiner plusieurs réservations ; n'en garder qu'une",
        "A concession may not combine reservations; keep only one",
    )
    return finding("COMBINATION_FORBIDDEN", "INELIGIBLE", view["concession_combination"], message)


@applies("combination_penitentiary")
def _penitentiary_combination(reserved: frozenset[Reserved], view: InForce) -> LegalFinding | None:
    """Penitentiary may not be combined with another type on one lot, since it exists (COMBINATION_FORBIDDEN).

    An adapted enterprise or insertion structure that works inside a prison may still answer the penitentiary lot.
    """
    row = view["combination_penitentiary"]
    if "penitentiary" not in reserved or row.status != "in_force":
        return None
    message = Text(
        "La réservation pénitentiaire ne se combine avec aucune autre, sauf pour les opérateurs qui en remplissent "
        "eux-mêmes les conditions ; faire des lots distincts",
        "The penitentiary reservation cannot be combined with another, except for operators who themselves meet its "
        "conditions; make separate lots",
    )
    return finding("COMBINATION_FORBIDDEN", "INELIGIBLE", row, message)


@applies("combination_ess")
def _ess_combination(reserved: frozenset[Reserved], view: InForce) -> LegalFinding | None:
    """The article on combinations names handicap, insertion and prison alone, and not ESS (COMBINATION_FORBIDDEN)."""
    if "ess" not in reserved or reserved <= {"ess", "penitentiary"}:
        return None
    message = Text(
        "Le code ne prévoit pas la combinaison de la réservation ESS avec une autre ; faire des lots distincts",
        "The code does not provide for combining the social economy reservation with another; make separate lots",
    )
    return finding("COMBINATION_FORBIDDEN", "INELIGIBLE", view["combination_ess"], message)


@applies("combination_handicap_iae")
def _handicap_iae_combination(reserved: frozenset[Reserved], view: InForce) -> LegalFinding | None:
    """Handicap and insertion may be combined on one lot of a market since 2020-12-09 (loi ASAP); forbidden before."""
    row = view["combination_handicap_iae"]
    if not reserved >= {"handicap", "iae"} or row.status != "in_force" or row.value:
        return None
    message = Text(
        "À cette date, un lot ne peut pas être réservé à la fois au handicap et à l'insertion ; choisir l'un des deux",
        "At this date a lot may not be reserved to both handicap and work integration; choose one",
    )
    return finding("COMBINATION_FORBIDDEN", "INELIGIBLE", row, message)
