"""What the law says of the suppliers of an index, kept by their legal facts, which many of them share."""

from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from domain.law.counsel import approval_end
from domain.law.eligibility import eligibility
from domain.law.facts import LegalFacts
from domain.law.findings import OUTCOMES
from domain.law.rules import Rules
from domain.need import RESERVED_TYPES, Reserved
from domain.supplier import Supplier

Facts = NDArray[np.int32]
"""For each supplier, the number of its legal facts."""

INELIGIBLE = OUTCOMES.index("INELIGIBLE")
UNDECIDED = -1
NEVER = np.iinfo(np.int32).max
KEPT_DATES, KEPT_JUDGES = 8, 16


class Verdicts:
    """Verdicts on legal facts by their number; `facts[i]` is that of the i-th supplier.

    None is given before it is asked for: most suppliers are never asked about on most days. Those of the last few days
    and questions are kept.
    """

    def __init__(self, suppliers: Iterable[Supplier]) -> None:
        numbers: dict[LegalFacts, int] = {}
        facts = [numbers.setdefault(legal_facts(supplier), len(numbers)) for supplier in suppliers]
        self.facts: Facts = np.array(facts, dtype=np.int32)
        self.distinct = list(numbers)
        self._outcomes = lru_cache(KEPT_DATES)(self._no_outcomes)
        self._ends = lru_cache(KEPT_DATES)(self._no_ends)
        self._judged = lru_cache(KEPT_JUDGES)(self._nothing_judged)

    def outcomes(self, facts: Facts, on: date, rules: Rules) -> NDArray[np.int8]:
        """Eligibility on a day, shape (n, 4): positions in OUTCOMES, a column per RESERVED_TYPES."""
        table = self._outcomes(on)
        for number in _distinct(facts[table[facts, 0] == UNDECIDED]):
            verdicts = [eligibility(self.distinct[number], reserved, on, rules) for reserved in RESERVED_TYPES]
            table[number] = [OUTCOMES.index(verdict.outcome) for verdict in verdicts]
        return table[facts]

    def judged(self, facts: Facts, judge: Callable[[LegalFacts], object]) -> NDArray[np.object_]:
        """What `judge` makes of them, which is never None; kept for as long as it is asked again."""
        table = self._judged(judge)
        found = table[facts]
        if None not in found.tolist():
            return found
        for number in _distinct(facts):
            if table[number] is None:
                table[number] = judge(self.distinct[number])
        return table[facts]

    def approval_ends(
        self, facts: Facts, reserved: frozenset[Reserved], on: date, before: date, rules: Rules
    ) -> tuple[int, int]:
        """How many suppliers' eligibility rests on an approval that ends before `before`, and the first such day.

        Days are ordinals; NEVER where there is none.
        """
        table = self._ends(reserved, on)
        ends = table[facts]
        soon = ends[ends < before.toordinal()]
        first = int(np.minimum.reduce(soon, initial=NEVER))
        if first != UNDECIDED:
            return len(soon), first
        for number in _distinct(facts[ends == UNDECIDED]):
            end = approval_end(self.distinct[number], reserved, on, rules)
            table[number] = NEVER if end is None else end.toordinal()
        return self.approval_ends(facts, reserved, on, before, rules)

    def _no_outcomes(self, _: date) -> NDArray[np.int8]:
        return np.full((len(self.distinct), len(RESERVED_TYPES)), UNDECIDED, dtype=np.int8)

    def _no_ends(self, *_: object) -> NDArray[np.int32]:
        return np.full(len(self.distinct), UNDECIDED, dtype=np.int32)

    def _nothing_judged(self, _: object) -> NDArray[np.object_]:
        return np.full(len(self.distinct), None, dtype=object)


def legal_facts(supplier: Supplier) -> LegalFacts:
    """What the law looks at in a supplier."""
    return LegalFacts(
        approvals=supplier.approvals,
        shares=supplier.shares,
        in_prison=supplier.in_prison,
        legal_form=supplier.legal_form,
        ess=supplier.ess,
    )


def _distinct(facts: Facts) -> Facts:
    """Each of them once; there are none most of the time, and that costs nothing."""
    return np.unique(facts) if len(facts) else facts
