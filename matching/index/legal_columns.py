"""Legal facts of suppliers as columns, and what of them decides on a day: few suppliers differ in that."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import cache, lru_cache
from math import isnan, nan
from typing import Any, NamedTuple, get_args, overload

import numpy as np
from numpy.typing import NDArray

from domain.law.reservations.eligibility import UNKNOWN_SHARES, LegalFacts, minimum_shares
from domain.law.rules import InForce
from domain.suppliers.supplier import Approval, Kind, LegalForm, Shares

Days = NDArray[np.int32]
"""Days as `date.toordinal` counts them."""
Decided = NDArray[np.int64]
"""For each supplier what its legal facts decide on a day, as one number: `decided_facts` reads it."""

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
    """Legal facts as their suppliers arrive, of which arrays are made."""

    def __init__(self) -> None:
        self._lasting: list[int] = []
        self._shares = array("d")
        self._starts = array("i", [0])
        self._approvals = array("i")

    def add(self, facts: LegalFacts) -> None:
        """Add those of one supplier."""
        approvals, shares = facts.approvals, facts.shares
        self._lasting.append(_lasting(facts.in_prison, facts.ess, facts.legal_form, approvals is not None))
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
    """The facts of several in an order, given by the numbers that they have one after the other."""
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


class LegalColumns(Sequence[LegalFacts]):
    """Legal facts, each built anew when it is read, without references of approvals; some may be added, none changes.

    One thread at a time adds; others may read meanwhile.
    """

    def __init__(self, arrays: FactArrays | None = None) -> None:
        self._arrays = FactRows().arrays() if arrays is None else arrays
        self._size = len(self._arrays.lasting)

    def add(self, facts: Iterable[LegalFacts]) -> range:
        """Write some more; where they stand."""
        rows = FactRows()
        for one in facts:
            rows.add(one)
        added, arrays, size = rows.arrays(), self._arrays, self._size
        approvals = int(arrays.starts[size])
        starts = added.starts + approvals  # the first of them is there already, as the end of the last
        self._arrays = FactArrays(
            _appended(arrays.lasting, size, added.lasting),
            _appended(arrays.shares, size, added.shares),
            _appended(arrays.starts, size, starts),
            _appended(arrays.kind, approvals, added.kind),
            _appended(arrays.first_day, approvals, added.first_day),
            _appended(arrays.last_day, approvals, added.last_day),
        )
        self._size = size + len(added.lasting)
        return range(size, self._size)

    def decided(self, places: NDArray[np.int32], days: Days, view: InForce) -> Decided:
        """All that some facts decide, each on its day, by rules that hold on all of these days."""
        decided = self._arrays.lasting[places] << LASTING_BIT
        for number, least in enumerate(minimum_shares(view)):
            share = self._arrays.shares[places, number]
            known = (1 + (share * 100 >= least)) << (SHARE_BIT + 2 * number)
            decided |= np.where(np.isnan(share), 0, known)
        for rows, approvals in self._approvals(places):
            day = days[rows]
            holds = (self._arrays.first_day[approvals] <= day) & (day <= self._arrays.last_day[approvals])
            bit = self._arrays.kind[approvals].astype(np.int64) + np.where(holds, 0, LAPSED_BIT)
            decided[rows] |= np.int64(1) << bit
        return decided

    def next_ends(self, places: NDArray[np.int32], days: Days, kinds: Collection[str]) -> Days:
        """The first end of an approval of these kinds, for each on its day or after; NEVER where there is none."""
        ends = np.full(len(places), NEVER, dtype=np.int32)
        counts = np.array([kind in kinds for kind in KINDS])
        for rows, approvals in self._approvals(places):
            last = self._arrays.last_day[approvals]
            comes = counts[self._arrays.kind[approvals]] & (last >= days[rows]) & (last < LAST_DAY)
            ends[rows] = np.minimum(ends[rows], np.where(comes, last, NEVER))
        return ends

    def forms(self, places: NDArray[np.int32]) -> NDArray[np.int64]:
        """The legal form in some facts, as positions in FORMS."""
        forms: NDArray[np.int64] = self._arrays.lasting[places] // 2 % len(FORMS)
        return forms

    def _approvals(self, places: NDArray[np.int32]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int32]]]:
        """The rows of all that have an approval, with its place; then of those that have a second one; and so on."""
        first, end = self._arrays.starts[places], self._arrays.starts[places + 1]
        rows = np.flatnonzero(first < end)
        number = 0
        while len(rows):
            yield rows, first[rows] + number
            number += 1
            rows = rows[first[rows] + number < end[rows]]

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> LegalFacts: ...
    @overload
    def __getitem__(self, place: slice) -> list[LegalFacts]: ...
    def __getitem__(self, place: int | slice) -> LegalFacts | list[LegalFacts]:
        if isinstance(place, slice):
            return self.facts_at(np.arange(*place.indices(self._size), dtype=np.int32))
        if not 0 <= place < self._size:
            raise IndexError(place)
        return self.facts_at(np.array([place], dtype=np.int32))[0]

    def facts_at(self, places: NDArray[np.int32]) -> list[LegalFacts]:
        """The facts at some places."""
        arrays = self._arrays
        approvals: list[tuple[Approval, ...]] = [()] * len(places)
        for rows, held in self._approvals(places):
            days = (column.take(held).tolist() for column in (arrays.kind, arrays.first_day, arrays.last_day))
            for row, kind, first, last in zip(rows.tolist(), *days, strict=True):
                approvals[row] += (Approval(KINDS[kind], _date(first), _date(last)),)
        shares = [_shares(*three) for three in arrays.shares[places].tolist()]
        return list(map(_with_lasting, arrays.lasting[places].tolist(), approvals, shares))


def decided_facts(decided: int) -> LegalFacts:
    """Facts that decide the same on every day on which the same rules hold; shares are none or all of the workers."""
    in_force, lapsed = decided & KIND_BITS, decided >> LAPSED_BIT & KIND_BITS
    approvals = (
        *(Approval(kind) for place, kind in enumerate(KINDS) if in_force >> place & 1),
        *(Approval(kind, None, date.min) for place, kind in enumerate(KINDS) if lapsed >> place & 1),
    )
    shares = Shares(*((None, 0.0, 1.0)[decided >> (SHARE_BIT + 2 * number) & 3] for number in range(SHARES)))
    return _with_lasting(decided >> LASTING_BIT, approvals, shares)


@cache
def _lasting(in_prison: bool | None, ess: bool | None, form: LegalForm | None, are_known: bool) -> int:
    said = _YES_OR_NO[in_prison] * PER_YES_OR_NO + _YES_OR_NO[ess]
    return (said * len(FORMS) + _FORM[form]) * 2 + are_known


def _with_lasting(lasting: int, approvals: tuple[Approval, ...], shares: Shares) -> LegalFacts:
    are_known, rest = lasting % 2, lasting // 2
    said, form = divmod(rest, len(FORMS))
    in_prison, ess = divmod(said, PER_YES_OR_NO)
    known = approvals if are_known else None
    return LegalFacts(known, shares, YES_OR_NO[in_prison], FORMS[form], YES_OR_NO[ess])


def _appended(column: NDArray[Any], size: int, added: NDArray[Any]) -> NDArray[Any]:
    """A column with some more rows behind its first `size`: the same one where there is room, and it is not mapped."""
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
def _date(ordinal: int) -> date | None:
    return None if ordinal in (0, NEVER) else date.fromordinal(ordinal)
