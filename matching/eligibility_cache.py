"""Eligibility of suppliers, judged once per set of legal facts, which many of them share."""

from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.law.eligibility import outcomes
from domain.law.findings import OUTCOMES
from domain.law.rules import Rules
from domain.law.supplier_facts import LegalFacts
from domain.law.supply_advice import approval_end
from domain.needs.need import RESERVED_TYPES, Reserved
from matching.indexed_supplier import MatchedSupplier, legal_facts
from matching.weighted_cache import WeightedCache

FactPositions = NDArray[np.int32]
"""For each supplier, where its legal facts stand among the distinct ones."""
OutcomeCodes = NDArray[np.uint16]
"""For each supplier, its outcomes for all reserved types as one number: `outcomes_of` reads it."""

INELIGIBLE = OUTCOMES.index("INELIGIBLE")
WORST_ELIGIBLE = OUTCOMES.index("ELIGIBLE_IF")
RADIX = len(OUTCOMES)
OUTCOME_CODES = RADIX ** len(RESERVED_TYPES)
_DIGITS = RADIX ** np.arange(len(RESERVED_TYPES))
UNJUDGED = np.iinfo(np.uint16).max
NEVER = np.iinfo(np.int32).max
UNDECIDED = -1
CACHED_DATES = 8
CACHED_ENDS = 16_000_000
"""Distinct facts times days and reserved types for which the ends of approvals are cached: some 64 MB."""


class EligibilityCache:
    """Verdicts on the distinct legal facts of suppliers; new ones may be added, none changes or goes.

    Each is decided when it is first asked for, as most suppliers are never asked about on most days, and cached for the
    last few days. The rules are the same each time. Threads may share it: they would write the same.
    """

    def __init__(self, distinct: Iterable[LegalFacts] = ()) -> None:
        self.distinct = list(distinct)
        self._places = {facts: place for place, facts in enumerate(self.distinct)}
        self._codes: WeightedCache[date, _Growing] = WeightedCache(
            lambda _: _Growing(UNJUDGED, np.uint16), lambda _: 1, CACHED_DATES
        )
        self._ends: WeightedCache[tuple[frozenset[Reserved], date], _Growing] = WeightedCache(
            lambda _: _Growing(UNDECIDED, np.int32), lambda _: max(len(self.distinct), 1), CACHED_ENDS
        )

    def positions_of(self, suppliers: Iterable[MatchedSupplier]) -> FactPositions:
        """The places of each supplier's legal facts among the distinct ones; those that nobody had are added."""
        return np.array([self.place_of(supplier) for supplier in suppliers], dtype=np.int32)

    def place_of(self, supplier: MatchedSupplier) -> int:
        """The place of a supplier's legal facts among the distinct ones."""
        facts = legal_facts(supplier)
        place = self._places.get(facts)
        if place is None:
            place = self._places[facts] = len(self.distinct)
            self.distinct.append(facts)
        return place

    def codes(self, facts: FactPositions, on: date, rules: Rules) -> OutcomeCodes:
        """The outcomes on a day of the suppliers of these facts."""

        def judged(place: int) -> int:
            return code_of(OUTCOMES.index(outcome) for outcome in outcomes(self.distinct[place], on, rules))

        return self._codes(on).values(facts, len(self.distinct), judged)

    def approval_ends(
        self, facts: FactPositions, reserved: frozenset[Reserved], on: date, rules: Rules
    ) -> NDArray[np.int32]:
        """The ordinal of the day on which the approval ends that each supplier's verdict rests on; NEVER: none."""

        def end(place: int) -> int:
            found = approval_end(self.distinct[place], reserved, on, rules)
            return NEVER if found is None else found.toordinal()

        return self._ends((reserved, on)).values(facts, len(self.distinct), end)


class _Growing:
    """A value per set of legal facts, found when it is first asked for; `unknown` until then."""

    def __init__(self, unknown: int, kind: type[np.generic]) -> None:
        self._unknown, self._values = unknown, np.empty(0, dtype=kind)
        self._lock = Lock()

    def values(self, facts: FactPositions, count: int, find: Callable[[int], int]) -> NDArray[Any]:
        """The values of `facts`, of which there are `count`."""
        if count > len(self._values):
            self._grow(count)
        table = self._values
        found = table[facts]
        unknown = facts[found == self._unknown]
        if not len(unknown):
            return found
        for place in np.unique(unknown).tolist():
            table[place] = find(place)
        return table[facts]

    def _grow(self, count: int) -> None:
        with self._lock:
            room = np.full(max(count - len(self._values), 0), self._unknown, dtype=self._values.dtype)
            self._values = np.concatenate((self._values, room))


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
