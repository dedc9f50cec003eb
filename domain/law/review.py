"""The legal review of a need: its advice, and per lot the findings on each reservation it might have."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import msgspec

from domain.law import duties
from domain.law.findings import LegalAdvice, LegalFinding, LotReview, NeedReview, worst_outcome
from domain.law.procedures.direct_awards import books, innovation, yearly_list
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
READ_OF_A_LOT = (
    "id", "segments", "cpv", "support_segments", "nature", "value_eur", "duration_months", "renewal_months",
    "value_covers", "options_eur", "innovative", "reserved",
)  # fmt: skip


def legal_facts(need: Need) -> Need:
    """The need with only the fields that rules read: needs that have these in common are reviewed alike."""
    lots = [
        Lot(**{name: getattr(lot, name) for name in READ_OF_A_LOT}, site=None if lot.site is None else SOMEWHERE)
        for lot in need.lots
    ]
    return Need(
        lots=tuple(lots),
        buyer=need.buyer and msgspec.structs.replace(need.buyer, name=None, siret=None),
        contract=need.contract,
        technique=need.technique,
        estimated_total_eur=need.estimated_total_eur,
    )


def review_need(
    need: Need, on: date, rules: Rules, segments_of_lot: Mapping[str, tuple[str, ...]] | None = None
) -> NeedReview:
    """The findings on every lot's reservation, the advice per lot and on the whole need, at `on`.

    `segments_of_lot`: per lot id, the segments or families understood as its object (from codes, CPV and words);
    without it the lots' own `segments` are used. CPV codes are taken as valid.
    """
    return review_facts(legal_facts(need), on, rules, segments_of_lot or {})


def review_facts(need: Need, on: date, rules: Rules, read: Mapping[str, tuple[str, ...]]) -> NeedReview:
    """Review a need reduced to its `legal_facts`, as `review_need` does; `read`: the segments of each lot."""
    view = rules.at(on, need.contract)
    lots = tuple(read_lot(lot, read.get(lot.id, lot.segments), view) for lot in need.lots)
    decided = decide(need, lots, view)
    sets, small = review_sets(need, decided, view)
    whole = [estimated_value(need, lots, view), total_below_lots(need, lots, view)]
    for part in decided.parts:
        whole += [*review_procedure(need, part, view), duties.social(need, part, view)]
    whole += [
        *procedure_steps(need, decided, view),
        mixed_object(decided, view),
        sets,
        duties.environmental(need.contract, decided.direct, view),
        duties.spaser(need.buyer, view),
        duties.allotment(need, decided.direct, view),
        duties.framework(need, view),
        *([books(need, lots, decided, view), yearly_list(need, decided, view)] if need.contract == "market" else []),
        None if decided.direct else duties.sustainable_specifications(view),
        duties.pme_share(need.contract, view),
        duties.financial_terms(need, lots, decided.direct, view),
    ]
    part_of = {lot.lot.id: part for part in decided.parts for lot in part.group.lots}
    reviews = {lot.lot.id: _review_lot(need, lot, part_of[lot.lot.id], small.get(lot.lot.id), on, view) for lot in lots}
    return NeedReview(reviews, tuple(filter(None, whole)))


def _review_lot(
    need: Need, lot: LotFacts, part: Decided, small: LegalAdvice | None, on: date, view: InForce
) -> LotReview:
    """The review of one lot of a part of the need; `small`: the advice on it as a small lot."""
    asked, contract, buyer = lot.lot, need.contract, need.buyer or NOBODY
    prison, of_object, on_object = _review_object(lot.object, asked.site is not None, contract, buyer.kind, view)
    listed = lot.object.ess_listing == "listed"
    terms = asked.duration_months, asked.renewal_months, buyer.contracting_authority, buyer.kind
    ess = of_object + review_ess_terms(*terms, listed, view)
    findings, forbidden, doubtful = _review_reserving(asked.reserved or (), contract, prison, ess, on, view)
    outcome = worst_outcome(findings)
    proofs = reserved_proofs(asked.reserved or (), outcome, contract, part.level == "direct", view)
    advice = on_object + tuple(filter(None, (proofs, innovation(need, lot, part.group, view), small)))
    return LotReview(findings, advice, forbidden, doubtful, outcome)


@short_cache(KEPT, LONGEST_KEPT, lambda bought, *_: bought.length)
def _review_object(
    bought: LotObject, sited: bool, contract: ContractKind, buyer: BuyerKind | None, view: InForce
) -> tuple[tuple[LegalFinding, ...], tuple[LegalFinding, ...], tuple[LegalAdvice, ...]]:
    """The advice and findings on what a lot buys, whatever its value and duration.

    The findings that a reservation to work in prison and one to ESS meet; and the advice on the lot.
    """
    advice = (
        duties.insertion(bought, contract, view),
        duties.capability(bought.segments, view),
        duties.reuse_quota(bought.segments, buyer, view),
    )
    return review_prison(bought, sited, view), review_ess_object(bought, view), tuple(filter(None, advice))


@lru_cache(maxsize=4096)
def _review_reserving(
    reserved: tuple[Reserved, ...],
    contract: ContractKind,
    prison: tuple[LegalFinding, ...],
    ess: tuple[LegalFinding, ...],
    on: date,
    view: InForce,
) -> tuple[tuple[LegalFinding, ...], dict[str, LegalFinding | None], frozenset[str]]:
    """The findings on a lot's reservation, then its `forbidden` and `doubtful` reservations, as in `LotReview`.

    `prison`, `ess`: the findings on the lot itself that these types meet, told for types that exist.
    """
    findings = review_types(frozenset(reserved), contract, on, view)
    missing = {found.rule for found in findings if found.code == "TYPE_NOT_IN_FORCE"}
    own: dict[str, tuple[LegalFinding, ...]] = {"ess": ess, "penitentiary": prison}
    for kind in ("ess", "penitentiary"):
        if kind in reserved and type_rule(kind, contract) not in missing:
            findings += own[kind]
    forbidden: dict[str, LegalFinding | None] = {}
    doubtful = []
    for option, types in OPTIONS.items():
        met = review_types(types, contract, on, view) + own.get(option, ())
        forbidden[option] = next((found for found in met if found.outcome == "INELIGIBLE"), None)
        if forbidden[option] is None and any(found.outcome in {"UNKNOWN", "REVIEW"} for found in met):
            doubtful.append(option)
    return findings, forbidden, frozenset(doubtful)
