"""The suppliers that pass the gates on segment and service area, for one territory and subject.

Offers whose area meets the territory come first: whose they are, and the best of each supplier. What is wanted by
several lots is found together, as arrays of a few thousand take hardly longer than small ones.

A reservation, a day, a cap or a site changes only what is counted and put in order over them.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from matching.geo.territory import Bools, Territory
from matching.index.distances import NearDistances
from matching.index.live_index import LiveIndex
from matching.index.offers import (
    COLUMN_BIT,
    NO_OFFER,
    OFFERED_BITS,
    SUBJECT_BIT,
    SUPPLIER_BIT,
    WITHOUT_PRESENCE,
    WORTH_BITS,
    OfferKeys,
    ReachOffers,
    WantedOffers,
)
from matching.index.supplier_columns import Ordinals, differs_from_previous
from matching.lot_query import Subject
from matching.ranking import offer_grades
from matching.weighted_cache import Weighed

COLUMN_BITS = (1 << SUBJECT_BIT - COLUMN_BIT) - 1
MOST_SUBJECTS = (1 << SUPPLIER_BIT - SUBJECT_BIT) - 1
"""The subjects that may be looked for at once."""
COUNTED_BITS = np.array([-1, WITHOUT_PRESENCE], dtype=np.int64)
"""The bits of a key that count, by whether its supplier stands in the territory."""


class OfferFinder:
    """Finds the offers whose service area meets a territory."""

    def __init__(self, live: LiveIndex, territory: Territory) -> None:
        self._territory, self._radius_km = territory, territory.radius_km or 0.0
        self._distances = live.base.distances(territory.shape)
        self._meeting = live.base.areas.meeting(territory)

    def offers(self, wanted: WantedOffers) -> Iterator[OfferKeys]:
        """The keys of wanted offers that serve the territory, in sorted runs, those of removed suppliers included."""
        spans = self._distances.spans(wanted.short.supplier, self._radius_km)
        near = [[column[first:end] for first, end in spans] or [column[:0]] for column in wanted.short]
        yield self._near_enough(ReachOffers._make(map(np.concatenate, near)))
        if len(wanted.long.supplier):
            yield self._near_enough(wanted.long)
        if len(wanted.ground.area):
            yield wanted.ground.key[self._meeting.take(wanted.ground.area)]
        yield wanted.national

    def _near_enough(self, offers: ReachOffers) -> OfferKeys:
        """The keys of those offers whose radius around the supplier's location reaches the territory."""
        away = self._distances.distance_within(offers.supplier, offers.reach_km + self._radius_km)
        return offers.key[self._territory.less_radius(away) <= offers.reach_km]


def meeting_offers(live: LiveIndex, territory: Territory, wanted: Iterable[tuple[str, ...]]) -> OfferKeys:
    """The sorted keys of offers that serve the territory, for each of several subjects (`wanted`: its segments)."""
    keys = [np.empty(0, dtype=np.int64)]
    serves = OfferFinder(live, territory)
    for number, codes in enumerate(wanted):
        for column, code in enumerate(codes):
            runs = [run for offers in live.answering_offers(code) for run in serves.offers(offers)]
            keys.append(np.concatenate(runs))
            keys[-1] |= number << SUBJECT_BIT | column << COLUMN_BIT
    key = np.concatenate(keys)
    if live.gone is not None:
        key = key[~live.gone[key >> SUPPLIER_BIT]]
    key.sort(kind="stable")  # a few sorted runs
    return key


def _best_worths(key: OfferKeys, is_first: Bools, is_local: Bools, columns: int) -> NDArray[np.int16]:
    """The worth (the smaller, the better) of the best offer; a row per wanted segment, a column per supplier.

    `key`: sorted; `is_first`: the first offer of each supplier; `is_local`: suppliers that stand in the territory.
    """
    row, wanted = is_first.cumsum() - 1, key >> COLUMN_BIT
    best = np.full((columns, len(is_local)), NO_OFFER, dtype=np.int16)
    is_only = differs_from_previous(wanted)
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


MOST_OFFERS = 100_000
"""The offers for the segments of subjects that are selected for at once: more are no faster together than apart."""


class Selection(Weighed):
    """The suppliers selected for a territory and subject, by ordinal, as parallel arrays that never change.

    `best[w]`: the worth of the best offer for the w-th wanted segment whose area meets the territory (NO_OFFER: none);
    `grades`: all that counts in the order before distance, but for eligibility.
    """

    def __init__(self, subject: Subject, best: NDArray[np.int16], to_territory: NearDistances) -> None:
        self.best, self.to_territory = best, to_territory
        self.ordinals, self.is_local = to_territory.ordinals, to_territory.known == 0
        self.grades, self.grade_count = offer_grades(best[: len(subject.objects)] >> OFFERED_BITS)


def select(live: LiveIndex, territory: Territory, subject: Subject) -> Selection:
    """Select the suppliers of an index for a territory and subject."""
    return select_several(live, territory, (subject,))[subject]


def select_several(live: LiveIndex, territory: Territory, subjects: Iterable[Subject]) -> dict[Subject, Selection]:
    """The selections of several subjects in a territory, computed in batches of bounded memory."""
    made, batch, left = dict[Subject, Selection](), list[Subject](), MOST_OFFERS
    for subject in dict.fromkeys(subjects):
        offers = sum(len(live.base.wanted[code].suppliers) for code in subject.wanted)
        if batch and (offers > left or len(batch) == MOST_SUBJECTS):
            made |= zip(batch, _select_at_once(live, territory, batch), strict=True)
            batch, left = [], MOST_OFFERS
        batch.append(subject)
        left -= offers
    return made | dict(zip(batch, _select_at_once(live, territory, batch), strict=True))


def _select_at_once(live: LiveIndex, territory: Territory, subjects: Sequence[Subject]) -> Iterator[Selection]:
    """The selections of a batch of subjects.

    `key`: all offers for any segment that some subject wants whose area meets the territory, those of each subject by
    supplier, the best first.
    """
    measured, wanted = live.base.distances, [subject.wanted for subject in subjects]
    key = meeting_offers(live, territory, wanted)
    for_subject = key >> SUBJECT_BIT
    is_first = differs_from_previous(for_subject)
    for_subject = for_subject[is_first]
    ordinals = (for_subject >> SUPPLIER_BIT - SUBJECT_BIT).astype(np.int32)
    to_territory = NearDistances(measured, territory.shape, ordinals, territory.radius_km or 0.0)
    every_best = _best_worths(key, is_first, to_territory.known == 0, max(map(len, wanted)))
    if territory.radius_km:  # of which its distances did not know when they were weighed
        measured.weigh_again(territory.shape, measured(territory.shape), measured(territory.shape).weight)
    places_of_each = [np.arange(len(for_subject))]
    if len(wanted) > 1:
        number = (for_subject & MOST_SUBJECTS).astype(np.int8)
        ends = np.cumsum(np.bincount(number, minlength=len(wanted)))[:-1]
        places_of_each = np.split(number.argsort(kind="stable"), ends)
    for subject, places in zip(subjects, places_of_each, strict=True):
        rows = places
        if subject.support:  # whoever only supports the object of a lot does not pass
            answers = every_best[: len(subject.objects)].take(rows, axis=1) != NO_OFFER
            rows = rows[answers.any(axis=0)]
        best = every_best[: len(subject.wanted)].take(rows, axis=1)
        yield Selection(subject, best, to_territory.of_rows(rows))


def row_of(ordinals: Ordinals, ordinal: int) -> int | None:
    """The row of a supplier in sorted ordinals; None where it is not among them."""
    row = int(ordinals.searchsorted(ordinal))
    return row if row < len(ordinals) and ordinals[row] == ordinal else None


def leave_out(left_out: Ordinals, ordinals: Ordinals) -> Ordinals:
    """The `ordinals` (a few sorted runs) that are not among the sorted `left_out`; sorted, each once."""
    both = np.concatenate((2 * left_out, 2 * ordinals + 1))
    both.sort(kind="stable")  # each of those left out before the same one of the others
    others = (both & 1).astype(bool)
    both >>= 1
    others &= differs_from_previous(both)
    return both[others]
