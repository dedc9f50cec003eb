"""Legal facts of suppliers as columns, and eligibility on a day, judged once for all with the same decisive facts."""

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import cache, lru_cache, partial
from itertools import count
from math import isnan, nan
from threading import Lock
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from domain.law.findings import OUTCOMES
from domain.law.reservations.eligibility import UNKNOWN_SHARES, LegalFacts, deciding_kinds, minimum_shares, outcomes
from domain.law.reservations.supply_advice import rank_eligibility
from domain.law.rules import InForce, Rules
from domain.needs.need import RESERVED_TYPES, Reserved
from domain.suppliers.supplier import Approval, Kind, LegalForm, Shares
from matching.weighted_cache import WeightedCache

Days = NDArray[np.int32]
"""Days as `date.toordinal` counts them."""
DecisiveFacts = NDArray[np.int64]
"""For each supplier, as one number, all of its legal facts that verdicts on a day depend on."""

NEVER = np.iinfo(np.int32).max
LAST_DAY = date.max.toordinal()
ROOM = 1 / 16
KINDS: tuple[Kind, ...] = get_args(Kind)
FORMS: tuple[LegalForm | None, ...] = (None, *get_args(LegalForm))
YES_OR_NO = (None, False, True)
PER_YES_OR_NO = len(YES_OR_NO)
_KIND = {kind: place for place, kind in enumerate(KINDS)}
_FORM = {form: place for place, form in enumerate(FORMS)}
_YES_OR_NO = {said: place for place, said in enumerate(YES_OR_NO)}
SHARES = 3
NONE_KNOWN, NO_SHARES = (None,) * SHARES, (nan,) * SHARES
# from the right: kinds in force, kinds that are not, shares at the minimum, then what no day changes
LAPSED_BIT, SHARE_BIT = len(KINDS), 2 * len(KINDS)
LASTING_BIT = SHARE_BIT + 2 * SHARES
KIND_BITS = (1 << len(KINDS)) - 1


class FactArrays(NamedTuple):
    """Legal facts in parallel arrays.

    `lasting`: all but approvals and shares, as one number; `shares`: shape (n, 3), NaN: not known. The approvals of the
    i-th are those from `starts[i]` to `starts[i + 1]`, by `kind` (a position in KINDS), first and last day.
    """

    lasting: NDArray[np.int64]
    shares: NDArray[np.float64]
    starts: NDArray[np.int32]
    kind: NDArray[np.int8]
    first_day: Days
    last_day: Days


class FactRows:
    """Collects the legal facts of suppliers one by one, and makes a `FactArrays` of them."""

    def __init__(self) -> None:
        self._lasting: list[int] = []
        self._shares = array("d")
        self._starts = array("i", [0])
        self._approvals = array("i")

    def add(self, facts: LegalFacts) -> None:
        """Add the legal facts of one supplier."""
        approvals, shares = facts.approvals, facts.shares
        self._lasting.append(_pack_lasting_facts(facts.in_prison, facts.ess, facts.legal_form, approvals is not None))
        known = shares.disabled, shares.disadvantaged, shares.detained
        self._shares.extend(NO_SHARES if known == NONE_KNOWN else [nan if one is None else one for one in known])
        if approvals:
            for each in approvals:
                first = each.valid_from.toordinal() if each.valid_from else 0
                last = each.valid_until.toordinal() if each.valid_until else NEVER
                self._approvals.extend((_KIND[each.kind], first, last))
        self._starts.append(len(self._approvals) // 3)

    def arrays(self) -> FactArrays:
        """The facts in the order of their arrival."""
        kind, first_day, last_day = np.array(self._approvals, dtype=np.int32).reshape(-1, 3).T.copy()
        return FactArrays(
            np.array(self._lasting, dtype=np.int64),
            np.array(self._shares).reshape(-1, SHARES),
            np.array(self._starts),
            kind.astype(np.int8),
            first_day,
            last_day,
        )


def joined_facts(parts: Sequence[FactArrays], order: NDArray[np.intp]) -> FactArrays:
    """The facts of several parts as one, in `order`: indices into the parts laid end to end."""
    whole = FactArrays._make(map(np.concatenate, zip(*parts, strict=True)))
    many = np.concatenate([np.diff(part.starts) for part in parts])
    starts = np.cumsum(many) - many
    many = many[order]
    moved = np.concatenate(([0], np.cumsum(many))).astype(np.int32)
    approvals = np.repeat(starts[order] - moved[:-1], many) + np.arange(moved[-1])
    return FactArrays(
        whole.lasting[order],
        whole.shares[order],
        moved,
        whole.kind[approvals],
        whole.first_day[approvals],
        whole.last_day[approvals],
    )


class LegalColumns:
    """Legal facts of suppliers as columns that only grow; facts are read back without the references of approvals.

    One thread at a time adds; others may read meanwhile.
    """

    def __init__(self, arrays: FactArrays | None = None) -> None:
        self._arrays = FactRows().arrays() if arrays is None else arrays
        self._size = len(self._arrays.lasting)

    def add(self, facts: Iterable[LegalFacts]) -> range:
        """Append the facts of more suppliers, and return their positions."""
        rows = FactRows()
        for one in facts:
            rows.add(one)
        added, size = rows.arrays(), self._size
        approvals = int(self._arrays.starts[size])
        added = added._replace(starts=added.starts + approvals)  # the first is there already, as the end of the last
        ends = (size, size, size, approvals, approvals, approvals)
        columns: Iterable[Any] = zip(self._arrays, ends, added, strict=True)
        self._arrays = FactArrays._make(_appended(*each) for each in columns)
        self._size = size + len(added.lasting)
        return range(size, self._size)

    def decisive_facts(self, positions: NDArray[np.int32], days: Days, view: InForce) -> DecisiveFacts:
        """By position, the facts that decide verdicts on its day, packed in a number; `view`: the rules of the days."""
        decisive = self._arrays.lasting[positions] << LASTING_BIT
        for number, least in enumerate(minimum_shares(view)):
            share = self._arrays.shares[positions, number]
            known = (1 + (share * 100 >= least)) << (SHARE_BIT + 2 * number)
            decisive |= np.where(np.isnan(share), 0, known)
        for rows, approvals in self._approvals(positions):
            day = days[rows]
            holds = (self._arrays.first_day[approvals] <= day) & (day <= self._arrays.last_day[approvals])
            bit = self._arrays.kind[approvals].astype(np.int64) + np.where(holds, 0, LAPSED_BIT)
            decisive[rows] |= np.int64(1) << bit
        return decisive

    def next_ends(self, positions: NDArray[np.int32], days: Days, kinds: Collection[str]) -> Days:
        """For each position, the first day from its own day on when an approval of these kinds ends; else NEVER."""
        ends = np.full(len(positions), NEVER, dtype=np.int32)
        counts = np.array([kind in kinds for kind in KINDS])
        for rows, approvals in self._approvals(positions):
            last = self._arrays.last_day[approvals]
            comes = counts[self._arrays.kind[approvals]] & (last >= days[rows]) & (last < LAST_DAY)
            ends[rows] = np.minimum(ends[rows], np.where(comes, last, NEVER))
        return ends

    def forms(self, positions: NDArray[np.int32]) -> NDArray[np.int64]:
        """The legal form in the facts at each position (as a position in FORMS)."""
        forms: NDArray[np.int64] = self._arrays.lasting[positions] // 2 % len(FORMS)
        return forms

    def _approvals(self, positions: NDArray[np.int32]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int32]]]:
        """Yield the rows whose facts have a first approval, and where it is for each; then a second; and so on."""
        first, end = self._arrays.starts[positions], self._arrays.starts[positions + 1]
        for number in count():
            rows = np.flatnonzero(first + number < end)
            if not len(rows):
                return
            yield rows, first[rows] + number

    def __len__(self) -> int:
        return self._size

    def facts_at(self, positions: NDArray[np.int32]) -> list[LegalFacts]:
        """The legal facts at the given positions."""
        arrays = self._arrays
        approvals: list[tuple[Approval, ...]] = [()] * len(positions)
        for rows, held in self._approvals(positions):
            days = (column.take(held).tolist() for column in (arrays.kind, arrays.first_day, arrays.last_day))
            for row, kind, first, last in zip(rows.tolist(), *days, strict=True):
                approvals[row] += (Approval(KINDS[kind], _date_or_none(first), _date_or_none(last)),)
        shares = [_shares(*three) for three in arrays.shares[positions].tolist()]
        return list(map(_unpack_facts, arrays.lasting[positions].tolist(), approvals, shares))


def read_decisive_facts(decisive: int) -> LegalFacts:
    """Unpack a `DecisiveFacts` number into legal facts that get the same verdicts; shares are 0 %, 100 % or unknown."""
    in_force, lapsed = decisive & KIND_BITS, decisive >> LAPSED_BIT & KIND_BITS
    approvals = (
        *(Approval(kind) for place, kind in enumerate(KINDS) if in_force >> place & 1),
        *(Approval(kind, None, date.min) for place, kind in enumerate(KINDS) if lapsed >> place & 1),
    )
    shares = Shares(*((None, 0.0, 1.0)[decisive >> (SHARE_BIT + 2 * number) & 3] for number in range(SHARES)))
    return _unpack_facts(decisive >> LASTING_BIT, approvals, shares)


@cache
def _pack_lasting_facts(in_prison: bool | None, ess: bool | None, form: LegalForm | None, are_known: bool) -> int:
    said = _YES_OR_NO[in_prison] * PER_YES_OR_NO + _YES_OR_NO[ess]
    return (said * len(FORMS) + _FORM[form]) * 2 + are_known


def _unpack_facts(lasting: int, approvals: tuple[Approval, ...], shares: Shares) -> LegalFacts:
    are_known, rest = lasting % 2, lasting // 2
    said, form = divmod(rest, len(FORMS))
    in_prison, ess = divmod(said, PER_YES_OR_NO)
    known = approvals if are_known else None
    return LegalFacts(known, shares, YES_OR_NO[in_prison], FORMS[form], YES_OR_NO[ess])


def _appended(column: NDArray[Any], size: int, added: NDArray[Any]) -> NDArray[Any]:
    """A column with rows `added` behind its first `size`: the same array if writable and long enough, else a copy."""
    end = size + len(added)
    if end > len(column) or not column.flags.writeable:
        room = np.zeros((end + int(end * ROOM), *column.shape[1:]), dtype=column.dtype)
        room[:size] = column[:size]
        column = room
    column[size:end] = added
    return column


def _shares(disabled: float, disadvantaged: float, detained: float) -> Shares:
    if isnan(disabled) and isnan(disadvantaged) and isnan(detained):
        return UNKNOWN_SHARES
    return Shares(*(None if isnan(each) else each for each in (disabled, disadvantaged, detained)))


@lru_cache(16_384)
def _date_or_none(ordinal: int) -> date | None:
    return None if ordinal in (0, NEVER) else date.fromordinal(ordinal)


FactPositions = NDArray[np.int32]
"""For each supplier, where its legal facts stand."""
OutcomeCodes = NDArray[np.uint16]
"""For each supplier, its outcomes for all RESERVED_TYPES as one number: the first in the lowest digit of RADIX."""

INELIGIBLE = OUTCOMES.index("INELIGIBLE")
WORST_ELIGIBLE = OUTCOMES.index("ELIGIBLE_IF")
RADIX = len(OUTCOMES)
OUTCOME_CODES = RADIX ** len(RESERVED_TYPES)
UNJUDGED = np.iinfo(np.uint16).max
NO_END_KNOWN = -1
CACHED_DATES = 8
CACHED_ENDS = 4_000_000
"""Suppliers times days and reserved types for which the ends of approvals are cached: 16 MB."""


class EligibilityCache:
    """Judges suppliers by their legal facts and caches the verdicts; facts may be added but never change.

    What is decided on a day is cached for the last few days; suppliers of whom the same decides are judged once. The
    rules are the same each time. Threads may share it: they would write the same.
    """

    def __init__(self, facts: LegalColumns) -> None:
        self.facts = facts
        self._codes: WeightedCache[date, _GrowingTable] = WeightedCache(
            lambda _: _GrowingTable(UNJUDGED, np.uint16), lambda _: 1, CACHED_DATES
        )
        self._ends: WeightedCache[tuple[frozenset[Reserved], date], _GrowingTable] = WeightedCache(
            lambda _: _GrowingTable(NO_END_KNOWN, np.int32), lambda _: max(len(facts), 1), CACHED_ENDS
        )
        # by the rules of the day and by what decides: some hundreds
        self._outcomes: dict[InForce, dict[int, int]] = {}
        self._standings: dict[tuple[Reserved, InForce], dict[int, int]] = {}

    def outcome_codes(self, facts: FactPositions, on: date, rules: Rules) -> OutcomeCodes:
        """The outcomes of each supplier on a day as one number (`OutcomeCodes`); `facts`: where its legal facts are."""
        view = rules.view(on)

        def outcome_code_of(decisive: int) -> int:
            found = map(OUTCOMES.index, outcomes(read_decisive_facts(decisive), on, rules))
            return sum(outcome * RADIX**place for place, outcome in enumerate(found))

        def outcome_codes_at(positions: FactPositions) -> OutcomeCodes:
            days = np.full(len(positions), on.toordinal(), dtype=np.int32)
            decisive = self.facts.decisive_facts(positions, days, view)
            return _values_of(decisive, self._outcomes.setdefault(view, {}), outcome_code_of).astype(np.uint16)

        return self._codes(on).values(facts, len(self.facts), outcome_codes_at)

    def approval_ends(self, facts: FactPositions, reserved: frozenset[Reserved], on: date, rules: Rules) -> Days:
        """For each supplier, the day on which the approval that its verdict rests on ends; NEVER: no approval.

        As `domain.law.reservations.supply_advice.approval_end`, of many suppliers at once.
        """
        view = rules.view(on)

        def approval_ends_at(positions: FactPositions) -> Days:
            kinds = deciding_kinds(reserved, view)
            found = np.full(len(positions), NEVER, dtype=np.int32)
            day = np.full(len(positions), on.toordinal(), dtype=np.int32)
            now = self._verdict_ranks(positions, day, reserved, rules)
            left = np.flatnonzero(now < 2 * INELIGIBLE)
            while len(left):
                ends = self.facts.next_ends(positions[left], day[left], kinds)
                left, ends = left[ends != NEVER], ends[ends != NEVER]
                day[left] = ends + 1
                is_worse = self._verdict_ranks(positions[left], day[left], reserved, rules) > now[left]
                found[left[is_worse]] = ends[is_worse]
                left = left[~is_worse]
            return found

        return self._ends((reserved, on)).values(facts, len(self.facts), approval_ends_at)

    def _verdict_ranks(
        self, facts: FactPositions, days: Days, reserved: frozenset[Reserved], rules: Rules
    ) -> NDArray[np.int64]:
        """A rank for the verdict on each supplier on its day (of `days`): the smaller, the better."""
        ranks = np.zeros(len(facts), dtype=np.int64)
        intervals = np.searchsorted([start.toordinal() for start in rules.starts], days, "right")
        for interval in np.unique(intervals).tolist():  # on the days of one the same rules hold
            some = np.flatnonzero(intervals == interval)
            on = date.fromordinal(int(days[some[0]]))
            view = rules.view(on)
            decisive = self.facts.decisive_facts(facts[some], days[some], view)
            of_kinds = [
                _values_of(
                    decisive, self._standings.setdefault((kind, view), {}), partial(_verdict_rank, kind, on, view)
                )
                for kind in reserved
            ]
            ranks[some] = np.minimum.reduce(of_kinds)
        return ranks


def _verdict_rank(kind: Reserved, on: date, view: InForce, decisive: int) -> int:
    """A rank, the smaller the better, for the verdict on a supplier with these decisive facts for a reserved type."""
    outcome, rests_on_lapsed = rank_eligibility(read_decisive_facts(decisive), kind, on, view)
    return 2 * outcome + rests_on_lapsed


class _GrowingTable:
    """A table of one value per set of legal facts, each computed when first needed; `unknown` until then."""

    def __init__(self, unknown: int, kind: type[np.generic]) -> None:
        self._unknown, self._values = unknown, np.empty(0, dtype=kind)
        self._lock = Lock()

    def values(self, facts: FactPositions, count: int, find: Callable[[FactPositions], NDArray[Any]]) -> NDArray[Any]:
        """The value at each position in `facts`, made by `find` where missing; `count`: the facts that exist by now."""
        with self._lock:
            if (lacking := count - len(self._values)) > 0:
                room = np.full(lacking, self._unknown, dtype=self._values.dtype)
                self._values = np.concatenate((self._values, room))
        table = self._values
        values = table.take(facts)
        unknown = np.flatnonzero(values == self._unknown)
        if len(unknown):
            table[facts[unknown]] = values[unknown] = find(facts[unknown])
        return values


def _values_of(numbers: DecisiveFacts, known: dict[int, int], find: Callable[[int], int]) -> NDArray[np.int64]:
    """The value of each number, from `known`; missing values are computed by `find`, once per distinct number."""
    every = numbers.tolist()
    for each in set(every) - known.keys():
        known[each] = find(each)
    return np.fromiter(map(known.__getitem__, every), dtype=np.int64, count=len(every))


@lru_cache(64)
def best_outcome(reserved: frozenset[Reserved]) -> NDArray[np.int8]:
    """A table from outcome code to the best outcome over the reserved types (a position in OUTCOMES).

    Where nothing is reserved everybody may answer: the first outcome.
    """
    digits = [np.arange(OUTCOME_CODES) // RADIX ** RESERVED_TYPES.index(kind) % RADIX for kind in reserved]
    best = np.minimum.reduce(digits) if digits else np.zeros(OUTCOME_CODES)
    return best.astype(np.int8)
