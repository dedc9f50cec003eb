"""Caches of what answers are made of, for speed alone: lots, pieces of JSON and legal reviews.

What it saves: of needs of three lots asked before, 0.2 instead of 5.7 ms among 20,000 suppliers (one process, without
HTTP). The first time it saves nothing. What it costs: the 500 lines of this folder, and the memory that its constants
bound.

How the engine reads without it: `LotMatch`, `RowWriter`, `Explainer`, `nearby` and `review_need` make each part of an
answer anew; what is here derives from them. `Index(…, keeps=False)` does without, and answers the same bytes.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from weakref import ref

import msgspec
import numpy as np

from domain.law.findings import LegalAdvice, NeedReview
from domain.law.procedures.lot_facts import Understood
from domain.law.review import need_for_review, review_reduced
from domain.law.rules import Rules
from domain.needs.need import ContractKind, Need, Place
from domain.text.bilingual import Language
from matching.answer.explain import Explainer, LotWords, words_not_used
from matching.answer.messages import raw_json
from matching.answer.near_misses import RefusedSupplier, draw_refused
from matching.answer.supplier_rows import RowWriter, ranked_list
from matching.index.live_index import LiveIndex
from matching.index.notes import NotedOffers
from matching.kept.lots import CachedLot, LotCache
from matching.lot_match import LotMatch
from matching.lot_query import LotQuery, WantedSegment
from matching.past_awards import PastAwards
from matching.unknown_trade import UnknownSuppliers
from matching.weighted_cache import WeightBoundCache

Key = TypeVar("Key", bound=Hashable)
Piece = TypeVar("Piece")

WRITTEN_BYTES, LARGEST_LOT, BYTES_PER_PIECE = 36 << 20, 1 << 20, 400
REQUESTED_BYTES, REQUESTED_BYTES_EACH = 8 << 20, 500
REVIEW_BYTES, BYTES_PER_LOT, BYTES_PER_NAME = 8 << 20, 2_000, 80
"""About what a review takes for each lot, besides its facts, and for each lot that its advice names."""
MOST_ADVICE = 4_096
MOST_NOTING = 8
"""Organisations with notes whose answers are cached: each has its share of as much memory as all others have."""

encode = msgspec.json.encode


class WrittenLot:
    """Cached pieces of JSON for the answers to a lot of one yearly value, in one language, for one kind of contract.

    `rows`: candidates by row, from behind the rank on, and near misses as they were refused. `lists`: where nothing is
    left to the draw, the first candidates by how many they are, near misses and suppliers of unknown trade by the order
    that was kept of them. `words`: by the legal review and all else that they depend on.
    """

    def __init__(self, kept: WeightBoundCache[Hashable, "WrittenLot"], key: Hashable) -> None:
        self._kept, self._key, self._size = kept, key, 0
        self.rows: dict[Hashable, bytes] = {}
        self.lists: dict[Hashable, bytes] = {}
        self.words: dict[Hashable, LotWords] = {}

    def add(self, pieces: dict[Hashable, Piece], added: Mapping[Any, Piece], size: int) -> None:
        """Add pieces, of `size` bytes in all, to a mapping of this lot; all are emptied first if over LARGEST_LOT."""
        if self._size + size > LARGEST_LOT:
            self._size = 0
            for each in (self.rows, self.lists, self.words):
                each.clear()
        pieces.update(added)
        self._size += size + BYTES_PER_PIECE * len(added)
        self._kept.put(self._key, self, self._size)


class AnswerCache(LotCache):
    """The caches of one index: its lots, legal reviews, and pieces of JSON."""

    def __init__(self, suppliers: int, share: float = 1.0) -> None:
        """`share`: of the usual memory, that these caches may take."""
        super().__init__(suppliers, share)
        self._suppliers = suppliers
        self._of_notes: WeightBoundCache[ref[NotedOffers], AnswerCache] = WeightBoundCache(MOST_NOTING)
        self._reviews: WeightBoundCache[Hashable, NeedReview] = WeightBoundCache(int(REVIEW_BYTES * share))
        self.written: WeightBoundCache[Hashable, WrittenLot] = WeightBoundCache(int(WRITTEN_BYTES * share))
        self.requested: WeightBoundCache[int, tuple[tuple[WantedSegment, ...], bytes]] = WeightBoundCache(
            int(REQUESTED_BYTES * share)
        )
        self.advice: dict[tuple[int, Language], tuple[LegalAdvice, bytes]] = {}

    def review(self, need: Need, on: date, rules: Rules, objects: Mapping[str, Understood]) -> NeedReview:
        """The legal review of a need, as of `review_need`; cached by the facts of the need that the rules read."""
        facts = need_for_review(need)
        key = facts, on, rules, tuple(objects.values())
        review = self._reviews.find(key)
        if review is None:
            review = review_reduced(facts, on, rules, objects)
            named = sum(len(some) for advice in review.advice for some in advice.lots)
            weight = len(encode(facts)) + BYTES_PER_LOT * len(facts.lots) + BYTES_PER_NAME * named
            self._reviews.put(key, review, weight)
        return review

    def of_notes(self, noted: NotedOffers) -> "AnswerCache":
        """The caches of an organisation's notes over the same index; those used longest ago go beyond MOST_NOTING."""
        found = self._of_notes.find(ref(noted))
        if found is None:
            found = AnswerCache(self._suppliers, 1 / MOST_NOTING)
            self._of_notes.put(ref(noted), found, 1)
        return found

    def written_lot(self, lot: CachedLot, contract: ContractKind, language: Language) -> WrittenLot:
        """The cached JSON pieces of a lot for a kind of contract and a language; a new empty `WrittenLot` if none."""
        if lot.written is None:
            site, yearly = lot.query.lot.site, lot.query.yearly_eur
            key = ref(lot.ranked), isinstance(site, Place) and site.commune is not None, yearly, contract, language
            lot.written = self.written.find(key) or WrittenLot(self.written, key)
        written: WrittenLot = lot.written
        return written


def answer_cache_of(live: LiveIndex) -> AnswerCache | None:
    """The caches of an index, or of an organisation's notes laid over it; None where it is not to cache."""
    base, noted = live.base, live.noted
    if not base.keeps or live.ended:
        return None
    if not isinstance(base.kept, AnswerCache):
        base.kept = AnswerCache(len(base.columns.spatial_keys))
    return base.kept if noted is None else base.kept.of_notes(noted)


@dataclass(frozen=True)
class CachingRowWriter(RowWriter):
    """A `RowWriter` that caches the JSON rows of cached lots."""

    kept: AnswerCache

    def candidates(self, lot: LotMatch, count: int, seed: int) -> Any:
        """The first `count` candidates, as a list in JSON."""
        if not isinstance(lot, CachedLot):
            return super().candidates(lot, count, seed)
        first, written = lot.first(count), self.kept.written_lot(lot, self.contract, self.language)
        if first.order.is_settled:
            positions = first.order.draw_positions
            return _list_of(written, count, lambda: ranked_list(self.unranked_candidates(lot, first, positions(seed))))
        places = first.order.draw_positions(seed)
        numbers = first.order.numbers[places].tolist()
        place_of = dict(zip(numbers, places.tolist(), strict=True))

        def unranked_rows(lacking: list[int]) -> list[bytes]:
            return self.unranked_candidates(lot, first, np.array([place_of[row] for row in lacking], dtype=np.intp))

        return raw_json(ranked_list(_rows_of(written, numbers, unranked_rows)))

    def near_misses(self, lot: LotMatch, count: int, seed: int) -> Any:
        """The `count` nearest of the refused suppliers, as a list in JSON."""
        if not isinstance(lot, CachedLot):
            return super().near_misses(lot, count, seed)
        orders, written = lot.nearest_refused(count), self.kept.written_lot(lot, self.contract, self.language)

        def near_miss_rows(refused: Sequence[RefusedSupplier]) -> list[bytes]:
            return list(map(encode, self.near_misses_of(lot, refused)))

        if orders in written.lists or all(order.is_settled for _, order in orders):
            return _list_of(written, orders, lambda: encode(self.near_misses_of(lot, draw_refused(orders, seed))))
        return raw_json(b"[%b]" % b",".join(_rows_of(written, draw_refused(orders, seed), near_miss_rows)))

    def unknown_trade(self, lot: LotMatch, found: UnknownSuppliers, seed: int) -> Any:
        """The `UnknownTrade` near the lot, in JSON."""
        if not (isinstance(lot, CachedLot) and found.nearest.is_settled):
            return super().unknown_trade(lot, found, seed)
        written, make = self.kept.written_lot(lot, self.contract, self.language), super().unknown_trade
        return _list_of(written, found.nearest, lambda: encode(make(lot, found, seed)))


def _list_of(written: WrittenLot, key: Hashable, make: Callable[[], bytes]) -> Any:
    """The JSON list of suppliers cached under a key; where none is, the result of `make` is cached."""
    found = written.lists.get(key)
    if found is None:
        found = make()
        written.add(written.lists, {key: found}, len(found))
    return raw_json(found)


def _rows_of(written: WrittenLot, keys: Sequence[Key], make: Callable[[list[Key]], list[bytes]]) -> list[bytes]:
    """The JSON rows of suppliers by key, in the order of the keys; rows that are not cached are made and cached."""
    known = {key: row for key in keys if (row := written.rows.get(key)) is not None}
    if len(known) < len(keys):
        lacking = [key for key in keys if key not in known]
        added = dict(zip(lacking, make(lacking), strict=True))
        written.add(written.rows, added, sum(map(len, added.values())))
        known |= added
    return [known[key] for key in keys]


@dataclass(frozen=True)
class CachingExplainer(Explainer):
    """An `Explainer` that caches the texts on cached lots."""

    kept: AnswerCache

    def requested_segments(self, query: LotQuery) -> Any:
        """The segments that a lot asks for, in JSON; cached by the identity of `query.wanted`."""
        held = self.kept.requested.find(id(query.wanted))
        if held is not None and held[0] is query.wanted:
            return raw_json(held[1])
        made = encode(super().requested_segments(query))
        self.kept.requested.put(id(query.wanted), (query.wanted, made), REQUESTED_BYTES_EACH + 2 * len(made))
        return raw_json(made)

    def lot_words(self, lot: LotMatch, unknown: UnknownSuppliers, past: PastAwards | None) -> LotWords:
        """The texts on a lot; cached, unless there are past awards, by all that they depend on."""
        if past or not isinstance(lot, CachedLot):
            return super().lot_words(lot, unknown, past)
        query, ends = lot.query, lot.approval_ends()
        written = self.kept.written_lot(lot, self.need.contract, self.language)
        read = (
            query.unmapped,
            query.unknown,
            query.title_says,
            query.supposed_site,
            *words_not_used(query.lot, self.need),
        )
        decisive = self.review.lots[query.lot.id], unknown.eligible, *unknown.options.values(), ends, read
        words = written.words.get(decisive)
        if words is None:
            parts = list(map(encode, super().lot_words(lot, unknown, None)))
            words = LotWords._make(map(raw_json, parts))
            written.add(written.words, {decisive: words}, sum(map(len, parts)))
        return words

    def in_words(self, found: LegalAdvice) -> Any:
        """A piece of legal advice in JSON, cached by object identity: the rules return the same objects again."""
        key, advice = (id(found), self.language), self.kept.advice
        held = advice.get(key)
        if held is None or held[0] is not found:
            if len(advice) >= MOST_ADVICE:
                advice.clear()
            held = advice[key] = found, encode(super().in_words(found))
        return raw_json(held[1])
