"""Offers whose area meets a territory, for all that some lots want there: whose they are, the best of each supplier.

What is wanted by several lots is found together, as arrays of a few thousand take hardly longer than small ones.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.distances import NearDistances
from matching.geo.projection import Positions
from matching.geo.territory import Bools, Territory
from matching.index import LiveIndex
from matching.lot_query import Subject
from matching.offers import (
    COLUMN_BIT,
    NO_OFFER,
    SUBJECT_BIT,
    SUPPLIER_BIT,
    WITHOUT_PRESENCE,
    WORTH_BITS,
    OfferKeys,
    WantedOffers,
    WithinReach,
)

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
        near = None if self._radius_km else self._distances.stretch(short.supplier)
        if near is not None:
            return short.key[near][self._distances.are_within(short.supplier[near], short.reach_m[near])]
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
