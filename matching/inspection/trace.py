"""A trace of how a shortlist comes about: each lot as read, the suppliers refused by each gate, the order of the rest.

Some suppliers may be asked for by name: their standing is the gate that refuses them, or a rank, shown or not.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from domain.law.findings import OUTCOMES
from domain.needs.need import Need, PastAward, buyer_siret
from domain.shortlists.listed_suppliers import Gate
from domain.text.bilingual import Language
from matching import ranking
from matching.answer.near_misses import RefusedSupplier, draw_refused, nearest_of_gate
from matching.answer.supplier_rows import RowWriter
from matching.engine import draw_seed, lot_matches
from matching.gates import GATES, PASSED, all_considered, refusals
from matching.index.live_index import LiveIndex
from matching.index.offers import FITS
from matching.lot_match import LotMatch
from matching.lot_query import WantedSegment
from matching.past_awards import PastAwards
from matching.reference import Reference

NAMES_SHOWN = 5

Value = str | int | float | bool | None


class GateRefusals(msgspec.Struct, frozen=True):
    """The suppliers that a gate is the first to refuse: how many, and the names of the nearest."""

    gate: Gate
    rule: str
    count: int
    nearest: tuple[str, ...]


class Criterion(msgspec.Struct, frozen=True):
    """A criterion of the order of candidates, and the rule by which it prefers one to another."""

    name: str
    rule: str


class TracedCandidate(msgspec.Struct, frozen=True):
    """A candidate with its value for each criterion of the order; null: none (no reservation, no distance)."""

    rank: int
    supplier: UUID
    name: str
    values: tuple[Value, ...]


class LotTrace(msgspec.Struct, frozen=True):
    """The trace of matching one lot. `considered`: number of suppliers offering a wanted segment or a neighbour of one.

    `unmapped` CPV codes and `unknown` words were read as nothing. What the criteria leave equal is drawn.
    """

    id: str
    wanted: tuple[WantedSegment, ...]
    unmapped: tuple[str, ...]
    unknown: tuple[str, ...]
    territory: str
    considered: int
    gates: tuple[GateRefusals, ...]
    passed: int
    order: tuple[Criterion, ...]
    candidates: tuple[TracedCandidate, ...]


def _word_at_position(words: tuple[str, ...]) -> Callable[[Any], Value]:
    return lambda position: words[position] if position < len(words) else None


# what a criterion's number means; the order puts the smaller one first
READINGS: dict[str, Callable[[Any], Value]] = {
    "eligibility": _word_at_position(OUTCOMES),
    "segments_answered": lambda minus: -int(minus),
    "worst_fit": _word_at_position(FITS),
    "worst_basis": _word_at_position(("declared", "awarded", "awarded, older", "inferred")),
    "only_national": bool,
    "distance": lambda km: round(float(km), 3) if np.isfinite(km) else None,
}


def trace(need: Need, index: LiveIndex, reference: Reference, on: date, language: Language) -> tuple[LotTrace, ...]:
    """The trace of matching each lot for the day `on`, with as many candidates as the need asks for.

    Raises InvalidContent with everything wrong in the need.
    """
    seed, queries = draw_seed(need), reference.reader.read(need)
    lots = lot_matches(queries, index, on, reference.rules)
    return tuple(_trace_lot(lot, need.limit, seed, language) for lot in lots)


def _trace_lot(lot: LotMatch, limit: int, seed: int, language: Language) -> LotTrace:
    query, supplier = lot.query, lot.live.base.columns.supplier
    refused = refusals(lot, all_considered(lot))
    gates = []
    for number, (gate, test) in enumerate(GATES):
        nearest = draw_refused(((number, nearest_of_gate(lot, number, NAMES_SHOWN)),), seed)
        names = tuple(supplier(one.ordinal).name for one in nearest)
        gates.append(GateRefusals(gate, _docstring_in_one_line(test), int((refused == number).sum()), names))
    rows, _ = lot.first(limit).order.draw_first(seed)
    candidates, read = lot.candidate_columns(rows), []
    for criterion in ranking.ORDER:
        says_nothing = criterion is ranking.eligibility and not lot.reserved_types
        reading = (lambda _: None) if says_nothing else READINGS[criterion.__name__]
        read.append([reading(value) for value in criterion(candidates)])
    shown = zip(map(supplier, lot.ordinals[rows].tolist()), zip(*read, strict=True), strict=True)
    return LotTrace(
        id=query.lot.id,
        wanted=query.wanted,
        unmapped=query.unmapped,
        unknown=query.unknown,
        territory=query.territory.label.to(language),
        considered=len(refused),
        gates=tuple(gates),
        passed=int((refused == PASSED).sum()),
        order=tuple(Criterion(one.__name__, _docstring_in_one_line(one)) for one in ranking.ORDER),
        candidates=tuple(
            TracedCandidate(rank, each.id, each.name, values) for rank, (each, values) in enumerate(shown, 1)
        ),
    )


def _docstring_in_one_line(function: Callable[..., object]) -> str:
    return " ".join((function.__doc__ or "").split())


class SupplierStanding(NamedTuple):
    """The gate that refuses a supplier, with its message; else the rank of the supplier among all candidates."""

    excluded_by: Gate | None
    message: str | None
    rank: int | None


def supplier_standings(
    need: Need,
    index: LiveIndex,
    reference: Reference,
    on: date,
    language: Language,
    awards: Iterable[PastAward],
    suppliers: Mapping[str, Collection[UUID]],
) -> dict[str, dict[UUID, SupplierStanding]]:
    """By lot id, the standing of the lot's `suppliers`; those that offer nothing near the lot are left out.

    Raises InvalidContent with everything wrong in the need. The arguments are those of `match`.
    """
    queries = reference.reader.read(need)
    rows = RowWriter(reference, on, need.contract, language)
    past = PastAwards.known_on(on, awards, buyer_siret(need), reference.rules, reference.taxonomy)
    seed = draw_seed(need)
    found: dict[str, dict[UUID, SupplierStanding]] = {}
    for lot in lot_matches(queries, index, on, reference.rules, past):
        of_lot = found[lot.query.lot.id] = {}
        ordinal_of = {one: index.ordinal_of(one) for one in suppliers.get(lot.query.lot.id, ())}
        known = {ordinal: one for one, ordinal in ordinal_of.items() if ordinal is not None}
        if not known:
            continue
        ordinals = np.array(list(known), dtype=np.int32)
        in_order, _ = lot.first(max(lot.counts.total, 1)).order.draw_first(seed)
        ranks = {ordinal: rank for rank, ordinal in enumerate(lot.ordinals[in_order].tolist(), 1)}
        is_near = np.isin(ordinals, all_considered(lot))
        facts = zip(ordinals, refusals(lot, ordinals), lot.distances.measure(ordinals), is_near, strict=True)
        for ordinal, gate, away, near in facts:
            if int(ordinal) in ranks:
                of_lot[known[ordinal]] = SupplierStanding(None, None, ranks[ordinal])
            elif near:
                (missed,) = rows.near_misses_of(lot, [RefusedSupplier(int(gate), int(ordinal), float(away))])
                of_lot[known[ordinal]] = SupplierStanding(missed.excluded_by, missed.message, None)
    return found
