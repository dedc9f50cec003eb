"""The legal review of a need: its advice, and per lot the findings on each reservation it might have."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache

from domain.law.contract_terms import review_terms
from domain.law.direct_awards import review_direct_awards
from domain.law.ess_reservation import review_ess
from domain.law.findings import LegalAdvice, LegalFinding, LotReview, NeedReview, worst_outcome
from domain.law.lot_facts import LotFacts, read_lot
from domain.law.need_value import Group, groups, total_below_lots
from domain.law.prison_reservation import review_prison
from domain.law.procedure import review_procedure
from domain.law.reservation import review_types, type_rule
from domain.law.rules import InForce, Rules
from domain.law.small_lots import no_split, review_sets
from domain.law.social_environmental import (
    allotment,
    capability,
    environmental,
    framework,
    innovation,
    insertion,
    reuse_quota,
    social,
    spaser,
)
from domain.needs.need import Buyer, ContractKind, Need, Reserved

OPTIONS: dict[str, frozenset[Reserved]] = {
    "handicap": frozenset({"handicap"}),
    "iae": frozenset({"iae"}),
    "handicap_iae": frozenset({"handicap", "iae"}),
    "penitentiary": frozenset({"penitentiary"}),
    "ess": frozenset({"ess"}),
}
"""The reservations a buyer may think of, by their key in `alternatives.reserved`."""


def review_need(
    need: Need, on: date, rules: Rules, segments_of_lot: Mapping[str, tuple[str, ...]] | None = None
) -> NeedReview:
    """Findings on every lot's reservation, advice per lot and advice on the whole, at `on`.

    `segments_of_lot`: per lot id, the segments or families understood as its object (from codes, CPV and words);
    without it the lots' own `segments` are used. CPV codes are taken as valid.
    """
    read = segments_of_lot or {}
    view = rules.at(on, need.contract)
    lots = tuple(read_lot(lot, read.get(lot.id, lot.segments), view) for lot in need.lots)
    of_values: dict[str, list[LegalAdvice]] = {}
    whole = [total_below_lots(need, lots, view)]
    for group in groups(need, lots):
        whole += _group_advice(need, group, view, of_values)
    whole += [
        environmental(need.contract, view),
        spaser(need.buyer, view),
        allotment(need, view),
        framework(need, view),
        *review_direct_awards(need, lots, view),
        *review_terms(need, lots, view),
    ]
    reviews = {lot.lot.id: _review_lot(need, lot, of_values[lot.lot.id], on, view) for lot in lots}
    return NeedReview(reviews, tuple(item for item in whole if item))


def _group_advice(
    need: Need, group: Group, view: InForce, of_values: dict[str, list[LegalAdvice]]
) -> list[LegalAdvice | None]:
    """The need's advice for one group of lots; advice that its values give on a lot is added to `of_values`."""
    sets = review_sets(need, group, view)
    for lot in group.lots:
        found = (innovation(need, lot, group, view), *(each.of_lot for each in sets if lot.lot.id in each.members))
        of_values[lot.lot.id] = [item for item in found if item]
    of_sets = [each.of_need for each in sets]
    return [*review_procedure(need, group, view), *of_sets, *no_split(need, group, view), social(need, group, view)]


def _review_lot(need: Need, lot: LotFacts, of_value: Iterable[LegalAdvice], on: date, view: InForce) -> LotReview:
    """The review of one lot; `of_value`: the advice on it that the need's values gave."""
    of_object = (
        insertion(lot, need.contract, view),
        capability(lot.segments, view),
        reuse_quota(lot.segments, need.buyer and need.buyer.kind, view),
    )
    findings = tuple(_reservation(need.contract, need.buyer, lot, on, view))
    forbidden, doubtful = _options(need.contract, need.buyer, lot, on, view)
    advice = (*(item for item in of_object if item), *of_value)
    return LotReview(findings, advice, forbidden, doubtful, worst_outcome(findings))


def _options(
    contract: ContractKind, buyer: Buyer | None, lot: LotFacts, on: date, view: InForce
) -> tuple[dict[str, LegalFinding | None], frozenset[str]]:
    """Per reservation the finding that forbids it, by its type or else by the lot; and the doubtful ones."""
    of_types, doubtful = _options_of_types(contract, on, view)
    forbidden = dict(of_types)
    for option, findings in (
        ("penitentiary", review_prison(lot, view)),
        ("ess", review_ess(lot, buyer, view)),
    ):
        if forbidden[option] is None:
            forbidden[option], is_doubtful = _refusal_or_doubt(findings)
            doubtful = doubtful - {option} if forbidden[option] else doubtful | ({option} if is_doubtful else set())
    return forbidden, doubtful


@lru_cache(maxsize=256)
def _options_of_types(
    contract: ContractKind, on: date, view: InForce
) -> tuple[Mapping[str, LegalFinding | None], frozenset[str]]:
    """Per reservation the finding that forbids it whatever the lot, and the doubtful ones."""
    found = {option: _refusal_or_doubt(review_types(types, contract, on, view)) for option, types in OPTIONS.items()}
    forbidden = {option: refusal for option, (refusal, _) in found.items()}
    return forbidden, frozenset(option for option, (_, doubtful) in found.items() if doubtful)


def _refusal_or_doubt(findings: Iterable[LegalFinding]) -> tuple[LegalFinding | None, bool]:
    """The finding that forbids a reservation, else whether a person must judge it or data is missing."""
    doubtful = False
    for found in findings:
        if found.outcome == "INELIGIBLE":
            return found, False
        doubtful = doubtful or found.outcome in {"UNKNOWN", "REVIEW"}
    return None, doubtful


def _reservation(
    contract: ContractKind, buyer: Buyer | None, lot: LotFacts, on: date, view: InForce
) -> Iterator[LegalFinding]:
    """The findings on types and combinations; then, for types that exist, those on the lot itself."""
    reserved: frozenset[Reserved] = frozenset(lot.lot.reserved or ())
    if not reserved:
        return
    types = review_types(reserved, contract, on, view)
    yield from types
    missing = {found.rule for found in types if found.code == "TYPE_NOT_IN_FORCE"}
    if "ess" in reserved and type_rule("ess", contract) not in missing:
        yield from review_ess(lot, buyer, view)
    if "penitentiary" in reserved and type_rule("penitentiary", contract) not in missing:
        yield from review_prison(lot, view)
