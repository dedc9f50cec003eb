"""A lot and a need in words, but for the suppliers: tension, reservation, alternatives and advice.

Pieces of the answers to the lots asked for last, in JSON, are kept by what decides them, within a number of bytes.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from weakref import ref

import msgspec

from domain.law.findings import LegalAdvice, LotReview, NeedReview
from domain.law.reservations.supply_advice import Count, Ends, Supply, distance_is_for_sourcing, supply_advice
from domain.law.rules import Rules
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.short_cache import short_cache
from domain.shortlists.shortlist import Advice, Outcome, RequestedSegment, TerritoryEcho
from domain.text.bilingual import Language, Text
from matching.answer import messages
from matching.answer.messages import advice_json, finding_json
from matching.kept.weighted_cache import WeightBound
from matching.lot_match import LotMatch
from matching.lot_query import LotQuery, Wanted
from matching.past_awards import PastAwards
from matching.ranked_lot import RankedLot
from matching.tension import tension_of
from matching.words.keywords import Interpreter

Key = TypeVar("Key", bound=Hashable)
Piece = TypeVar("Piece")

WRITTEN_BYTES, LARGEST_LOT, BYTES_PER_PIECE = 32 << 20, 1 << 20, 400


class LotWords(msgspec.Struct, frozen=True, gc=False):
    """The words on a lot and on its supply as a whole: the fields of `LotShortlist` of these names, in JSON."""

    coverage: msgspec.Raw
    alternatives: msgspec.Raw
    tension: msgspec.Raw
    reservation: msgspec.Raw
    advice: msgspec.Raw

    @property
    def size(self) -> int:
        return sum(len(bytes(getattr(self, name))) for name in self.__struct_fields__)


class WrittenLot:
    """Pieces of the answers to a lot in one language, which needs that draw and ask otherwise have in common.

    `rows`: candidates by row, from behind the rank on, and near misses as they were refused. `lists`: where nothing is
    left to the draw, the first candidates by their number, and the near misses by all of them. `words`: by the legal
    review and all else that they depend on.
    """

    def __init__(self, key: Hashable) -> None:
        self._key, self._size = key, 0
        self.rows: dict[Hashable, bytes] = {}
        self.lists: dict[Hashable, bytes] = {}
        self.words: dict[Hashable, LotWords] = {}

    def add_piece(self, pieces: dict[Key, Piece], key: Key, piece: Piece, size: int) -> None:
        """Add a piece of so many bytes to `pieces`, one of the mappings of this object."""
        self._add(pieces, {key: piece}, size)

    def add_rows(self, rows: Mapping[Hashable, bytes]) -> None:
        """Add some rows."""
        if rows:
            self._add(self.rows, rows, sum(map(len, rows.values())))

    def _add(self, pieces: dict[Key, Piece], added: Mapping[Key, Piece], size: int) -> None:
        if self._size + size > LARGEST_LOT:
            self._size = 0
            for each in (self.rows, self.lists, self.words):
                each.clear()
        pieces.update(added)
        self._size += size + BYTES_PER_PIECE * len(added)
        _LATEST.put(self._key, self, self._size)


_LATEST: WeightBound[Hashable, WrittenLot] = WeightBound(WRITTEN_BYTES)


def written_lot(lot: RankedLot, *how: Hashable) -> WrittenLot:
    """The pieces written of a lot that asks for the same, by `how` it is written; none at first."""
    key = ref(lot), how
    return _LATEST.find(key) or WrittenLot(key)


encode = msgspec.json.encode

REQUESTED_BYTES, REQUESTED_BYTES_EACH = 8 << 20, 500
_REQUESTED: WeightBound[int, tuple[tuple[Wanted, ...], msgspec.Raw]] = WeightBound(REQUESTED_BYTES)
"""Requested segments in JSON, by the objects that they were read as, and the bytes that they take."""


class CoverageRow(msgspec.Struct, frozen=True, gc=False):
    """A `Coverage`."""

    segment: str
    candidates: int
    eligible: int
    local: int


class AlternativesRow(msgspec.Struct, frozen=True, gc=False):
    """`Alternatives`."""

    reserved: dict[str, int]
    radius_km: dict[str, int]
    forbidden: dict[str, msgspec.Raw]


class ReservationRow(msgspec.Struct, frozen=True, gc=False):
    """A `Reservation`."""

    outcome: Outcome
    findings: list[msgspec.Raw]


@dataclass(frozen=True)
class Explainer:
    """Writes what is said of one need, for one day and in one language; by the law of the day `law_on`."""

    review: NeedReview
    taxonomy: Taxonomy
    cpv: Cpv
    interpreter: Interpreter
    rules: Rules
    on: date
    law_on: date
    language: Language

    def requested(self, query: LotQuery) -> msgspec.Raw:
        """The `RequestedSegment`s of a lot."""
        return _requested(query.wanted, self.taxonomy)

    def territory(self, query: LotQuery) -> msgspec.Raw:
        """The `TerritoryEcho` of a lot."""
        territory = query.territory
        return _territory(territory.label, territory.codes, territory.radius_km, self.language)

    def of_lot(self, lot: LotMatch, written: WrittenLot, unknown: int, past: PastAwards | None) -> LotWords:
        """The words on a lot and its supply; `unknown`: the eligible suppliers of unknown trade nearby.

        Written once for the same review, reading and supply, but not where the buyer's past awards have a part in it.
        """
        query, ends = lot.query, lot.approval_ends()
        if past:
            return self._words(lot, unknown, ends, past.advice(query, lot.live, lot.passes))
        decisive = self.review.lots[query.lot.id], unknown, ends, query.unmapped, query.unknown, query.title_says
        words = written.words.get(decisive)
        if words is None:
            words = self._words(lot, unknown, ends)
            written.add_piece(written.words, decisive, words, words.size)
        return words

    def _words(self, lot: LotMatch, unknown: int, ends: Ends | None, awarded: Sequence[LegalAdvice] = ()) -> LotWords:
        """`awarded`: advice on past awards."""
        query, counts, review = lot.query, lot.ranked.counts, self.review.lots[lot.query.lot.id]
        tension = tension_of(query.subject.objects, counts.covered, unknown, self.taxonomy, self.language)
        doubtful = unknown if tension.level == "unknown" else 0
        supply = Supply(counts.total, counts.options, frozenset(lot.reserved_types), ends, doubtful)
        coverage = [CoverageRow(code, *one) for code, one in zip(query.subject.wanted, counts.covered, strict=True)]
        return LotWords(
            _json(coverage),
            _json(self._alternatives(review, counts.options, lot.ranked.within)),
            _json(tension),
            _json(ReservationRow(review.outcome, [finding_json(one, self.language) for one in review.reservation])),
            _json(self._lot_advice(query, review, supply, awarded)),
        )

    def _alternatives(self, review: LotReview, options: Mapping[str, Count], within: dict[str, int]) -> AlternativesRow:
        """The counts under other reservations and radii, and what the law forbids of them."""
        forbidden = review.forbidden.items()
        return AlternativesRow(
            {name: count.total for name, count in options.items()},
            within,
            {name: finding_json(finding, self.language) for name, finding in forbidden if finding is not None},
        )

    def need_advice(self, besides: Sequence[LegalAdvice] = ()) -> list[msgspec.Raw]:
        """Advice on the whole need. `besides`: what its review on one day does not say."""
        advice = (*self.review.advice, *besides, distance_is_for_sourcing(self.law_on, self.rules))
        return [advice_json(item, self.language) for item in advice]

    def _lot_advice(
        self, query: LotQuery, review: LotReview, supply: Supply, awarded: Sequence[LegalAdvice]
    ) -> list[msgspec.Raw]:
        """Advice on the lot, in this order: words not understood, trades not known, law, past awards, counsel."""
        legal = [*review.advice, *awarded]
        if query.subject.objects:
            legal += supply_advice(supply, review, self.law_on, self.rules)
        return [
            *map(_json, (*self._not_understood(query), *self._ask_unknown(supply))),
            *(advice_json(advice, self.language) for advice in legal),
        ]

    def _ask_unknown(self, supply: Supply) -> Iterator[Advice]:
        if supply.unknown_eligible:
            message = messages.ask_unknown(supply.unknown_eligible)
            yield Advice("TRADE_UNKNOWN", "warning", None, self._text(message))

    def _not_understood(self, query: LotQuery) -> Iterator[Advice]:
        for code in query.unmapped:
            label = self.cpv.label(self.cpv.normalise(code))
            yield Advice("CPV_UNMAPPED", "warning", None, self._text(messages.unmapped(code, label)))
        for words in query.unknown:
            suggestions = self.interpreter.suggest(words)
            message = messages.unknown_words(words, [self.taxonomy.label(segment) for segment in suggestions])
            yield Advice("KEYWORD_UNKNOWN", "warning", None, self._text(message), suggestions=suggestions)
        if query.title_says:
            message = messages.title_differs([self.taxonomy.label(segment) for segment in query.title_says])
            yield Advice("CPV_AND_TITLE_DIFFER", "warning", None, self._text(message), suggestions=query.title_says)

    def _text(self, text: Text) -> str:
        return text.to(self.language)


def _requested(wanted: tuple[Wanted, ...], taxonomy: Taxonomy) -> msgspec.Raw:
    """The requested segments in JSON. The same reading is the same object, which is found faster than its content."""
    kept = _REQUESTED.find(id(wanted))
    if kept is not None and kept[0] is wanted:
        return kept[1]
    rows = [RequestedSegment(w.segment, taxonomy.label(w.segment), w.sources, w.confidence, w.role) for w in wanted]
    made = encode(rows)
    _REQUESTED.put(id(wanted), (wanted, msgspec.Raw(made)), REQUESTED_BYTES_EACH + 2 * len(made))
    return msgspec.Raw(made)


@short_cache(1_024, 50, lambda _, codes, *__: len(codes or ()))
def _territory(label: Text, codes: tuple[str, ...] | None, radius_km: float | None, language: Language) -> msgspec.Raw:
    return _json(TerritoryEcho(label=label.to(language), codes=codes, radius_km=radius_km))


def _json(part: object) -> msgspec.Raw:
    return msgspec.Raw(encode(part))
