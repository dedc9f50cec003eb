"""A lot matched against an index: which suppliers pass the gates, their counts, and the first in order.

A selection is looked at on a day, under a reservation and within a cap.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.law.reservations.supply_advice import EndingApprovals, OptionCount, approval_horizon
from domain.law.review import OPTIONS
from domain.law.rules import Rules
from domain.needs.need import Reserved
from domain.shortlists.reach import REACH_LEVELS, sector_eur
from matching.geo.projection import Floats, Positions
from matching.geo.territory import Bools
from matching.index.distances import NearDistances, PlaceDistances
from matching.index.legal import INELIGIBLE, OUTCOME_CODES, WORST_ELIGIBLE, Days, OutcomeCodes, best_outcome
from matching.index.live_index import LiveIndex
from matching.index.offers import NO_OFFER, OFFERED_BITS
from matching.index.sizes import BEYOND, Levels
from matching.index.supplier_columns import CERTAIN_KM, Ordinals
from matching.lot_query import LotQuery
from matching.past_awards import EssBar, apply_bars
from matching.ranking import CandidateColumns, Grades, seeded_tie_break
from matching.selection import Selection, row_of, select
from matching.tension import ReachCounts, SegmentCounts
from matching.weighted_cache import Weighed

Draws = NDArray[np.uint64]

RADII_KM = (10, 25, 50, 100)

ReservedTypes = tuple[Reserved, ...]
"""The reserved types of a lot, each once, in the order in which the buyer named them."""
CapableCounts = tuple[int, dict[str, OptionCount]]
"""The number of candidates for whom a lot is not too large, and those under each reservation it might have."""
ApprovalEnds = tuple[Days, Positions]
"""The days on which the approvals of some candidates end, each day once, and how many end until then."""


class CandidateCounts(NamedTuple):
    """The numbers of a lot's candidates: in all, by segment (`covered`), by reservation (`options`), within radii.

    `within`: by radius of RADII_KM, how many the reservation lets pass, whatever the cap.
    """

    total: int
    covered: tuple[SegmentCounts, ...]
    options: dict[str, OptionCount]
    within: dict[str, int]


def count_candidates(
    selection: Selection, codes: OutcomeCodes, reserved: frozenset[Reserved], away: Floats, rows: Bools | None
) -> CandidateCounts:
    """Count the candidates in a selection, if given among the `rows` of a mask; `codes`: outcome codes by row.

    `away`: the known distances, NaN else, of all that the reservation lets pass.
    """
    codes = codes + selection.is_local * np.uint16(OUTCOME_CODES)
    answered = selection.best != NO_OFFER
    if rows is not None:
        codes, answered = codes[rows], answered[:, rows]
    tally = np.empty((1 + len(answered), 2 * OUTCOME_CODES))
    for row, some in zip(tally, (codes, *(codes[has] for has in answered)), strict=True):
        row[:] = np.bincount(some, minlength=2 * OUTCOME_CODES)
    totals = (tally.reshape(-1, 2, OUTCOME_CODES) @ _tally_weights(reserved)).astype(np.int64)
    every, local = totals.sum(axis=1).tolist(), totals[1:, 1, 1].tolist()
    return CandidateCounts(
        every[0][1],
        tuple(SegmentCounts(one[1], one[2], here) for one, here in zip(every[1:], local, strict=True)),
        _count_by_option(every[0]),
        {str(radius): int(np.count_nonzero(away <= radius)) for radius in RADII_KM},
    )


def _count_by_option(sums: Sequence[int]) -> dict[str, OptionCount]:
    """The counts under each reservation that a lot might have, of sums in the columns of `_tally_weights`."""
    whole, _, _, *options = sums
    named = {name: OptionCount(*options[2 * place : 2 * place + 2]) for place, name in enumerate(OPTIONS)}
    return {"none": OptionCount(whole, whole)} | named


@lru_cache(64)
def _tally_weights(reserved: frozenset[Reserved]) -> NDArray[np.float64]:
    """A table of 0 and 1 by outcome code, to sum tallies by. Columns: everybody; may answer; is eligible; then, for
    each of OPTIONS, may answer and is certainly eligible."""
    best = best_outcome(reserved)
    columns: Sequence[Bools] = [
        np.ones(OUTCOME_CODES, dtype=bool),
        best != INELIGIBLE,
        best <= WORST_ELIGIBLE,
        *(test for kinds in OPTIONS.values() for test in (best_outcome(kinds) != INELIGIBLE, best_outcome(kinds) == 0)),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


LAST_DRAW, SEVERAL_TIED = int(np.iinfo(np.uint64).max), 128


class DrawnOrder(Weighed):
    """The first `count` suppliers in an order and all that tie with the last; ties are drawn by a need's seed.

    `numbers` are rows or ordinals, whichever is put in order; with those equal to the last, they may be more than so
    many.
    """

    def __init__(self, numbers: NDArray[Any], keys: tuple[NDArray[Any], ...], draws: Draws, count: int) -> None:
        """`keys`: what decides before the draw, the most important last; the first of them is the distance."""
        order = np.lexsort(keys)
        differs = np.zeros(len(order), dtype=bool)
        for key in keys:
            in_order = key.take(order)
            differs[1:] |= in_order[1:] != in_order[:-1]
        groups = differs.cumsum()
        end = int(groups.searchsorted(groups[min(count, len(order)) - 1], "right")) if len(order) else 0
        order = order[:end]
        self.numbers, self.distance, self._draws = numbers[order], keys[0][order], draws[order]
        self._groups, self._count = groups[:end], count
        self.is_settled = end <= count and bool(differs[1:end].all())
        """Whether nothing is left to the draw."""

    def draw_positions(self, seed: int) -> Positions:
        """The positions in `numbers` of the first `count` suppliers, in order; ties are broken by `seed`."""
        places = np.arange(len(self.numbers))
        if self.is_settled:
            return places
        draws, groups = seeded_tie_break(self._draws, seed), self._groups
        first = int(groups.searchsorted(groups[-1]))  # of those equal to the last
        left, tied = self._count - first, len(places) - first
        if tied > 8 * left + SEVERAL_TIED:
            # by far the most are not drawn, which is told without putting them in any order
            likely = first + np.flatnonzero(draws[first:] < LAST_DRAW // tied * (4 * left + SEVERAL_TIED // 2))
            if len(likely) >= left:
                places = np.concatenate((places[:first], likely))
        return places[np.lexsort((draws[places], groups[places]))][: self._count]

    def draw_first(self, seed: int) -> tuple[NDArray[Any], Floats]:
        """The `numbers` and kilometres of the first `count` suppliers, in order; ties drawn by `seed`."""
        places = self.draw_positions(seed)
        return self.numbers[places], self.distance[places]


class FirstCandidates(NamedTuple):
    """The first candidates in order, with the worth of the best offer for each wanted segment (`best`).

    `ordinals` and `best`, as of the selection, are of the suppliers of `order`, one after the other.
    """

    order: DrawnOrder
    ordinals: Ordinals
    best: NDArray[np.int16]


class PassingSuppliers:
    """The rows of a selection that pass the reservation and the distance cap, and the outcome of every row.

    `codes`: the outcome codes of every row; `outcome`: the best over the reserved types; `classes`: that, then the
    grades; `refused`: the rows that the reservation refuses; `within_cap`: whether each row is within the cap, None: no
    cap; `order`: the rows that pass every gate, by class; `ends`: where in `order` each class ends.
    """

    def __init__(
        self,
        selection: Selection,
        codes: OutcomeCodes,
        reserved: frozenset[Reserved],
        distances: NearDistances,
        capped: NearDistances,
        cap_km: float | None,
    ) -> None:
        """`capped`: the distances that `cap_km` bounds."""
        self.distances, self.codes = distances, codes
        self.within_cap: Bools | None = None
        self.outcome = best_outcome(reserved).take(codes)
        self.classes: Grades = self.outcome.astype(np.int16) * np.int16(selection.grade_count) + selection.grades
        in_order = self.classes.argsort(kind="stable").astype(np.int32)
        passing = int(np.count_nonzero(self.outcome != INELIGIBLE))  # the last of all outcomes
        self.order, self.refused = in_order[:passing], in_order[passing:]
        away = distances.known.take(self.order)
        if cap_km is not None:
            every = np.arange(len(capped.known))
            self.within_cap = (capped.known if cap_km <= CERTAIN_KM else capped.measure_rows(every)) <= cap_km
            self.order = self.order[self.within_cap.take(self.order)]
        classes = self.classes.take(self.order)
        self.ends = [*(np.flatnonzero(classes[1:] != classes[:-1]) + 1).tolist(), len(classes)] if len(classes) else []
        self.counts = count_candidates(selection, codes, reserved, away, self.within_cap)

    def nearest(self, rows: Positions, count: int) -> DrawnOrder:
        """The `count` nearest of the given rows in order, as ordinals."""
        rows = self.distances.at_least_nearest(rows, count)
        ordinals = self.distances.ordinals.take(rows)
        return DrawnOrder(
            ordinals, (self.distances.measure_rows(rows),), self.distances.tie_break_bits(ordinals), count
        )

    def first(self, count: int) -> DrawnOrder:
        """The rows of the first `count` candidates in order, and of all that tie with the last."""
        start = end = 0
        for end in self.ends:  # whole classes; of the last one, only the nearest are needed
            if end >= count:
                break
            start = end
        last = self.distances.at_least_nearest(self.order[start:end], count - start)
        rows = np.concatenate((self.order[:start], last))
        keys = self.distances.measure_rows(rows), self.classes.take(rows)
        return DrawnOrder(rows, keys, self.distances.tie_break_bits(self.distances.ordinals.take(rows)), count)


class LotMatch:
    """A lot matched against an index on a day, by rows of its selection. `ess_bars`: of past awards, by ordinal."""

    def __init__(
        self,
        query: LotQuery,
        live: LiveIndex,
        on: date,
        rules: Rules,
        selection: Selection | None = None,
        ess_bars: Mapping[int, EssBar] | None = None,
    ) -> None:
        """`selection`: where it was made already."""
        self.query, self.live, self.on, self.rules, self.ess_bars = query, live, on, rules, ess_bars or {}
        self.reserved_types: ReservedTypes = tuple(dict.fromkeys(query.lot.reserved or ()))
        self._given = selection
        self._levels: Levels | None = None

    @cached_property
    def selection(self) -> Selection:
        """The suppliers that pass the gates on segment and service area, as arrays."""
        return self._given or select(self.live, self.query.territory, self.query.subject)

    @property
    def ordinals(self) -> Ordinals:
        """The ordinals of the selected suppliers, sorted."""
        return self.selection.ordinals

    @property
    def counts(self) -> CandidateCounts:
        """The numbers of candidates."""
        return self.passing.counts

    @cached_property
    def passing(self) -> PassingSuppliers:
        """The selected suppliers that pass the reservation and the distance cap as well."""
        selection, place = self.selection, self.query.place
        codes = self.live.base.eligibility.outcome_codes(selection.ordinals, self.on, self.rules)
        if self.ess_bars:
            codes = apply_bars(codes, lambda one: row_of(self.ordinals, one), self.ess_bars)
        if place is None:
            distances = selection.to_territory
        else:
            distances = NearDistances(self.live.base.distances, place, selection.ordinals)
        # a supposed place refuses nobody
        capped = distances if self.query.site else selection.to_territory
        reserved = frozenset(self.reserved_types)
        return PassingSuppliers(selection, codes, reserved, distances, capped, self.query.lot.max_distance_km)

    @property
    def sector_eur(self) -> float:
        """The turnover in euros that a person makes a year where the object of the lot is bought."""
        return sector_eur(self.query.understood.segments)

    @property
    def reach_counts(self) -> tuple[ReachCounts, ...]:
        """The numbers of candidates by their reach, of each wanted segment."""
        yearly = self.query.yearly_eur
        if yearly is None:
            return tuple(ReachCounts(0, 0, 0, one.candidates) for one in self.counts.covered)
        rows = self.passing.order
        levels = self._levels_for(yearly)[rows]
        answered = self.selection.best[:, rows] != NO_OFFER
        return tuple(ReachCounts(*np.bincount(levels[has], minlength=len(REACH_LEVELS)).tolist()) for has in answered)

    def _levels_for(self, yearly_eur: float) -> Levels:
        """The reach of every row of the selection for the lot's yearly value, found once."""
        if self._levels is None:
            self._levels = self.live.base.columns.sizes.levels(self.ordinals, yearly_eur, self.sector_eur)
        return self._levels

    def count_capable(self) -> CapableCounts:
        """The total and the counts by reservation, without those for whom the lot is too large."""
        counts, yearly = self.counts, self.query.yearly_eur
        if yearly is None:
            return counts.total, counts.options
        passing, is_beyond = self.passing, self._levels_for(yearly) == BEYOND
        if passing.within_cap is not None:
            is_beyond &= passing.within_cap
        if not is_beyond.any():
            return counts.total, counts.options
        tally = np.bincount(passing.codes[is_beyond], minlength=OUTCOME_CODES)
        sums = (tally @ _tally_weights(frozenset(self.reserved_types))).astype(np.int64).tolist()
        beyond = _count_by_option(sums)
        left = {
            name: OptionCount(one.total - beyond[name].total, one.certain - beyond[name].certain)
            for name, one in counts.options.items()
        }
        return counts.total - sums[1], left

    @cached_property
    def to_territory(self) -> PlaceDistances:
        """Distances from suppliers to the territory."""
        territory = self.query.territory
        return PlaceDistances(self.live.base.distances, territory.shape, territory.radius_km or 0.0)

    @cached_property
    def distances(self) -> PlaceDistances:
        """Distances from suppliers to the site, known or supposed, else to the territory."""
        place = self.query.place
        return self.to_territory if place is None else PlaceDistances(self.live.base.distances, place)

    def first(self, count: int) -> FirstCandidates:
        """The first `count` candidates."""
        order = self.passing.first(count)
        return FirstCandidates(order, self.ordinals[order.numbers], self.selection.best[:, order.numbers])

    def passes(self, ordinal: int) -> bool:
        """Whether a supplier passes every gate."""
        row, within_cap = row_of(self.ordinals, ordinal), self.passing.within_cap
        if row is None or self.passing.outcome[row] == INELIGIBLE:
            return False
        return within_cap is None or bool(within_cap[row])

    def candidate_columns(self, rows: Positions) -> CandidateColumns:
        """The candidates at the given rows as columns, with all that the criteria of the order compare."""
        codes = self.selection.best[: len(self.query.subject.objects), rows] >> OFFERED_BITS
        return CandidateColumns(codes, self.passing.outcome[rows], self.passing.distances.measure_rows(rows))

    def approval_ends(self) -> EndingApprovals | None:
        """The number of candidates whose approval ends before the contract, and the first such day; None: none."""
        if not self.reserved_types:
            return None
        days, many = self.candidates_approval_ends()
        place = int(np.searchsorted(days, approval_horizon(self.query.lot, self.on, self.rules).toordinal()))
        return EndingApprovals(int(many[place - 1]), date.fromordinal(int(days[0]))) if place else None

    def candidates_approval_ends(self) -> ApprovalEnds:
        """The days on which approvals that candidates' verdicts rest on end, and how many have ended by each day."""
        ordinals, reserved = self.ordinals[self.passing.order], frozenset(self.reserved_types)
        ends = self.live.base.eligibility.approval_ends(ordinals, reserved, self.on, self.rules)
        days, many = np.unique(ends, return_counts=True)
        return days, many.cumsum()
