"""Eligibility of suppliers on a day, judged once for all of whom the same decides."""

from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.law.findings import OUTCOMES
from domain.law.reservations.eligibility import evidence, outcomes
from domain.law.reservations.supply_advice import standing
from domain.law.rules import InForce, Rules
from domain.needs.need import RESERVED_TYPES, Reserved
from matching.index.legal_columns import NEVER, Days, Decided, LegalColumns, decided_facts
from matching.weighted_cache import WeightedCache

FactPositions = NDArray[np.int32]
"""For each supplier, where its legal facts stand."""
OutcomeCodes = NDArray[np.uint16]
"""For each supplier, its outcomes for all reserved types as one number: `outcomes_of` reads it."""

INELIGIBLE = OUTCOMES.index("INELIGIBLE")
WORST_ELIGIBLE = OUTCOMES.index("ELIGIBLE_IF")
RADIX = len(OUTCOMES)
OUTCOME_CODES = RADIX ** len(RESERVED_TYPES)
_DIGITS = RADIX ** np.arange(len(RESERVED_TYPES))
UNJUDGED = np.iinfo(np.uint16).max
UNDECIDED = -1
CACHED_DATES = 8
CACHED_ENDS = 4_000_000
"""Suppliers times days and reserved types for which the ends of approvals are cached: 16 MB."""


class EligibilityCache:
    """Verdicts on the legal facts of suppliers; more may be added, none changes or goes.

    What is decided on a day is cached for the last few days; suppliers of whom the same decides are judged once. The
    rules are the same each time. Threads may share it: they would write the same.
    """

    def __init__(self, facts: LegalColumns) -> None:
        self.facts = facts
        self._codes: WeightedCache[date, _Growing] = WeightedCache(
            lambda _: _Growing(UNJUDGED, np.uint16), lambda _: 1, CACHED_DATES
        )
        self._ends: WeightedCache[tuple[frozenset[Reserved], date], _Growing] = WeightedCache(
            lambda _: _Growing(UNDECIDED, np.int32), lambda _: max(len(facts), 1), CACHED_ENDS
        )
        # by the rules of the day and what is decided: some hundreds
        self._outcomes: dict[InForce, dict[int, int]] = {}
        self._standings: dict[tuple[Reserved, InForce], dict[int, int]] = {}

    def codes(self, facts: FactPositions, on: date, rules: Rules) -> OutcomeCodes:
        """The outcomes on a day of the suppliers of these facts."""
        view = rules.at(on)

        def code(decided: int) -> int:
            return code_of(OUTCOMES.index(outcome) for outcome in outcomes(decided_facts(decided), on, rules))

        def judged(places: FactPositions) -> OutcomeCodes:
            decided = self.facts.decided(places, np.full(len(places), on.toordinal(), dtype=np.int32), view)
            return _of_each(decided, self._outcomes.setdefault(view, {}), code).astype(np.uint16)

        return self._codes(on).values(facts, len(self.facts), judged)

    def approval_ends(self, facts: FactPositions, reserved: frozenset[Reserved], on: date, rules: Rules) -> Days:
        """The day on which the approval ends that each supplier's verdict rests on; NEVER: none.

        As `domain.law.reservations.supply_advice.approval_end`, of many suppliers at once.
        """
        return self._ends((reserved, on)).values(
            facts, len(self.facts), lambda places: self._approval_ends(places, reserved, on, rules)
        )

    def _approval_ends(self, facts: FactPositions, reserved: frozenset[Reserved], on: date, rules: Rules) -> Days:
        kinds = evidence(reserved, rules.at(on))
        found = np.full(len(facts), NEVER, dtype=np.int32)
        day = np.full(len(facts), on.toordinal(), dtype=np.int32)
        now = self._standing(facts, day, reserved, rules)
        left = np.flatnonzero(now < 2 * INELIGIBLE)
        while len(left):
            ends = self.facts.next_ends(facts[left], day[left], kinds)
            left, ends = left[ends != NEVER], ends[ends != NEVER]
            day[left] = ends + 1
            is_worse = self._standing(facts[left], day[left], reserved, rules) > now[left]
            found[left[is_worse]] = ends[is_worse]
            left = left[~is_worse]
        return found

    def _standing(
        self, facts: FactPositions, days: Days, reserved: frozenset[Reserved], rules: Rules
    ) -> NDArray[np.int64]:
        """The standing of suppliers, each on its day, as a number: the better the smaller."""
        ranks = np.zeros(len(facts), dtype=np.int64)
        intervals = np.searchsorted([start.toordinal() for start in rules.starts], days, "right")
        for interval in np.unique(intervals).tolist():
            some = np.flatnonzero(intervals == interval)
            ranks[some] = self._standing_by(facts[some], days[some], reserved, rules)
        return ranks

    def _standing_by(
        self, facts: FactPositions, days: Days, reserved: frozenset[Reserved], rules: Rules
    ) -> NDArray[np.int64]:
        """The standing of suppliers on days on which the same rules hold."""
        on = date.fromordinal(int(days[0]))
        view = rules.at(on)

        decided = self.facts.decided(facts, days, view)

        def ranks(kind: Reserved) -> NDArray[np.int64]:
            def rank(one: int) -> int:
                outcome, rests_on_lapsed = standing(decided_facts(one), kind, on, view)
                return 2 * outcome + rests_on_lapsed

            return _of_each(decided, self._standings.setdefault((kind, view), {}), rank)

        return np.minimum.reduce([ranks(kind) for kind in reserved])


class _Growing:
    """A value per set of legal facts, found when it is first asked for; `unknown` until then."""

    def __init__(self, unknown: int, kind: type[np.generic]) -> None:
        self._unknown, self._values = unknown, np.empty(0, dtype=kind)
        self._lock = Lock()

    def values(self, facts: FactPositions, count: int, find: Callable[[FactPositions], NDArray[Any]]) -> NDArray[Any]:
        """The values of `facts`, of which there are `count`."""
        if count > len(self._values):
            self._grow(count)
        table = self._values
        values = table.take(facts)
        unknown = np.flatnonzero(values == self._unknown)
        if len(unknown):
            table[facts[unknown]] = values[unknown] = find(facts[unknown])
        return values

    def _grow(self, count: int) -> None:
        with self._lock:
            room = np.full(max(count - len(self._values), 0), self._unknown, dtype=self._values.dtype)
            self._values = np.concatenate((self._values, room))


def _of_each(numbers: Decided, known: dict[int, int], find: Callable[[int], int]) -> NDArray[np.int64]:
    """The value of each number: those not `known` yet are found, once for all that are equal."""
    every = numbers.tolist()
    for each in set(every) - known.keys():
        known[each] = find(each)
    return np.fromiter(map(known.__getitem__, every), dtype=np.int64, count=len(every))


def code_of(outcomes: Iterable[int]) -> int:
    """Outcomes (positions in OUTCOMES), one per RESERVED_TYPES, as one number."""
    return sum(outcome * RADIX**place for place, outcome in enumerate(outcomes))


def outcomes_of(codes: OutcomeCodes) -> NDArray[np.int8]:
    """Positions in OUTCOMES, shape (n, 4), a column per RESERVED_TYPES."""
    return (codes[:, None] // _DIGITS % RADIX).astype(np.int8)


@lru_cache(64)
def best_outcome(reserved: frozenset[Reserved]) -> NDArray[np.int8]:
    """By code, the best outcome over several reserved types: a lot open to either takes a supplier eligible for one.

    Where nothing is reserved everybody may answer: the first outcome.
    """
    columns = [RESERVED_TYPES.index(kind) for kind in reserved]
    every = outcomes_of(np.arange(OUTCOME_CODES, dtype=np.uint16))
    return every[:, columns].min(axis=1) if columns else np.zeros(OUTCOME_CODES, dtype=np.int8)
