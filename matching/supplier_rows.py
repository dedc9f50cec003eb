"""Suppliers of a shortlist as rows of JSON: candidates, near misses, suppliers of unknown trade.

A row is put together from fragments that many rows share; each fragment is worded once. The structs have the fields of
those in `domain.shortlists.shortlist`, in which they are decoded.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.law.eligibility import eligibility
from domain.law.past_awards import EssAward, with_award_bar
from domain.law.rules import Rules
from domain.law.supplier_facts import LegalFacts
from domain.needs.need import ContractKind, Place, Reserved
from domain.reference.taxonomy import Taxonomy
from domain.short_cache import short_cache
from domain.shortlists.shortlist import Eligibility, Gate, OfferEvidence, Presence, Reason, SegmentAnswer
from domain.suppliers.offers import strength
from domain.suppliers.supplier import BASES, ServiceArea
from domain.text.bilingual import Language, Text
from matching import messages
from matching.gates import DISTANCE, GATES, SEGMENT, SERVICE_AREA
from matching.geo.projection import Positions
from matching.in_words import in_words
from matching.indexed_supplier import IndexedSupplier
from matching.lot_match import LotMatch
from matching.lot_query import Subject
from matching.near_misses import NearestRefused, Refused
from matching.offer_tables import PRESENCE_OF_AREA
from matching.offer_worth import (
    FITS,
    LOCAL,
    NO_OFFER,
    OFFERED,
    PER_BASIS,
    PER_FIT,
    PRESENCES,
    RELATED,
    offered_segments,
    offers_for,
)
from matching.ranked_lot import FirstCandidates
from matching.service_areas import GROUND, NEARBY_KM
from matching.supplier_columns import Ordinals
from matching.unknown_trade import UnknownSuppliers
from matching.written_lot import WrittenLot, written_lot

EVIDENCE_SHOWN = 3
CACHED_QUESTIONS, CACHED_FACTS, CACHED_ANSWERS = 16, 16_384, 16_384
NOTHING_RESERVED = msgspec.Raw(b"[]")

encode = msgspec.json.encode


class CandidateRow(msgspec.Struct, frozen=True, gc=False):
    """A `Candidate` but for its rank."""

    supplier: msgspec.Raw
    distance_km: float | None
    measured_to: Literal["site", "territory"] | None
    presence: Presence
    segments: msgspec.Raw
    eligibility: msgspec.Raw
    reasons: msgspec.Raw


class NearMissRow(msgspec.Struct, frozen=True, gc=False):
    """A `NearMiss`."""

    supplier: msgspec.Raw
    excluded_by: Gate
    distance_km: float | None
    eligibility: msgspec.Raw
    message: str


class UnknownRow(msgspec.Struct, frozen=True, gc=False):
    """An `UnknownSupplier`."""

    supplier: msgspec.Raw
    distance_km: float | None
    eligibility: msgspec.Raw


class Judged(NamedTuple):
    """The verdicts on a supplier, as structs and in JSON."""

    verdicts: tuple[Eligibility, ...]
    json: msgspec.Raw


class Answers(NamedTuple):
    """The parts that candidates of the same worths share; `reasons` in JSON, without brackets and distance."""

    presence: Presence
    segments: tuple[SegmentAnswer, ...]
    segments_json: msgspec.Raw
    are_declared: bool
    reasons: bytes


@dataclass(frozen=True)
class RowWriter:
    """Writes the rows of lots for one day, one kind of contract and in one language."""

    taxonomy: Taxonomy
    rules: Rules
    on: date
    contract: ContractKind
    language: Language

    def candidates(self, lot: LotMatch, written: WrittenLot, count: int, seed: int) -> msgspec.Raw:
        """The first `count` candidates, as a list."""
        first = lot.first(count)
        if not first.order.is_settled:
            return msgspec.Raw(_list(self._ranked(lot, written, first, first.order.places(seed))))
        found = written.lists.get(count)
        if found is None:
            found = _list(_with_rank(self._candidates(lot, first, first.order.places(seed))))
            written.add_piece(written.lists, count, found, len(found))
        return msgspec.Raw(found)

    def _ranked(self, lot: LotMatch, written: WrittenLot, first: FirstCandidates, places: Positions) -> Iterator[bytes]:
        """The candidates at some places, which are in order; those written before as they are."""
        rows = first.order.numbers[places]
        numbers = rows.tolist()
        known = {row: tail for row in numbers if (tail := written.rows.get(row)) is not None}
        if len(known) < len(numbers):
            lacking = np.array([place for place, row in enumerate(numbers) if row not in known], dtype=np.intp)
            made = self._candidates(lot, first, places[lacking])
            for row, tail in zip(rows[lacking].tolist(), made, strict=True):
                known[row] = tail
                written.add_piece(written.rows, row, tail, len(tail))
        return _with_rank(known[row] for row in numbers)

    def near_misses(self, lot: LotMatch, written: WrittenLot, nearest: NearestRefused) -> msgspec.Raw:
        """The near misses in order, as a list."""
        if not nearest.is_settled:
            _measure_together(lot, [refused for refused in nearest.refused if refused not in written.rows])
            return msgspec.Raw(_list(self._near_miss_json(lot, written, refused) for refused in nearest.refused))
        found = written.lists.get(nearest.refused)
        if found is None:
            _measure_together(lot, nearest.refused)
            found = _list(encode(self.near_miss(lot, refused)) for refused in nearest.refused)
            written.add_piece(written.lists, nearest.refused, found, len(found))
        return msgspec.Raw(found)

    def _near_miss_json(self, lot: LotMatch, written: WrittenLot, refused: Refused) -> bytes:
        row = written.rows.get(refused)
        if row is None:
            row = encode(self.near_miss(lot, refused))
            written.add_piece(written.rows, refused, row, len(row))
        return row

    def near_miss(self, lot: LotMatch, refused: Refused) -> NearMissRow:
        """A refused supplier and what it lacks."""
        gate, ordinal, away = refused
        columns, query, distance_km = lot.live.base.columns, lot.query, to_metre(away)
        judged, lack = Judged((), NOTHING_RESERVED), messages.NOT_ELIGIBLE
        if gate == SEGMENT:
            lack = self._wrong_segment(query.subject, lot, columns.supplier(ordinal))
        elif gate == SERVICE_AREA:
            lack = self._not_served(lot, ordinal)
        elif gate == DISTANCE:
            lack = messages.too_far(distance_km, query.lot.max_distance_km or 0.0, columns.is_placed(ordinal))
        else:
            judged = self._judged(lot, ordinal)
        message = self._text(messages.AND).join((self._text(lack), *(verdict.message for verdict in judged.verdicts)))
        return NearMissRow(msgspec.Raw(columns.summary(ordinal)), GATES[gate][0], distance_km, judged.json, message)

    def unknown_trade(self, lot: LotMatch, found: UnknownSuppliers) -> list[UnknownRow]:
        """The suppliers of unknown trade near the lot that are listed."""
        columns = lot.live.base.columns
        return [
            UnknownRow(msgspec.Raw(columns.summary(ordinal)), to_metre(away), self._judged(lot, ordinal).json)
            for ordinal, away in found.nearest
        ]

    def pieces_of(self, lot: LotMatch) -> WrittenLot:
        """The pieces written of a lot for its kind of site, in this language and for this kind of contract."""
        place = lot.query.lot.site
        by_commune = place is not None and place.commune is not None
        return written_lot(lot.ranked, by_commune, self.language, self.contract)

    def _candidates(self, lot: LotMatch, first: FirstCandidates, places: Positions) -> list[bytes]:
        """Candidates as JSON, from behind the rank on."""
        ordinals, distance = first.ordinals[places], first.order.distance[places]
        worths, columns, query = _worths(lot, ordinals, first.best[:, places]), lot.live.base.columns, lot.query
        measured_to: Literal["site", "territory"] = "site" if query.site else "territory"
        written = []
        for ordinal, away, each in zip(ordinals.tolist(), distance.tolist(), worths, strict=True):
            answers = _answers(self.taxonomy, self.language, query.subject, each)
            distance_km, reasons = to_metre(away), answers.reasons
            if query.site or answers.presence != PRESENCES[LOCAL]:
                is_placed = distance_km is not None or columns.is_placed(ordinal)
                reasons += _distance_reason(distance_km, query.lot.site, is_placed, self.language)
            row = CandidateRow(
                msgspec.Raw(columns.summary(ordinal)),
                distance_km,
                None if distance_km is None else measured_to,
                answers.presence,
                self._segments(lot, answers, ordinal),
                self._judged(lot, ordinal).json,
                msgspec.Raw(b"[%b]" % reasons),
            )
            written.append(encode(row)[1:])
        return written

    def _segments(self, lot: LotMatch, answers: Answers, ordinal: int) -> msgspec.Raw:
        """The answers, those that nobody declared with what they rest on, strongest and latest first."""
        if answers.are_declared:
            return answers.segments_json
        supplier = lot.live.base.columns.supplier(ordinal)
        return msgspec.Raw(encode([self._with_evidence(lot, answer, supplier) for answer in answers.segments]))

    def _with_evidence(self, lot: LotMatch, answer: SegmentAnswer, supplier: IndexedSupplier) -> SegmentAnswer:
        if answer.basis == BASES[0]:
            return answer
        cpv = lot.live.base.cpv
        offers = (o for o in supplier.offers if answer.offered in offered_segments(o, self.taxonomy, cpv))
        found = {each: None for offer in offers if offer.basis != BASES[0] for each in offer.evidence}
        strongest = sorted(found, key=strength)[:EVIDENCE_SHOWN]
        shown = (OfferEvidence(one.kind, self._text(messages.evidence(one)), one.on, one.source) for one in strongest)
        return msgspec.structs.replace(answer, evidence=tuple(shown))

    def _judged(self, lot: LotMatch, ordinal: int) -> Judged:
        """Eligibility of a supplier for each of the lot's reserved types, after the awards that the buyer made it."""
        if not lot.reserved_types:
            return Judged((), NOTHING_RESERVED)
        columns, bar = lot.live.base.columns, lot.ess_bars.get(ordinal)
        facts = columns.facts[ordinal]
        judge = _judge(lot.reserved_types, self.on, self.rules, self.contract, self.language)
        return judge(facts, bar.awards if bar else ())

    def _wrong_segment(self, subject: Subject, lot: LotMatch, supplier: IndexedSupplier) -> Text:
        """That a supplier offers only a neighbour of what is asked, or only what supports it."""
        cpv, label = lot.live.base.cpv, self.taxonomy.label
        offered = {segment for offer in supplier.offers for segment in offered_segments(offer, self.taxonomy, cpv)}
        for some, message in ((subject.objects, messages.fit), (subject.support, messages.support)):
            for wanted in some:
                for segment, fit in offers_for(wanted, self.taxonomy):
                    if segment in offered:
                        return message(FITS[fit], label(wanted), label(segment))
        raise AssertionError("a considered supplier offers something near the lot")

    def _not_served(self, lot: LotMatch, ordinal: int) -> Text:
        """That no answering offer reaches the territory, by the one that reaches farthest."""
        subject, base = lot.query.subject, lot.live.base
        supplier = base.columns.supplier(ordinal)
        answer = _answering(subject.objects, self.taxonomy)
        areas = [
            offer.service_area
            for offer in supplier.offers
            if not answer.isdisjoint(offered_segments(offer, self.taxonomy, base.cpv))
        ]
        away = lot.to_territory.of(np.array([ordinal], dtype=np.int32))
        return messages.not_served(max(areas, key=_reach), to_metre(float(away[0])), base.columns.is_placed(ordinal))

    def _text(self, text: Text) -> str:
        return text.to(self.language)


def _list(items: Iterable[bytes]) -> bytes:
    return b"[%b]" % b",".join(items)


def _with_rank(candidates: Iterable[bytes]) -> Iterator[bytes]:
    return (b'{"rank":%d,%b' % (rank, tail) for rank, tail in enumerate(candidates, 1))


def _measure_together(lot: LotMatch, refused: Iterable[Refused]) -> None:
    """Measure those whose distance to the territory is told at once, which costs as much as one of them."""
    told = [one.ordinal for one in refused if one.gate == SERVICE_AREA]
    if len(told) > 1:
        lot.to_territory.of(np.array(told, dtype=np.int32))


def to_metre(distance: float) -> float | None:
    """A distance to the metre; None where it is not known."""
    return round(distance, 3) if distance < np.inf else None


def _worths(lot: LotMatch, ordinals: Ordinals, answering: NDArray[np.int16]) -> list[tuple[int, ...]]:
    """The worths of the best offers of some suppliers for each wanted segment, neighbours of it where none answers.

    `answering`: those of offers that answer.
    """
    best, taxonomy = answering.astype(np.int32), lot.live.base.taxonomy
    for column, wanted in enumerate(lot.query.subject.wanted):
        lacking = np.flatnonzero(best[column] == NO_OFFER)
        for place, (code, fit) in enumerate(offers_for(wanted, taxonomy) if len(lacking) else ()):
            if fit == RELATED:
                for row in lacking[lot.live.offers_any(ordinals[lacking], code)].tolist():
                    worth = _related_worth(lot, int(ordinals[row]), code) + place
                    best[column, row] = min(best[column, row], worth)
    return list(map(tuple, best.T.tolist()))


def _related_worth(lot: LotMatch, ordinal: int, code: str) -> int:
    """The worth of a supplier's best offer that names `code` and serves the territory, where that is related."""
    away = float(lot.to_territory.of(np.array([ordinal], dtype=np.int32))[0])
    meets = lot.live.base.areas.meeting(lot.query.territory)
    worth = NO_OFFER
    for _, basis, kind, area, reach in zip(*(c.tolist() for c in lot.live.offers_of(ordinal, code)), strict=True):
        if (kind == GROUND and not meets[area]) or away > reach:
            continue
        presence = LOCAL if away == 0 else int(PRESENCE_OF_AREA[kind])
        worth = min(worth, RELATED * PER_FIT + basis * PER_BASIS + presence * OFFERED)
    return worth


@short_cache(CACHED_ANSWERS, 8, lambda *named: len(named[3]))
def _answers(taxonomy: Taxonomy, language: Language, subject: Subject, worths: tuple[int, ...]) -> Answers:
    """The words for the offers with these worths, one per wanted segment."""
    segments, reasons, best = [], [], len(PRESENCES) - 1
    for place, (wanted, worth) in enumerate(zip(subject.wanted, worths, strict=True)):
        if worth >= NO_OFFER:
            continue
        offered, fit = offers_for(wanted, taxonomy)[worth % OFFERED][0], FITS[worth // PER_FIT]
        is_object = place < len(subject.objects)
        answer = SegmentAnswer(
            wanted, offered, fit, BASES[worth % PER_FIT // PER_BASIS], "object" if is_object else "support"
        )
        segments.append(answer)
        said = messages.fit(fit, taxonomy.label(wanted), taxonomy.label(offered))
        reasons.append(Reason(f"segment_{fit}", said.to(language)))
        if is_object and fit != "related":
            best = min(best, worth % PER_BASIS // OFFERED)
    bases = {answer.basis for answer in segments if answer.role == "object" and answer.fit != "related"}
    if "awarded" in bases:
        reasons.append(Reason("basis_awarded", messages.AWARDED.to(language)))
    if "inferred" in bases:
        reasons.append(Reason("basis_inferred", messages.INFERRED.to(language)))
    presence = PRESENCES[best]
    reasons.append(Reason(f"presence_{presence}", messages.PRESENCE[presence].to(language)))
    are_declared = all(answer.basis == BASES[0] for answer in segments)
    return Answers(presence, tuple(segments), msgspec.Raw(encode(segments)), are_declared, encode(reasons)[1:-1])


@lru_cache(CACHED_ANSWERS)
def _distance_reason(distance_km: float | None, site: Place | None, is_placed: bool, language: Language) -> bytes:
    """The reason that tells a distance, in JSON, behind a comma."""
    said = messages.distance(distance_km, site, is_placed)
    return b"," + encode(Reason("distance", said.to(language)))


@lru_cache(1_024)
def _answering(objects: tuple[str, ...], taxonomy: Taxonomy) -> frozenset[str]:
    """The segments and families that an offer may name to answer the object of a lot."""
    return frozenset(code for each in objects for code, fit in offers_for(each, taxonomy) if fit < RELATED)


@lru_cache(CACHED_QUESTIONS)
def _judge(
    reserved: tuple[Reserved, ...], on: date, rules: Rules, contract: ContractKind, language: Language
) -> Callable[[LegalFacts, tuple[EssAward, ...]], Judged]:
    """The function that words the verdicts on a supplier, after the ESS-reserved contracts that the buyer awarded it.

    The same question has the same function, which remembers its answers: many suppliers share their legal facts.
    """

    @lru_cache(CACHED_FACTS)
    def judge(facts: LegalFacts, awards: tuple[EssAward, ...]) -> Judged:
        verdicts = (eligibility(facts, kind, on, rules, contract) for kind in reserved)
        barred = (with_award_bar(verdict, awards, on, rules) for verdict in verdicts)
        worded = tuple(in_words(verdict, Eligibility, language) for verdict in barred)
        return Judged(worded, msgspec.Raw(encode(worded)))

    return judge


def _reach(area: ServiceArea | None) -> float:
    if area is None:
        return NEARBY_KM
    return area.radius_km if area.radius_km is not None else np.inf
