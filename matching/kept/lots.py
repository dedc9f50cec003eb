"""The cache of matched lots: the suppliers selected, their counts, and the first of them in order.

All that is kept of a lot once it was answered grows with the answer and not with the number of suppliers, so that
thousands of lots are kept of any directory. The arrays over all who are selected take ten times as much, and are made
again. After a change of the index what is kept is looked at again, and used where it still holds.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, TypeVar
from weakref import ref

from domain.law.rules import Rules
from matching.answer.near_misses import RefusedOrders, nearest_refused
from matching.gates import considered_codes
from matching.geo.territory import Territory
from matching.index.live_index import OFFERLESS, LiveIndex
from matching.index.offers import SUPPLIER_BIT
from matching.index.supplier_columns import Ordinals
from matching.lot_match import ApprovalEnds, CandidateCounts, CapableCounts, FirstCandidates, LotMatch
from matching.lot_query import LotQuery, Subject
from matching.past_awards import EssBar
from matching.selection import OfferFinder, Selection, select, select_several
from matching.tension import ReachCounts
from matching.unknown_trade import NearbyRows, UnknownSuppliers, nearby, promising_kinds, unknown_suppliers
from matching.weighted_cache import BYTES_PER_OBJECT, WeightBoundCache, weight_of

Key = TypeVar("Key")
Made = TypeVar("Made")

SELECTION_BYTES, SELECTION_BYTES_PER_SUPPLIER = 24 << 20, 48
"""Memory for what is kept of the lots matched last: of 220,000 suppliers, some 1,500 lots."""
ARRAY_BYTES, ARRAY_BYTES_PER_SUPPLIER = 16 << 20, 36
"""Memory for the arrays over all suppliers that are selected for such a lot: of 220,000 suppliers, some 250 lots."""
NEARBY_BYTES, BYTES_PER_ROW = 24 << 20, 16
"""Memory for suppliers of unknown trade near the places asked for last."""
CACHED_LOTS = 16
LARGEST_CACHED, MOST_ASKED, MOST_CACHED = 100, 200, 16
BYTES_AHEAD = 4_000
"""Of a lot itself, and of the orders that the requests after it was weighed will ask for."""


class RankedLot:
    """The cached results of matching a lot: counts, first candidates, nearest refused and unknown-trade suppliers.

    The suppliers are kept by how many were asked for, the unknown ones also by the kinds that offer what is requested;
    the refused and unknown ones with the change of the index at which they were found. `approval_ends`: of the
    candidates, once asked for; `reach`, `capable`: by the lot's yearly value.
    """

    def __init__(self, counts: CandidateCounts) -> None:
        self.counts = counts
        self.first: dict[int, FirstCandidates] = {}
        self.refused: dict[int, tuple[RefusedOrders, int]] = {}
        self.unknown: dict[Hashable, tuple[UnknownSuppliers, int]] = {}
        self.approval_ends: ApprovalEnds | None = None
        self.reach: dict[float | None, tuple[ReachCounts, ...]] = {}
        self.capable: dict[float | None, CapableCounts] = {}
        self._orders = -1

    def has_new_orders(self) -> bool:
        """Whether results other than the counts were added since the last call; True at the first call."""
        orders, before = len(self.first) + len(self.refused) + len(self.unknown), self._orders
        self._orders = orders
        return orders != before

    @property
    def weight(self) -> int:
        """Estimated bytes in memory of these results, without rows in JSON."""
        # copied at once: another thread may add to them
        orders = *self.first.values(), *self.refused.values(), *self.unknown.values()
        return BYTES_AHEAD + weight_of(self.approval_ends, *orders)


class CachedSelection:
    """The sorted ordinals of the suppliers selected for a territory and subject, and the results of lots among them."""

    def __init__(self, live: LiveIndex, subject: Subject, ordinals: Ordinals) -> None:
        self.subject, self.ordinals = subject, ordinals
        self._known = live.change, live.next_ordinal
        # by all that decides on a lot besides the territory and the subject
        self.ranked = WeightBoundCache[Hashable, RankedLot](CACHED_LOTS)

    @property
    def weight(self) -> int:
        """Estimated bytes in memory of the ordinals and of the results of lots."""
        return self.ordinals.nbytes + sum(lot.weight for _, lot in self.ranked.latest()) + BYTES_PER_OBJECT

    @property
    def change(self) -> int:
        """The number of the latest change of the index after which this selection was still found valid."""
        return self._known[0]

    def is_valid_for(self, live: LiveIndex, territory: Territory) -> bool:
        """Whether an index surely still selects the same suppliers as this selection, which is for the territory."""
        change, next_ordinal = self._known
        if change >= live.change:
            return change == live.change
        if not live.is_unchanged(self.subject.wanted, change):
            # a selected supplier is gone, or one of those from `next_ordinal` on serves the territory
            if live.gone is not None and live.gone[self.ordinals].any():
                return False
            later = (of for code in self.subject.wanted for of in live.answering_offers(code)[1:])
            new, serves = (
                [of for of in later if of.suppliers.max(initial=-1) >= next_ordinal],
                OfferFinder(live, territory),
            )
            if any(key[-1] >> SUPPLIER_BIT >= next_ordinal for of in new for key in serves.offers(of) if len(key)):
                return False
        self._known = live.change, live.next_ordinal
        return True


class LotCache:
    """The cache of lots matched against one index; its memory is a `share` of one that grows with the suppliers."""

    def __init__(self, count: int, share: float = 1.0) -> None:
        """`count`: of the suppliers."""
        self.selections = WeightBoundCache[tuple[ref[Territory], Subject], CachedSelection](
            int((SELECTION_BYTES + SELECTION_BYTES_PER_SUPPLIER * count) * share)
        )
        self.arrays = WeightBoundCache[ref[CachedSelection], Selection](
            int((ARRAY_BYTES + ARRAY_BYTES_PER_SUPPLIER * count) * share)
        )
        # each with the change of the index for which it was found
        self._nearby = WeightBoundCache[Hashable, tuple[NearbyRows, int]](int(NEARBY_BYTES * share))

    def lots(
        self,
        queries: Sequence[LotQuery],
        live: LiveIndex,
        on: date,
        rules: Rules,
        bars: Sequence[Mapping[int, EssBar]],
    ) -> Iterator[LotMatch]:
        """The lots matched against the index; of a lot with barred suppliers (`bars`), only the selection is cached."""
        found = [self._find(live, query.territory, query.subject) for query in queries]
        # those of one territory that are not kept are made together
        lacking: dict[Territory, list[Subject]] = {}
        for query, held in zip(queries, found, strict=True):
            if held is None:
                lacking.setdefault(query.territory, []).append(query.subject)
        made = {territory: self._make_all(live, territory, subjects) for territory, subjects in lacking.items()}
        for query, kept, barred in zip(queries, found, bars, strict=True):
            held = kept or made[query.territory][query.subject]
            if barred:
                yield LotMatch(query, live, on, rules, self.selection_of(live, query.territory, held), barred)
            else:
                yield CachedLot(self, held, query, live, on, rules)

    def select(self, live: LiveIndex, territory: Territory, subject: Subject) -> Selection:
        """The suppliers selected for a territory and subject, as arrays."""
        held = self._find(live, territory, subject) or self._make_all(live, territory, (subject,))[subject]
        return self.selection_of(live, territory, held)

    def selection_of(self, live: LiveIndex, territory: Territory, held: CachedSelection) -> Selection:
        """The arrays of a valid cached selection (`held`), computed again where they have left the cache."""
        found = self.arrays.find(ref(held))
        if found is None:
            found = select(live, territory, held.subject)
            self.arrays.put(ref(held), found, found.weight)
        return found

    def nearby(self, live: LiveIndex, territory: Territory, on: date, rules: Rules) -> NearbyRows:
        """The suppliers of unknown trade near a territory, cached until a change concerns suppliers without offers."""
        key = ref(territory), on, rules
        held = self._nearby.find(key)
        if held is not None and live.is_unchanged((OFFERLESS,), held[1]):
            return held[0]
        made = nearby(live, territory, on, rules)
        if held is None or held[1] < live.change:
            weight = BYTES_PER_OBJECT + BYTES_PER_ROW * len(made.ordinals)
            self._nearby.put(key, (made, live.change), weight)
        return made

    def unknown_suppliers(self, lot: LotMatch, count: int) -> UnknownSuppliers:
        """The suppliers of unknown trade near a lot, `count` listed; cached if the lot is a `CachedLot`."""
        if not isinstance(lot, CachedLot):
            return unknown_suppliers(lot, count, self.nearby)
        key = count, promising_kinds(lot)
        held = lot.ranked.unknown.get(key)
        if held is not None and lot.live.is_unchanged((OFFERLESS,), held[1]):
            return held[0]
        found = unknown_suppliers(lot, count, self.nearby)
        if len(found.nearest.numbers) <= MOST_ASKED:
            _remember(lot.ranked.unknown, key, (found, lot.live.change))
        return found

    def _find(self, live: LiveIndex, territory: Territory, subject: Subject) -> CachedSelection | None:
        """The cached selection of a territory and subject that is valid for the index; None where there is none."""
        held = self.selections.find((ref(territory), subject))
        return held if held is not None and held.is_valid_for(live, territory) else None

    def _make_all(
        self, live: LiveIndex, territory: Territory, subjects: Iterable[Subject]
    ) -> dict[Subject, CachedSelection]:
        """Compute and cache the selections of these subjects in a territory, by subject."""
        found = {}
        for subject, selection in select_several(live, territory, subjects).items():
            found[subject] = made = CachedSelection(live, subject, selection.ordinals)
            self.arrays.put(ref(made), selection, selection.weight)
            held = self.selections.find((ref(territory), subject))
            if held is None or held.change < live.change:
                self.selections.put((ref(territory), subject), made, made.weight)
        return found


class CachedLot(LotMatch):
    """A matched lot with cached results (`ranked`); what they lack is computed from its selection."""

    def __init__(
        self, kept: LotCache, held: CachedSelection, query: LotQuery, live: LiveIndex, on: date, rules: Rules
    ) -> None:
        super().__init__(query, live, on, rules)
        self._kept, self._held = kept, held
        place = ref(query.place) if query.place else None  # a cache of small things holds no large outline
        key = on, rules, self.reserved_types, place, query.supposed is not None, query.lot.max_distance_km
        ranked = held.ranked.find(key)
        if ranked is None:
            ranked = RankedLot(self.passing.counts)
            held.ranked.put(key, ranked, 1)
        if ranked.has_new_orders():
            kept.selections.weigh_again((ref(query.territory), held.subject), held, held.weight)
        self.ranked = ranked
        self.written: Any = None
        """The pieces in JSON that its answers are made of (`memory.WrittenLot`), once they were asked for."""

    @cached_property
    def selection(self) -> Selection:
        """The suppliers that pass the gates on segment and service area, as arrays."""
        return self._kept.selection_of(self.live, self.query.territory, self._held)

    @property
    def ordinals(self) -> Ordinals:
        """The ordinals of the selected suppliers, sorted."""
        return self._held.ordinals

    @property
    def counts(self) -> CandidateCounts:
        """The numbers of candidates."""
        return self.ranked.counts

    @property
    def reach_counts(self) -> tuple[ReachCounts, ...]:
        """The numbers of candidates by their reach, of each wanted segment."""
        found = self.ranked.reach.get(self.query.yearly_eur)
        if found is None:
            found = super().reach_counts
            _remember(self.ranked.reach, self.query.yearly_eur, found)
        return found

    def count_capable(self) -> CapableCounts:
        """The total and the counts by reservation, without those for whom the lot is too large."""
        found = self.ranked.capable.get(self.query.yearly_eur)
        if found is None:
            found = super().count_capable()
            _remember(self.ranked.capable, self.query.yearly_eur, found)
        return found

    def first(self, count: int) -> FirstCandidates:
        """The first `count` candidates, cached where they are at most LARGEST_CACHED."""
        found = self.ranked.first.get(count)
        if found is None:
            found = super().first(count)
            if count <= LARGEST_CACHED:
                _remember(self.ranked.first, count, found)
        return found

    def candidates_approval_ends(self) -> ApprovalEnds:
        """The days on which approvals that candidates' verdicts rest on end, and how many have ended by each day."""
        if self.ranked.approval_ends is None:
            self.ranked.approval_ends = super().candidates_approval_ends()
        return self.ranked.approval_ends

    def nearest_refused(self, count: int) -> RefusedOrders:
        """The first `count` refused suppliers, cached until a change concerns a wanted segment or a neighbour."""
        held = self.ranked.refused.get(count)
        if held is not None and (
            held[1] == self.live.change or self.live.is_unchanged(considered_codes(self), held[1])
        ):
            return held[0]
        found = nearest_refused(self, count)
        _remember(self.ranked.refused, count, (found, self.live.change))
        return found


def _remember(some: dict[Key, Made], key: Key, made: Made) -> None:
    """Store a value in a dictionary, which is emptied first if it has over MOST_CACHED entries."""
    if len(some) > MOST_CACHED:
        some.clear()
    some[key] = made
