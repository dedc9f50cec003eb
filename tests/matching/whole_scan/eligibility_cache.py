"""Eligibility of the suppliers of an index, judged once per set of legal facts, which many of them share."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from domain.law.eligibility import eligibility
from domain.law.findings import OUTCOMES
from domain.law.rules import Rules
from domain.law.supplier_facts import LegalFacts
from domain.law.supply_advice import approval_end
from domain.needs.need import RESERVED_TYPES, Reserved
from domain.suppliers.supplier import Supplier
from matching.weighted_cache import WeightedCache

FactPositions = NDArray[np.int32]
"""For each supplier, where its legal facts stand among the distinct ones."""

INELIGIBLE = OUTCOMES.index("INELIGIBLE")
UNDECIDED = -1
NEVER = np.iinfo(np.int32).max
CACHED_DATES = 8
CACHED_ENDS = 16_000_000
"""Distinct facts times days and reserved types for which the ends of approvals are cached: some 64 MB."""


class EligibilityCache:
    """Verdicts on the legal facts of suppliers: `facts[i]` says where those of the i-th stand in `distinct`.

    Each is decided when it is first asked for, as most suppliers are never asked about on most days, and cached for the
    last few days. The rules are the same each time.
    """

    def __init__(self, suppliers: Iterable[Supplier]) -> None:
        places: dict[LegalFacts, int] = {}
        facts = [places.setdefault(legal_facts(supplier), len(places)) for supplier in suppliers]
        self.facts: FactPositions = np.array(facts, dtype=np.int32)
        self.distinct = list(places)
        self._outcomes = lru_cache(CACHED_DATES)(self._no_outcomes)
        self._ends = WeightedCache(self._no_ends, len, CACHED_ENDS)

    def outcomes(self, facts: FactPositions, on: date, rules: Rules) -> NDArray[np.int8]:
        """Eligibility on a day, shape (n, 4): positions in OUTCOMES, a column per RESERVED_TYPES."""
        table = self._outcomes(on)
        for place in _distinct(facts[table[facts, 0] == UNDECIDED]):
            verdicts = [eligibility(self.distinct[place], reserved, on, rules) for reserved in RESERVED_TYPES]
            table[place] = [OUTCOMES.index(verdict.outcome) for verdict in verdicts]
        return table[facts]

    def approval_ends(
        self, facts: FactPositions, reserved: frozenset[Reserved], on: date, before: date, rules: Rules
    ) -> tuple[int, int]:
        """The number of suppliers whose verdict rests on an approval that ends before `before`, and the first such day.

        Days are ordinals; NEVER where there is none.
        """
        table = self._ends((reserved, on))
        ends = table[facts]
        if len(unknown := facts[ends == UNDECIDED]):
            for place in _distinct(unknown):
                end = approval_end(self.distinct[place], reserved, on, rules)
                table[place] = NEVER if end is None else end.toordinal()
            ends = table[facts]
        soon = ends[ends < before.toordinal()]
        return len(soon), int(np.minimum.reduce(soon, initial=NEVER))

    def _no_outcomes(self, _: date) -> NDArray[np.int8]:
        return np.full((len(self.distinct), len(RESERVED_TYPES)), UNDECIDED, dtype=np.int8)

    def _no_ends(self, _: tuple[frozenset[Reserved], date]) -> NDArray[np.int32]:
        return np.full(len(self.distinct), UNDECIDED, dtype=np.int32)


def legal_facts(supplier: Supplier) -> LegalFacts:
    """The legal facts of a supplier."""
    return LegalFacts(supplier.approvals, supplier.shares, supplier.in_prison, supplier.legal_form, supplier.ess)


def best_outcome(outcomes: NDArray[np.int8], reserved: Iterable[Reserved]) -> NDArray[np.int8]:
    """The best outcome over several reserved types: a lot open to either takes a supplier eligible for one."""
    columns = [RESERVED_TYPES.index(kind) for kind in reserved]
    best: NDArray[np.int8] = outcomes[:, columns].min(axis=1)
    return best


def _distinct(facts: FactPositions) -> FactPositions:
    """The distinct facts; there are none most of the time, and that costs nothing."""
    return np.unique(facts) if len(facts) else facts
