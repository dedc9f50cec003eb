"""What the law says of a whole need, and of each reservation a lot might have."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import msgspec

from domain.law.considerations import (
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
from domain.law.ess_lot import review_ess
from domain.law.findings import LegalAdvice, LegalFinding, LotReview, NeedReview, worst_outcome
from domain.law.lots import LotFacts, read_lot, with_value
from domain.law.prison_lot import review_prison
from domain.law.procedure import review_procedure
from domain.law.reservation import review_types
from domain.law.rules import InForce, Rules
from domain.law.small_lots import no_split, review_sets
from domain.law.value import Group, groups, total_below_lots
from domain.need import Buyer, ContractKind, Lot, Need, Place, Reserved

OPTIONS: dict[str, frozenset[Reserved]] = {
    "handicap": frozenset({"handicap"}),
    "iae": frozenset({"iae"}),
    "handicap_iae": frozenset({"handicap", "iae"}),
    "penitentiary": frozenset({"penitentiary"}),
    "ess": frozenset({"ess"}),
}
"""The reservations a buyer may think of, by their key in `alternatives.reserved`."""
KEPT_LOTS = 8
"""The reviews of needs of at most so many lots are kept: buyers ask again with another territory, radius or limit.

Of the last few: what is kept for long leaves cold memory to whatever follows when it is forgotten.
"""
SOMEWHERE = Place()


def review_need(
    need: Need, on: date, rules: Rules, segments_of_lot: Mapping[str, tuple[str, ...]] | None = None
) -> NeedReview:
    """Findings on every lot's reservation, advice per lot and advice on the whole, at `on`.

    `segments_of_lot`: per lot id, the segments or families understood as its object (from codes, CPV and words);
    without it the lots' own `segments` are used. CPV codes are taken as valid.
    """
    read = segments_of_lot or {}
    asked = _in_law(need), on, rules.at(on), tuple(read.get(lot.id, lot.segments) for lot in need.lots)
    return _reviewed(*asked) if len(need.lots) <= KEPT_LOTS else _review(*asked)


def _in_law(need: Need) -> Need:
    """The need without what the rules do not look at: elsewhere, or under another name, the law says the same."""
    buyer = need.buyer and msgspec.structs.replace(need.buyer, name=None, siret=None)
    lots = tuple(
        msgspec.structs.replace(
            lot, title=None, keywords=(), site=lot.site and SOMEWHERE, max_distance_km=None, territory=None
        )
        for lot in need.lots
    )
    return Need(
        lots=lots,
        buyer=buyer,
        contract=need.contract,
        technique=need.technique,
        estimated_total_eur=need.estimated_total_eur,
    )


def _review(need: Need, on: date, view: InForce, segments: tuple[tuple[str, ...], ...]) -> NeedReview:
    known = [
        _whatever_value(need.contract, need.buyer, _unvalued(lot), objects, on, view)
        for lot, objects in zip(need.lots, segments, strict=True)
    ]
    lots = tuple(with_value(facts, lot) for (facts, _), lot in zip(known, need.lots, strict=True))
    of_values: dict[str, list[LegalAdvice]] = {}
    whole = [total_below_lots(need, lots, view)]
    for group in groups(need, lots):
        whole += _group_advice(need, group, view, of_values)
    whole += [
        environmental(need.contract, view),
        spaser(need.buyer, view),
        allotment(need, view),
        framework(need, view),
    ]
    reviews = {
        lot.id: _with_advice(review, of_values[lot.id]) if lot.id in of_values else review
        for (_, review), lot in zip(known, need.lots, strict=True)
    }
    return NeedReview(reviews, tuple(item for item in whole if item))


_reviewed = lru_cache(maxsize=128)(_review)


def _unvalued(lot: Lot) -> Lot:
    return msgspec.structs.replace(lot, id="", value_eur=None)


def _with_advice(review: LotReview, more: list[LegalAdvice]) -> LotReview:
    return msgspec.structs.replace(review, advice=(*review.advice, *more))


def _group_advice(
    need: Need, group: Group, view: InForce, of_values: dict[str, list[LegalAdvice]]
) -> list[LegalAdvice | None]:
    """The need's advice for one group of lots; what their values tell of the lots is added to `of_values`."""
    sets, of_lots = review_sets(need, group, view)
    for lot in group.lots:
        if found := innovation(need, lot, group, view):
            of_values.setdefault(lot.lot.id, []).append(found)
    for lot_id, found_of_lot in of_lots.items():
        of_values.setdefault(lot_id, []).extend(found_of_lot)
    return [*review_procedure(need, group, view), *sets, *no_split(need, group, view), social(need, group, view)]


@lru_cache(maxsize=4096)
def _whatever_value(
    contract: ContractKind, buyer: Buyer | None, lot: Lot, segments: tuple[str, ...], on: date, view: InForce
) -> tuple[LotFacts, LotReview]:
    """One lot as the rules read it, and what they say whatever its value: of its reservation, its object, others."""
    facts = read_lot(lot, segments, view)
    rules = (
        insertion(facts, view),
        capability(segments, view),
        reuse_quota(segments, buyer and buyer.kind, view),
    )
    findings = tuple(_reservation(contract, buyer, facts, on, view))
    options = _options(contract, buyer, facts, on, view)
    advice = tuple(item for item in rules if item)
    return facts, LotReview(findings, advice, *options, outcome=worst_outcome(findings))


def _options(
    contract: ContractKind, buyer: Buyer | None, lot: LotFacts, on: date, view: InForce
) -> tuple[dict[str, LegalFinding | None], frozenset[str]]:
    """What forbids each reservation, and which of the others are doubtful.

    Types first, which are the same for every lot; then what only the lot decides.
    """
    types = _standing_of_types(contract, on, view)
    forbidden = {option: standing.refusal for option, standing in types}
    doubtful = {option for option, standing in types if standing.doubtful}
    for option, findings in (
        ("penitentiary", review_prison(lot, view)),
        ("ess", review_ess(lot, buyer, view)),
    ):
        if forbidden[option] is None:
            standing = _standing(findings)
            forbidden[option] = standing.refusal
            doubtful |= {option} if standing.doubtful else set()
    return forbidden, frozenset(option for option in doubtful if forbidden[option] is None)


class _Standing(NamedTuple):
    """Where a reservation stands: the finding that forbids it, or whether something about it is still open."""

    refusal: LegalFinding | None
    doubtful: bool


@lru_cache(maxsize=256)
def _standing_of_types(contract: ContractKind, on: date, view: InForce) -> tuple[tuple[str, _Standing], ...]:
    return tuple((option, _standing(review_types(types, contract, on, view))) for option, types in OPTIONS.items())


def _standing(findings: Iterable[LegalFinding]) -> _Standing:
    doubtful = False
    for found in findings:
        if found.outcome == "INELIGIBLE":
            return _Standing(found, False)
        doubtful = doubtful or found.outcome in {"UNKNOWN", "REVIEW"}
    return _Standing(None, doubtful)


def _reservation(
    contract: ContractKind, buyer: Buyer | None, lot: LotFacts, on: date, view: InForce
) -> Iterator[LegalFinding]:
    """Types and combinations first; then, for types that exist, what the lot itself must be."""
    reserved: frozenset[Reserved] = frozenset(lot.lot.reserved or ())
    if not reserved:
        return
    types = review_types(reserved, contract, on, view)
    yield from types
    if len(reserved) == 1 and any(found.code == "TYPE_NOT_IN_FORCE" for found in types):
        return
    if "ess" in reserved:
        yield from review_ess(lot, buyer, view)
    if "penitentiary" in reserved:
        yield from review_prison(lot, view)
