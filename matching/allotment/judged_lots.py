"""Lots as the engine of `POST /match` judges them: counts, tension, reservation, and who they reach."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.allotment.allotment import Summary
from domain.needs.need import Need, Reserved
from domain.shortlists.shortlist import Reservation, Tension, TerritoryEcho
from domain.text.bilingual import Language
from matching.eligibility_cache import WORST_ELIGIBLE
from matching.engine import draw_seed, explainer_of, lot_match
from matching.index import LiveIndex
from matching.lot_match import LotMatch
from matching.lot_query import LotQuery
from matching.offer_worth import NO_OFFER
from matching.reference import Reference
from matching.supplier_columns import Ordinals
from matching.supplier_rows import RowWriter
from matching.unknown_trade import UnknownSearch


class JudgedLot(NamedTuple):
    """A lot with its supply. `reached`: its candidates; `alone`: those of them that answer all that it asks for."""

    reserved: tuple[Reserved, ...]
    territory: TerritoryEcho
    total: int
    eligible: int
    local: int
    tension: Tension
    reservation: Reservation
    reached: Ordinals
    alone: Ordinals


def judged_lots(
    need: Need, queries: Sequence[LotQuery], live: LiveIndex, reference: Reference, on: date, language: Language
) -> list[JudgedLot]:
    """The lots of a need, judged; `queries`: as they were read."""
    explainer = explainer_of(need, queries, reference, on, language)
    rows = RowWriter(reference.taxonomy, reference.rules, on, need.contract, language)
    search = UnknownSearch(live, on, reference.rules, 0, draw_seed(need))
    judged = []
    for query in queries:
        lot = lot_match(query, live, on, reference.rules)
        unknown = search.suppliers(query, lot.ess_bars)
        words = explainer.of_lot(lot, rows.pieces_of(lot), unknown.eligible, None)
        passing = lot.passing.order
        judged.append(
            JudgedLot(
                reserved=lot.reserved_types,
                territory=msgspec.json.decode(explainer.territory(query), type=TerritoryEcho),
                total=lot.ranked.counts.total,
                eligible=int(np.count_nonzero(lot.passing.reserved.outcome[passing] <= WORST_ELIGIBLE)),
                local=int(np.count_nonzero(lot.arrays.is_local[passing])),
                tension=msgspec.json.decode(words.tension, type=Tension),
                reservation=msgspec.json.decode(words.reservation, type=Reservation),
                reached=lot.selection.ordinals[passing],
                alone=_alone(lot),
            )
        )
    return judged


def summary(lots: Sequence[JudgedLot], min_candidates: int) -> Summary:
    """The figures of some lots together."""
    return Summary(
        lots=len(lots),
        without_supply=sum(not lot.total for lot in lots),
        with_competition=sum(lot.eligible >= min_candidates for lot in lots),
        reserved=sum(bool(lot.reserved) for lot in lots),
        suppliers_reached=_count(lot.reached for lot in lots),
        suppliers_alone=_count(lot.alone for lot in lots),
    )


def _alone(lot: LotMatch) -> Ordinals:
    """The candidates that answer every segment of the lot's object."""
    passing, objects = lot.passing.order, len(lot.query.subject.objects)
    answered: NDArray[np.bool_] = (lot.arrays.best[:objects, passing] != NO_OFFER).all(axis=0)
    return lot.selection.ordinals[passing[answered]]


def _count(sets: Iterable[Ordinals]) -> int:
    """The suppliers that are in one of these at least."""
    return len(np.unique(np.concatenate([np.empty(0, np.int32), *sets])))
