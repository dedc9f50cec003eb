"""The suppliers that pass the gates on segment and service area, for one territory and what is wanted there.

A reservation, a day, a cap or a site changes only what is counted and put in order over them. Who is selected, and what
was answered of them, is cached for long; the arrays over all of them take ten times as much, and are made again.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from domain.needs.need import Lot
from matching.capped_selection import CappedSelection
from matching.distances import BYTES_PER_OBJECT, NearDistances
from matching.eligibility_cache import OutcomeCodes
from matching.geo.projection import Positions
from matching.geo.shape import Shape
from matching.geo.territory import Bools, Territory
from matching.index import LiveIndex
from matching.lot_query import Subject
from matching.offer_tables import COLUMN_BIT, SUPPLIER_BIT, WORTH_BITS, OfferKeys, WantedOffers
from matching.offer_worth import NO_OFFER, OFFERED_BITS, WITHOUT_PRESENCE
from matching.ranked_lot import LotKey, RankedLot
from matching.ranking import offer_grades
from matching.reserved_selection import ReservedSelection, ReservedTypes, SelectionOfDay
from matching.supplier_columns import Ordinals
from matching.weighted_cache import WeightBound

SelectionKey = tuple[ref[Territory], Subject]

CACHED_DAYS, CACHED_SITES, CACHED_RESERVATIONS, CACHED_LOTS = 4, 4, 8, 16
COUNTED_BITS = np.array([-1, WITHOUT_PRESENCE], dtype=np.int64)
"""The bits of a key that count, by whether its supplier stands in the territory."""


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

    def is_ranked(self, lot: Lot, site: Shape | None) -> bool:
        """Whether such a lot is kept, on whatever day."""
        wanted = tuple(dict.fromkeys(lot.reserved or ())), ref(site) if site else None, lot.max_distance_km
        return any(wanted == (key.reserved, key.site, key.cap_km) for key, _ in self.ranked.latest())

    def row_of(self, ordinal: int) -> int | None:
        """The row of a supplier, if it is selected."""
        row = int(np.searchsorted(self.ordinals, ordinal))
        return row if row < len(self.ordinals) and self.ordinals[row] == ordinal else None

    def without(self, ordinals: Ordinals) -> Ordinals:
        """Those of some suppliers that are not selected."""
        if not len(self.ordinals):
            return ordinals
        at = np.searchsorted(self.ordinals, ordinals)
        at[at == len(self.ordinals)] = 0
        return ordinals[self.ordinals[at] != ordinals]

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
        return any(key[-1] >> SUPPLIER_BIT >= rows_end for of in new for key in serving(of, territory, live))


class SelectionArrays:
    """The selected in the order of their ordinals, as parallel arrays; never changed once made.

    `best[w]`: the worth of the best offer for the w-th wanted segment whose area meets the territory (NO_OFFER: none);
    `grades`: all that counts in the order before distance, but for eligibility.
    """

    def __init__(self, live: LiveIndex, territory: Territory, subject: Subject) -> None:
        self.base = live.base
        measured, shape, radius = live.base.distances, territory.shape, territory.radius_km or 0.0
        key = _keys(live, territory, subject)
        if radius:  # of which its distances did not know when they were weighed
            measured.weigh_again(shape, measured(shape), measured(shape).weight)
        supplier = (key >> SUPPLIER_BIT).astype(np.int32)
        is_first = _changes(supplier)
        ordinals = supplier[is_first]
        to_territory = NearDistances(measured, shape, ordinals, radius)
        row = np.cumsum(is_first) - 1
        key &= COUNTED_BITS[(to_territory.known == 0)[row].view(np.int8)]
        best = _best(key, row, len(subject.wanted), len(ordinals))
        passes = (best[: len(subject.objects)] != NO_OFFER).any(axis=0)
        if not passes.all():  # whoever only supports
            kept = np.flatnonzero(passes)
            ordinals, best = ordinals[kept], best[:, kept]
            to_territory = NearDistances(measured, shape, ordinals, radius)
        self.ordinals, self.best, self.to_territory = ordinals, best, to_territory
        self.grades, self.grade_count = offer_grades(best[: len(subject.objects)] >> OFFERED_BITS)
        self.is_local: Bools = to_territory.known == 0
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
    key: SelectionKey = ref(territory), subject
    found: Selection | None = live.base.selections.find(key)
    if found is not None and found.holds_for(live, territory):
        return found
    arrays = SelectionArrays(live, territory, subject)
    made = Selection(live, subject, arrays.ordinals)
    live.base.selection_arrays.put(ref(made), arrays, arrays.weight)
    if found is None or found.change < live.change:
        live.base.selections.put(key, made, made.weight)
    return made


def arrays_of(live: LiveIndex, territory: Territory, selection: Selection) -> SelectionArrays:
    """The arrays of a selection that holds for an index, cached: no change concerns them that does not concern it."""
    found: SelectionArrays | None = live.base.selection_arrays.find(ref(selection))
    if found is None:
        found = SelectionArrays(live, territory, selection.subject)
        live.base.selection_arrays.put(ref(selection), found, found.weight)
    return found


def weigh_again(
    live: LiveIndex, territory: Territory, selection: Selection, arrays: SelectionArrays | None = None
) -> None:
    """Note what a cached selection weighs, once more is derived from it; its arrays too, where they are given."""
    live.base.selections.weigh_again((ref(territory), selection.subject), selection, selection.weight)
    if arrays is not None:
        live.base.selection_arrays.weigh_again(ref(selection), arrays, arrays.weight)


def _keys(live: LiveIndex, territory: Territory, subject: Subject) -> OfferKeys:
    """The offers for any wanted segment whose area meets the territory, in order."""
    keys = []
    for column, code in enumerate(subject.wanted):
        for offers in live.wanted(code):
            keys += [key | column << COLUMN_BIT for key in serving(offers, territory, live)]
    key = np.concatenate(keys) if keys else np.empty(0, dtype=np.int64)
    if live.gone is not None:
        key = key[~live.gone[key >> SUPPLIER_BIT]]
    key.sort(kind="stable")  # a few sorted runs
    return key


def serving(offers: WantedOffers, territory: Territory, live: LiveIndex) -> Iterator[OfferKeys]:
    """The offers whose area meets a territory, in sorted runs; also of suppliers that are gone."""
    radius, distances = territory.radius_km or 0.0, live.base.distances(territory.shape)
    short = offers.short
    spans = distances.spans(short.supplier, radius)
    for supplier, reach, key in (
        tuple(_cut(column, spans) for column in short),
        offers.long,
    ):
        if len(supplier):
            away = territory.less_radius(distances.distance_within(supplier, reach + radius))
            meets = away <= reach
            if meets.any():
                yield key[meets]
    if len(offers.areas):
        met = np.flatnonzero(live.base.areas.meeting(territory)[offers.areas])
        runs = zip(offers.area_starts[met].tolist(), offers.area_starts[met + 1].tolist(), strict=True)
        yield from (offers.ground[first:end] for first, end in runs)
    if len(offers.national):
        yield offers.national


def _best(key: OfferKeys, row: Positions, columns: int, rows: int) -> NDArray[np.int16]:
    """The best worth per wanted segment and row, shape (columns, rows); keys of one row are together."""
    best = np.full((columns, rows), NO_OFFER, dtype=np.int16)
    is_first = _changes(key >> COLUMN_BIT)
    if not is_first.all():  # a supplier with several offers for one wanted segment; their presence may have changed
        key = np.sort(key, kind="stable")
        key, row = key[is_first], row[is_first]
    best[key >> COLUMN_BIT & WORTH_BITS, row] = key & WORTH_BITS
    return best


def _changes(ordered: NDArray[np.generic]) -> Bools:
    """The places where sorted values differ from the one before."""
    differs = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=differs[1:])
    return differs


def _cut(column: NDArray[Any], spans: list[tuple[int, int]]) -> NDArray[Any]:
    """The spans of a column laid end to end."""
    return np.concatenate([column[first:end] for first, end in spans]) if spans else column[:0]
