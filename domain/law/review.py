"""The legal review of a need: its advice, and per lot the findings on each reservation it might have."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from domain.law.duties import (
    allotment,
    capability,
    environmental,
    framework,
    insertion,
    reuse_quota,
    review_terms,
    social,
    spaser,
)
from domain.law.findings import LegalAdvice, LegalFinding, LotReview, NeedReview, worst_outcome
from domain.law.procedures.direct_awards import innovation, review_direct_awards
from domain.law.procedures.lot_facts import KEPT, LONGEST_KEPT, LotFacts, LotObject, read_lot
from domain.law.procedures.need_value import estimated_value, total_below_lots
from domain.law.procedures.procedure import Decided, decide, mixed_object, review_procedure
from domain.law.procedures.small_lots import review_sets
from domain.law.procedures.steps import procedure_steps
from domain.law.reservations.reservation import (
    reserved_proofs,
    review_ess_object,
    review_ess_terms,
    review_prison,
    review_types,
    type_rule,
)
from domain.law.rules import InForce, Rules
from domain.needs.need import Buyer, BuyerKind, ContractKind, Lot, Need, Place, Reserved
from domain.short_cache import short_cache
from domain.shortlists.shortlist import Outcome

OPTIONS: dict[str, frozenset[Reserved]] = {
    "handicap": frozenset({"handicap"}),
    "iae": frozenset({"iae"}),
    "handicap_iae": frozenset({"handicap", "iae"}),
    "penitentiary": frozenset({"penitentiary"}),
    "ess": frozenset({"ess"}),
}
"""The reservations a buyer may think of, by their key in `alternatives.reserved`."""

NOBODY = Buyer()
"""A buyer of whom nothing is known."""
SOMEWHERE = Place()
"""The site of a lot that has one, wherever it is."""


def legal_facts(need: Need) -> Need:
    """The need with only what the rules read of it: needs that have these facts in common are reviewed alike."""
    buyer = need.buyer
    if buyer is not None:
        buyer = Buyer(
            kind=buyer.kind,
            contracting_authority=buyer.contracting_authority,
            annual_purchases_eur=buyer.annual_purchases_eur,
        )
    return Need(
        lots=tuple([_lot_facts(lot) for lot in need.lots]),
        buyer=buyer,
        contract=need.contract,
        technique=need.technique,
        estimated_total_eur=need.estimated_total_eur,
    )


def _lot_facts(lot: Lot) -> Lot:
    return Lot(
        id=lot.id,
        segments=lot.segments,
        cpv=lot.cpv,
        support_segments=lot.support_segments,
        nature=lot.nature,
        value_eur=lot.value_eur,
        duration_months=lot.duration_months,
        renewal_months=lot.renewal_months,
        value_covers=lot.value_covers,
        options_eur=lot.options_eur,
        innovative=lot.innovative,
        reserved=lot.reserved,
        site=None if lot.site is None else SOMEWHERE,
    )


def review_need(
    need: Need, on: date, rules: Rules, segments_of_lot: Mapping[str, tuple[str, ...]] | None = None
) -> NeedReview:
    """Findings on every lot's reservation, advice per lot and advice on the whole, at `on`.

    `segments_of_lot`: per lot id, the segments or families understood as its object (from codes, CPV and words);
    without it the lots' own `segments` are used. CPV codes are taken as valid.
    """
    return review_facts(legal_facts(need), on, rules, segments_of_lot or {})


def review_facts(need: Need, on: date, rules: Rules, read: Mapping[str, tuple[str, ...]]) -> NeedReview:
    """Review a need that holds nothing but its `legal_facts`, like `review_need`; `read`: the segments of each lot."""
    view = rules.at(on, need.contract)
    lots = tuple(read_lot(lot, read.get(lot.id, lot.segments), view) for lot in need.lots)
    decided = decide(need, lots, view)
    sets = review_sets(need, decided, view)
    whole = [estimated_value(need, lots, view), total_below_lots(need, lots, view)]
    for part in decided.parts:
        whole += [*review_procedure(need, part, view), social(need, part, view)]
    whole += [
        *procedure_steps(need, decided, view),
        mixed_object(decided, view),
        sets and sets.of_need,
        environmental(need.contract, decided.direct, view),
        spaser(need.buyer, view),
        allotment(need, decided.direct, view),
        framework(need, view),
        *review_direct_awards(need, lots, decided, view),
        *review_terms(need, lots, decided.direct, view),
    ]
    part_of = {lot.lot.id: part for part in decided.parts for lot in part.group.lots}
    small = sets.of_lots if sets else {}
    reviews = {lot.lot.id: _review_lot(need, lot, part_of[lot.lot.id], small.get(lot.lot.id), on, view) for lot in lots}
    return NeedReview(reviews, tuple(filter(None, whole)))


def _review_lot(
    need: Need, lot: LotFacts, part: Decided, small: LegalAdvice | None, on: date, view: InForce
) -> LotReview:
    """The review of one lot of a part of the need; `small`: the advice on it as a small lot."""
    asked, contract, buyer = lot.lot, need.contract, need.buyer or NOBODY
    bought = _review_object(lot.object, asked.site is not None, contract, buyer.kind, view)
    listed = lot.object.ess_listing == "listed"
    terms = asked.duration_months, asked.renewal_months, buyer.contracting_authority, buyer.kind
    ess = bought.ess + review_ess_terms(*terms, listed, view)
    reserving = _review_reserving(asked.reserved or (), contract, part.level == "direct", bought.prison, ess, on, view)
    others = reserving.proofs, innovation(need, lot, part.group, view), small
    advice = bought.advice + tuple(filter(None, others))
    return LotReview(reserving.findings, advice, reserving.forbidden, reserving.doubtful, reserving.outcome)


class _OfObject(NamedTuple):
    """The law on what a lot buys, whatever its value and duration.

    `prison`, `ess`: the findings that these reservations meet; `advice`: that on the lot.
    """

    prison: tuple[LegalFinding, ...]
    ess: tuple[LegalFinding, ...]
    advice: tuple[LegalAdvice, ...]


@short_cache(KEPT, LONGEST_KEPT, lambda bought, *_: bought.length)
def _review_object(
    bought: LotObject, sited: bool, contract: ContractKind, buyer: BuyerKind | None, view: InForce
) -> _OfObject:
    advice = (
        insertion(bought, contract, view),
        capability(bought.segments, view),
        reuse_quota(bought.segments, buyer, view),
    )
    return _OfObject(review_prison(bought, sited, view), review_ess_object(bought, view), tuple(filter(None, advice)))


class _Reserving(NamedTuple):
    """The law on reserving a lot; the fields are those of `LotReview`."""

    findings: tuple[LegalFinding, ...]
    outcome: Outcome
    proofs: LegalAdvice | None
    forbidden: Mapping[str, LegalFinding | None]
    doubtful: frozenset[str]


@lru_cache(maxsize=4096)
def _review_reserving(
    reserved: tuple[Reserved, ...],
    contract: ContractKind,
    direct: bool,
    prison: tuple[LegalFinding, ...],
    ess: tuple[LegalFinding, ...],
    on: date,
    view: InForce,
) -> _Reserving:
    """A lot as it is reserved and as it might be; `prison`, `ess`: the findings on itself that these types meet."""
    findings = tuple(_reservation(frozenset(reserved), contract, prison, ess, on, view))
    outcome = worst_outcome(findings)
    proofs = reserved_proofs(reserved, outcome, contract, direct, view)
    return _Reserving(findings, outcome, proofs, *_options(contract, prison, ess, on, view))


def _options(
    contract: ContractKind, prison: tuple[LegalFinding, ...], ess: tuple[LegalFinding, ...], on: date, view: InForce
) -> tuple[Mapping[str, LegalFinding | None], frozenset[str]]:
    """Per reservation the finding that forbids it, by its type or else by the lot; and the doubtful ones."""
    of_types, doubtful = _options_of_types(contract, on, view)
    forbidden = dict(of_types)
    for option, findings in (("penitentiary", prison), ("ess", ess)):
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
    reserved: frozenset[Reserved],
    contract: ContractKind,
    prison: tuple[LegalFinding, ...],
    ess: tuple[LegalFinding, ...],
    on: date,
    view: InForce,
) -> Iterator[LegalFinding]:
    """The findings on types and combinations; then, for types that exist, those on the lot itself."""
    if not reserved:
        return
    types = review_types(reserved, contract, on, view)
    yield from types
    missing = {found.rule for found in types if found.code == "TYPE_NOT_IN_FORCE"}
    if "ess" in reserved and type_rule("ess", contract) not in missing:
        yield from ess
    if "penitentiary" in reserved and type_rule("penitentiary", contract) not in missing:
        yield from prison
