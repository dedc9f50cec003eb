"""The suppliers that pass the gates on segment and service area, for one territory and what is wanted there.

Offers whose area meets the territory come first: whose they are, and the best of each supplier. What is wanted by
several lots is found together, as arrays of a few thousand take hardly longer than small ones.

A reservation, a day, a cap or a site changes only what is counted and put in order over them. Who is selected, and what
was answered of them, is cached for long; the arrays over all of them take ten times as much, and are made again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from matching.geo.projection import Positions
from matching.geo.shape import Shape
from matching.geo.territory import Bools, Territory
from matching.index.distances import BYTES_PER_OBJECT, NearDistances
from matching.index.eligibility_cache import OutcomeCodes
from matching.index.live_index import Index, LiveIndex
from matching.index.offers import (
    COLUMN_BIT,
    NO_OFFER,
    OFFERED_BITS,
    SUBJECT_BIT,
    SUPPLIER_BIT,
    WITHOUT_PRESENCE,
    WORTH_BITS,
    OfferKeys,
    WantedOffers,
    WithinReach,
)
from matching.index.supplier_columns import Ordinals
from matching.kept.weighted_cache import WeightBound
from matching.lot_query import LotQuery, Subject
from matching.ranked_lot import CappedSelection, LotKey, RankedLot, ReservedSelection, ReservedTypes, SelectionOfDay
from matching.ranking import offer_grades

COLUMN_BITS = (1 << SUBJECT_BIT - COLUMN_BIT) - 1
MOST_SUBJECTS = (1 << SUPPLIER_BIT - SUBJECT_BIT) - 1
"""The subjects that may be looked for at once."""
COUNTED_BITS = np.array([-1, WITHOUT_PRESENCE], dtype=np.int64)
"""The bits of a key that count, by whether its supplier stands in the territory."""


class Serving:
    """The offers whose area meets a territory."""

    def __init__(self, live: LiveIndex, territory: Territory) -> None:
        self._territory, self._radius_km = territory, territory.radius_km or 0.0
        self._distances = live.base.distances(territory.shape)
        self._meeting = live.base.areas.meeting(territory)

    def offers(self, wanted: WantedOffers) -> Iterator[OfferKeys]:
        """Those of some that answer what is wanted, in sorted runs; also of suppliers that are gone."""
        yield self._reaching(wanted.short)
        if len(wanted.long.supplier):
            yield self._near_enough(wanted.long)
        if len(wanted.ground.area):
            yield wanted.ground.key[self._meeting.take(wanted.ground.area)]
        yield wanted.national

    def _reaching(self, short: WithinReach) -> OfferKeys:
        """Those whose suppliers are no farther from the territory than they reach, which is not far."""
        spans = self._distances.spans(short.supplier, self._radius_km)
        return self._near_enough(WithinReach._make([_cut(column, spans) for column in short]))

    def _near_enough(self, offers: WithinReach) -> OfferKeys:
        """As `_reaching`, however far they reach: each is looked at."""
        away = self._distances.distance_within(offers.supplier, offers.reach_km + self._radius_km)
        return offers.key[self._territory.less_radius(away) <= offers.reach_km]


class Answering(NamedTuple):
    """Suppliers with offers for what some subjects want, by subject in the order of their ordinals.

    `rows[i]`: the places of those of the i-th subject. `best`: the worth of the best offer for each wanted segment,
    shape (segments, suppliers); NO_OFFER: none.
    """

    to_territory: NearDistances
    best: NDArray[np.int16]
    rows: list[Positions]


def answering(live: LiveIndex, territory: Territory, subjects: Iterable[Subject]) -> Answering:
    """The suppliers with offers for any segment that some subjects want whose area meets the territory."""
    wanted = [subject.wanted for subject in subjects]
    key = _keys(live, territory, wanted)
    for_subject = key >> SUBJECT_BIT
    is_first = changes(for_subject)
    for_subject = for_subject[is_first]
    ordinals = (for_subject >> SUPPLIER_BIT - SUBJECT_BIT).astype(np.int32)
    distances = NearDistances(live.base.distances, territory.shape, ordinals, territory.radius_km or 0.0)
    best = _best(key, is_first, distances.known == 0, max(map(len, wanted)))
    return Answering(distances, best, _rows_of_each(for_subject, len(wanted)))


def _keys(live: LiveIndex, territory: Territory, wanted: Iterable[tuple[str, ...]]) -> OfferKeys:
    """The offers for any wanted segment of some subjects whose area meets the territory, in order."""
    keys = [np.empty(0, dtype=np.int64)]
    serves = Serving(live, territory)
    for number, codes in enumerate(wanted):
        for column, code in enumerate(codes):
            runs = [run for offers in live.wanted(code) for run in serves.offers(offers)]
            keys.append(np.concatenate(runs))
            keys[-1] |= number << SUBJECT_BIT | column << COLUMN_BIT
    key = np.concatenate(keys)
    if live.gone is not None:
        key = key[~live.gone[key >> SUPPLIER_BIT]]
    key.sort(kind="stable")  # a few sorted runs
    return key


def _rows_of_each(for_subject: NDArray[np.int64], count: int) -> list[Positions]:
    """The places of each of so many subjects, by their numbers."""
    if count == 1:
        return [np.arange(len(for_subject))]
    subject = (for_subject & MOST_SUBJECTS).astype(np.int8)
    ends = np.cumsum(np.bincount(subject, minlength=count))[:-1]
    return np.split(subject.argsort(kind="stable"), ends)


def _best(key: OfferKeys, is_first: Bools, is_local: Bools, columns: int) -> NDArray[np.int16]:
    """The best worth per wanted segment and supplier, shape (columns, suppliers), of offers in order.

    `is_first`: the first offer of each supplier; `is_local`: the suppliers that stand in the territory.
    """
    row, wanted = is_first.cumsum() - 1, key >> COLUMN_BIT
    best = np.full((columns, len(is_local)), NO_OFFER, dtype=np.int16)
    is_only = changes(wanted)
    if is_only.all():
        best[wanted & COLUMN_BITS, row] = key & WORTH_BITS
        best[:, is_local] &= np.int16(WITHOUT_PRESENCE)
        return best
    # a supplier with several offers for one wanted segment: in the territory others of them may come first
    key = key & COUNTED_BITS.take(is_local.take(row))
    key.sort(kind="stable")
    key, row = key[is_only], row[is_only]
    best[key >> COLUMN_BIT & COLUMN_BITS, row] = key & WORTH_BITS
    return best


def changes(ordered: NDArray[np.generic]) -> Bools:
    """The places where sorted values differ from the one before."""
    differs = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=differs[1:])
    return differs


def _cut(column: NDArray[Any], spans: list[tuple[int, int]]) -> NDArray[Any]:
    """The spans of a column laid end to end."""
    return np.concatenate([column[first:end] for first, end in spans]) if spans else column[:0]


SelectionKey = tuple[ref[Territory], Subject]

MOST_OFFERS = 100_000
"""The offers for the segments of subjects that are selected for at once: more are no faster together than apart."""
CACHED_DAYS, CACHED_SITES, CACHED_RESERVATIONS, CACHED_LOTS = 4, 4, 8, 16


class Selection:
    """The ordinals of the selected, in order, and what is kept of the lots that they were selected for (`ranked`).

    All else that is known of each is in `SelectionArrays`, which are made again where more than this is asked for.
    """

    def __init__(self, live: LiveIndex, subject: Subject, ordinals: Ordinals) -> None:
        self.subject, self.ordinals = subject, ordinals
        self._known = live.change, live.rows_end
        self.ranked = WeightBound[LotKey, RankedLot](CACHED_LOTS)

    @property
    def weight(self) -> int:
        """The bytes of it and of all that is kept of lots by now."""
        return self.ordinals.nbytes + sum(lot.weight for _, lot in self.ranked.latest()) + BYTES_PER_OBJECT

    @property
    def change(self) -> int:
        """The latest change of the index for which it is known to hold."""
        return self._known[0]

    def row_of(self, ordinal: int) -> int | None:
        """The row of a supplier, if it is selected."""
        row = int(self.ordinals.searchsorted(ordinal))
        return row if row < len(self.ordinals) and self.ordinals[row] == ordinal else None

    def without(self, ordinals: Ordinals) -> Ordinals:
        """Those of some suppliers, in a few sorted runs, that are not selected: in order, each once."""
        both = np.concatenate((2 * self.ordinals, 2 * ordinals + 1))
        both.sort(kind="stable")  # each of the selected before the same one of the others
        others = (both & 1).astype(bool)
        both >>= 1
        others &= changes(both)
        return both[others]

    def holds_for(self, live: LiveIndex, territory: Territory) -> bool:
        """Whether the same suppliers are selected in an index; false also where it is not known."""
        change, rows_end = self._known
        if change >= live.change:
            return change == live.change
        if live.changed_since(self.subject.wanted, change) and self._differs(live, territory, rows_end):
            return False
        self._known = live.change, live.rows_end
        return True

    def _differs(self, live: LiveIndex, territory: Territory, rows_end: int) -> bool:
        """Whether a selected supplier is gone, or one of those from `rows_end` on serves the territory."""
        if live.gone is not None and live.gone[self.ordinals].any():
            return True
        later = (of for code in self.subject.wanted for of in live.wanted(code)[1:])
        new = [of for of in later if len(of.written_since(rows_end))]
        serves = Serving(live, territory)
        return any(key[-1] >> SUPPLIER_BIT >= rows_end for of in new for key in serves.offers(of) if len(key))


class SelectionArrays:
    """The selected in the order of their ordinals, as parallel arrays; never changed once made.

    `best[w]`: the worth of the best offer for the w-th wanted segment whose area meets the territory (NO_OFFER: none);
    `grades`: all that counts in the order before distance, but for eligibility.
    """

    def __init__(self, base: Index, subject: Subject, best: NDArray[np.int16], to_territory: NearDistances) -> None:
        self.base, self.best, self.to_territory = base, best, to_territory
        self.ordinals, self.is_local = to_territory.ordinals, to_territory.known == 0
        self.grades, self.grade_count = offer_grades(best[: len(subject.objects)] >> OFFERED_BITS)
        self.sites = WeightBound[ref[Shape], NearDistances](CACHED_SITES)
        self.days = WeightBound[tuple[date, Rules], SelectionOfDay](CACHED_DAYS)
        self.reserved = WeightBound[tuple[date, Rules, ReservedTypes], ReservedSelection](CACHED_RESERVATIONS)
        self.capped = WeightBound[LotKey, CappedSelection](CACHED_LOTS)
        """Those that pass every gate."""

    @property
    def weight(self) -> int:
        """The bytes of it and of all that is derived from it by now, but for the ordinals."""
        held: set[Any] = {self.to_territory}
        for cached in (self.sites, self.days, self.reserved):
            held |= {made for _, made in cached.latest()}
        for _, capped in self.capped.latest():
            held |= {capped, capped.distances, capped.reserved, capped.reserved.of_day}
        own = self.best.nbytes + self.grades.nbytes + self.is_local.nbytes
        return own + sum(made.weight for made in held) + BYTES_PER_OBJECT

    def codes(self, on: date, rules: Rules) -> OutcomeCodes:
        """The outcomes of each on a day."""
        return self.base.eligibility.codes(self.ordinals, on, rules)

    def on_day(self, codes: OutcomeCodes) -> SelectionOfDay:
        """The selection where its suppliers have these outcomes."""
        answered = self.best != NO_OFFER
        return SelectionOfDay(codes, answered, self.is_local, self.grades, self.grade_count)

    def to_site(self, site: Shape) -> NearDistances:
        """Distances of the selected to a lot's site."""
        return self.sites.find_or(ref(site), lambda: NearDistances(self.base.distances, site, self.ordinals))

    def under(self, on: date, rules: Rules, reserved: ReservedTypes) -> ReservedSelection:
        """The selection on a day and under a reservation."""
        of_day = self.days.find_or((on, rules), lambda: self.on_day(self.codes(on, rules)))
        return self.reserved.find_or((on, rules, reserved), lambda: ReservedSelection(of_day, reserved))


def selected(live: LiveIndex, territory: Territory, subject: Subject) -> Selection:
    """The selection of a territory and subject, cached for as long as no change concerns it."""
    return _cached_selection(live, territory, subject) or _select(live, territory, {subject: None})[subject]


def selected_of(live: LiveIndex, queries: Sequence[LotQuery]) -> list[Selection]:
    """The selections of some lots, as `selected`; those of one territory are made together, which takes less."""
    found = [_cached_selection(live, query.territory, query.subject) for query in queries]
    lacking: dict[Territory, dict[Subject, Shape | None]] = {}
    for query, selection in zip(queries, found, strict=True):
        if selection is None:
            lacking.setdefault(query.territory, {})[query.subject] = query.site
    made = {territory: _select(live, territory, subjects) for territory, subjects in lacking.items()}
    return [each or made[query.territory][query.subject] for query, each in zip(queries, found, strict=True)]


def arrays_of(live: LiveIndex, territory: Territory, selection: Selection) -> SelectionArrays:
    """The arrays of a selection that holds for an index, cached: no change concerns them that does not concern it."""
    found: SelectionArrays | None = live.base.selection_arrays.find(ref(selection))
    if found is None:
        (found,) = _arrays(live, territory, {selection.subject: None})
        live.base.selection_arrays.put(ref(selection), found, found.weight)
    return found


def _cached_selection(live: LiveIndex, territory: Territory, subject: Subject) -> Selection | None:
    """The cached selection of a territory and subject, where it holds."""
    found: Selection | None = live.base.selections.find((ref(territory), subject))
    return found if found is not None and found.holds_for(live, territory) else None


def _select(
    live: LiveIndex, territory: Territory, subjects: Mapping[Subject, Shape | None]
) -> dict[Subject, Selection]:
    """The selections of some subjects in a territory, made and cached; each with the site of a lot that has it."""
    selections = {}
    for some in _batches(live, subjects):
        for subject, arrays in zip(some, _arrays(live, territory, some), strict=True):
            selections[subject] = made = Selection(live, subject, arrays.ordinals)
            live.base.selection_arrays.put(ref(made), arrays, arrays.weight)
            key: SelectionKey = ref(territory), subject
            found: Selection | None = live.base.selections.find(key)
            if found is None or found.change < live.change:
                live.base.selections.put(key, made, made.weight)
    return selections


def _batches(live: LiveIndex, subjects: Mapping[Subject, Shape | None]) -> Iterator[dict[Subject, Shape | None]]:
    """The subjects in batches, which do not take too much memory at once."""
    batch: dict[Subject, Shape | None] = {}
    left = MOST_OFFERS
    for subject, site in subjects.items():
        offers = sum(len(live.base.wanted[code].suppliers) for code in subject.wanted)
        if batch and (offers > left or len(batch) == MOST_SUBJECTS):
            yield batch
            batch, left = {}, MOST_OFFERS
        batch[subject] = site
        left -= offers
    yield batch


def weigh_again(live: LiveIndex, territory: Territory, selection: Selection) -> None:
    """Note what a cached selection weighs, once more is derived from it."""
    live.base.selections.weigh_again((ref(territory), selection.subject), selection, selection.weight)


def weigh_arrays_again(live: LiveIndex, selection: Selection, arrays: SelectionArrays) -> None:
    """As `weigh_again`, of the arrays of a selection."""
    live.base.selection_arrays.weigh_again(ref(selection), arrays, arrays.weight)


def _arrays(live: LiveIndex, territory: Territory, subjects: Mapping[Subject, Shape | None]) -> list[SelectionArrays]:
    """The arrays of the selections of some subjects, with the distances to the sites where these are all the same."""
    measured = live.base.distances
    found = answering(live, territory, subjects)
    if territory.radius_km:  # of which its distances did not know when they were weighed
        measured.weigh_again(territory.shape, measured(territory.shape), measured(territory.shape).weight)
    site = next(iter(subjects.values()))
    is_shared = site is not None and all(other is site for other in subjects.values())
    to_site = NearDistances(measured, site, found.to_territory.ordinals) if is_shared else None
    made = []
    for subject, every in zip(subjects, found.rows, strict=True):
        rows = _with_object(found.best, every, subject)
        best = found.best[: len(subject.wanted)].take(rows, axis=1)
        made.append(SelectionArrays(live.base, subject, best, found.to_territory.of_rows(rows)))
        if site is not None and to_site is not None:
            made[-1].sites.put(ref(site), to_site.of_rows(rows), 1)
    return made


def _with_object(best: NDArray[np.int16], rows: Positions, subject: Subject) -> Positions:
    """Those of some rows that answer the object of a lot: whoever only supports it does not pass."""
    if not subject.support:
        return rows
    return rows[(best[: len(subject.objects)].take(rows, axis=1) != NO_OFFER).any(axis=0)]
