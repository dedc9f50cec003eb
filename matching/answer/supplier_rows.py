"""Suppliers of a shortlist as rows of JSON: candidates, near misses, suppliers of unknown trade.

A row is put together from fragments that many rows share; each fragment is worded once: among them the offers of
candidates, what they answer and why they are listed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, reduce
from operator import or_
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.needs.need import ContractKind, Place
from domain.reference.taxonomy import Taxonomy, segment_of
from domain.shortlists.listed_suppliers import (
    Candidate,
    MeasuredTo,
    NearMiss,
    OfferEvidence,
    Presence,
    Reach,
    Reason,
    SegmentAnswer,
    UnknownSupplier,
    UnknownTrade,
)
from domain.shortlists.reach import reach_of
from domain.shortlists.shortlist import SupposedSite
from domain.suppliers.assembly import strength
from domain.suppliers.supplier import BASES, DECLARERS
from domain.text.bilingual import SEMICOLON, Language, Text
from domain.text.labels import ASKED_LAST
from matching.answer import messages
from matching.answer.messages import NOT_JUDGED, SupplierVerdicts, judge_of, raw_json
from matching.answer.near_misses import RefusedSupplier, draw_refused, nearest_refused, refusals_in_words
from matching.gates import GATES, RESERVATION
from matching.geo.projection import Positions, to_metre
from matching.index.notes import NotedOffers
from matching.index.offers import (
    FITS,
    GRADES,
    LOCAL,
    NO_OFFER,
    OFFERED,
    OLDER_AWARDS,
    PER_BASIS,
    PER_FIT,
    PRESENCE_OF_AREA,
    PRESENCES,
    RELATED,
    answering_codes,
    offered_codes,
    offered_segments,
)
from matching.index.service_areas import GROUND
from matching.index.supplier_columns import Ordinals
from matching.index.trade_groups import TradeGroup
from matching.lot_match import FirstCandidates, LotMatch
from matching.lot_query import LotQuery, Subject
from matching.reference import Reference
from matching.unknown_trade import UnknownSuppliers

CACHED_ANSWERS, CACHED_DISTANCES = 16_384, 16_384

encode = msgspec.json.encode


class SharedRowParts(NamedTuple):
    """The parts of a row shared by candidates whose best offers are alike; `reasons`: JSON without brackets.

    The reason for the presence follows these: that of `nearby` differs by supplier.
    """

    presence: Presence
    segments: tuple[SegmentAnswer, ...]
    segments_json: bytes
    are_declared: bool
    reasons: bytes


class _WordedAnswer(NamedTuple):
    """A `SegmentAnswer`, its JSON, and the JSON of the reason shown for it."""

    segment: SegmentAnswer
    segment_json: bytes
    reason: bytes


def shared_row_parts(taxonomy: Taxonomy, language: Language, subject: Subject, worths: Sequence[int]) -> SharedRowParts:
    """The row parts shared by candidates whose best offers, by wanted segment, have these worths (fit, basis…)."""
    parts, grades, best = [], set(), len(PRESENCES) - 1
    for place, (wanted, worth) in enumerate(zip(subject.wanted, worths, strict=True)):
        if worth >= NO_OFFER:
            continue
        is_object = place < len(subject.objects)
        parts.append(_segment_answer(taxonomy, language, wanted, worth, is_object))
        if is_object and worth < RELATED * PER_FIT:
            best = min(best, worth % PER_BASIS // OFFERED)
            grades.add(worth % PER_FIT // PER_BASIS)
    reasons = [part.reason for part in parts]
    reasons += [_reason_json(f"basis_{GRADES[grade]}", BASIS[grade], language) for grade in BASIS if grade in grades]
    return SharedRowParts(
        PRESENCES[best],
        tuple([part.segment for part in parts]),
        b"[%b]" % b",".join([part.segment_json for part in parts]),
        all(part.segment.basis == BASES[0] for part in parts),
        b",".join(reasons),
    )


@lru_cache(CACHED_ANSWERS)
def _segment_answer(taxonomy: Taxonomy, language: Language, wanted: str, worth: int, is_object: bool) -> _WordedAnswer:
    """An offer's answer to a wanted segment; `worth`: the offer's fit, basis, presence and segment as one number."""
    offered, fit = answering_codes(wanted, taxonomy)[worth % OFFERED][0], FITS[worth // PER_FIT]
    role: Literal["object", "support"] = "object" if is_object else "support"
    grade = worth % PER_FIT // PER_BASIS
    declared_by = DECLARERS[grade] if grade < len(DECLARERS) else None
    answer = SegmentAnswer(segment_of(wanted), segment_of(offered), fit, GRADES[grade], role, declared_by=declared_by)
    said = messages.fit(fit, taxonomy.label(wanted), taxonomy.label(offered))
    return _WordedAnswer(answer, encode(answer), encode(Reason(f"segment_{fit}", said.to(language))))


BASIS = {
    GRADES.index("awarded"): messages.AWARDED,
    OLDER_AWARDS: messages.AWARDED_EARLIER,
    GRADES.index("inferred"): messages.INFERRED,
}
"""The reason shown for an offer that is not declared, by its place in GRADES."""


@lru_cache(64)
def _reason_json(code: str, text: Text, language: Language) -> bytes:
    return encode(Reason(code, text.to(language)))


@lru_cache(CACHED_DISTANCES)
def _distance_reason(
    distance_km: float | None, place: Place | SupposedSite | None, is_placed: bool, language: Language
) -> bytes:
    """The JSON of the reason that states a distance, with a comma before it."""
    said = messages.distance(distance_km, place, is_placed)
    return b"," + encode(Reason("distance", said.to(language)))


def _place_told(query: LotQuery) -> Place | SupposedSite | None:
    """The place that distances are told from: the site, of which only its kind is told, else the supposed one."""
    if query.lot.site:
        return COMMUNE if query.lot.site.commune else POINT
    return query.supposed_site


COMMUNE, POINT = Place(commune="00000"), Place()
"""A site of each kind: no more is told of it."""


def worths_shown(lot: LotMatch, ordinals: Ordinals, answering: NDArray[np.int16]) -> list[tuple[int, ...]]:
    """By supplier, the worth of its best offer for each wanted segment; if none answers, of the best related offer.

    `answering`: the worths of the offers that answer; `matching.index.offers` says what a worth is made of.
    """
    best, taxonomy = answering.astype(np.int32), lot.live.base.taxonomy
    for column, wanted in enumerate(lot.query.subject.wanted):
        lacking = np.flatnonzero(best[column] == NO_OFFER)
        for place, (code, fit) in enumerate(answering_codes(wanted, taxonomy) if len(lacking) else ()):
            if fit == RELATED:
                for row in lacking[lot.live.offers_any(ordinals[lacking], code)].tolist():
                    worth = _related_worth(lot, int(ordinals[row]), code) + place
                    best[column, row] = min(best[column, row], worth)
    return list(map(tuple, best.T.tolist()))


def _related_worth(lot: LotMatch, ordinal: int, code: str) -> int:
    """The worth of a supplier's best offer that names `code`, a related segment, and serves the territory."""
    away = float(lot.to_territory.measure(np.array([ordinal], dtype=np.int32))[0])
    meets = lot.live.base.areas.meeting(lot.query.territory)
    worth = NO_OFFER
    for _, basis, kind, area, reach, _ in zip(*(c.tolist() for c in lot.live.offers_of(ordinal, code)), strict=True):
        if (kind == GROUND and not meets[area]) or away > reach:
            continue
        presence = LOCAL if away == 0 else int(PRESENCE_OF_AREA[kind])
        worth = min(worth, RELATED * PER_FIT + basis * PER_BASIS + presence * OFFERED)
    return worth


EVIDENCE_SHOWN = 3
RANKED = len(b'{"rank":0')


@dataclass(frozen=True)
class RowWriter:
    """Writes the candidates and other suppliers of lots as rows of JSON, for one day, contract kind and language."""

    reference: Reference
    on: date
    contract: ContractKind
    language: Language

    def candidates(self, lot: LotMatch, count: int, seed: int) -> Any:
        """The first `count` candidates, as a list in JSON."""
        first = lot.first(count)
        return raw_json(ranked_list(self.unranked_candidates(lot, first, first.order.draw_positions(seed))))

    def near_misses(self, lot: LotMatch, count: int, seed: int) -> Any:
        """The `count` nearest of the refused suppliers, as a list in JSON."""
        return raw_json(encode(self.near_misses_of(lot, draw_refused(nearest_refused(lot, count), seed))))

    def near_misses_of(self, lot: LotMatch, refused: Sequence[RefusedSupplier]) -> list[NearMiss]:
        """The refused suppliers as near misses, each with a message saying why it was refused."""
        if not refused:
            return []
        why, ordinals = refusals_in_words(lot, refused), [each.ordinal for each in refused]
        late = [each.ordinal for each in refused if each.gate == RESERVATION]
        judged = dict(zip(late, self._supplier_verdicts(lot, late), strict=True))
        return [
            NearMiss(
                raw_json(summary),
                GATES[gate][0],
                to_metre(away),
                raw_json(judged.get(ordinal, NOT_JUDGED).json),
                SEMICOLON.to(self.language).join(
                    (
                        why.get(ordinal, messages.NOT_ELIGIBLE).to(self.language),
                        *(verdict.message for verdict in judged.get(ordinal, NOT_JUDGED).verdicts),
                    )
                ),
            )
            for (gate, ordinal, away), summary in zip(
                refused, map(lot.live.base.columns.summary, ordinals), strict=True
            )
        ]

    def unknown_trade(self, lot: LotMatch, found: UnknownSuppliers, seed: int) -> Any:
        """The `UnknownTrade` near the lot: the numbers, and the nearest suppliers as rows; ties drawn by `seed`."""
        ordinals, distances = (column.tolist() for column in found.nearest.draw_first(seed))
        judged, summaries = self._supplier_verdicts(lot, ordinals), map(lot.live.base.columns.summary, ordinals)
        groups = lot.live.base.trade_groups.groups_of(np.array(ordinals, dtype=np.int32))
        by_group = {group: self._reason_of_kind(lot, found, group) for group in set(groups)}
        nearest = tuple(
            UnknownSupplier(
                raw_json(summary),
                away,
                raw_json(each.json),
                raw_json(b"[%b]" % b",".join((*by_group[group], self._reason_of_distance(lot.query, away)))),
            )
            for away, summary, each, group in zip(map(to_metre, distances), summaries, judged, groups, strict=True)
        )
        message = messages.unknown_trade(found.total, found.eligible, bool(lot.reserved_types))
        return UnknownTrade(found.total, found.eligible, nearest, message.to(self.language), found.by_kind)

    def _reason_of_kind(self, lot: LotMatch, found: UnknownSuppliers, group: TradeGroup) -> tuple[bytes, ...]:
        """The reason, if any, for the place among those to ask that is shared by the suppliers of a group, in JSON."""
        objects, label = lot.query.understood.segments, self.reference.taxonomy.label
        if group.asked_last:
            return (_reason_json(group.asked_last, ASKED_LAST[group.asked_last], self.language),)
        if not objects:
            return ()
        offered = [code for code, kinds in zip(objects, found.promising, strict=True) if kinds & group.kind_bits]
        kinds = group.kinds_among(reduce(or_, found.promising)) if offered else group.kinds
        said = messages.kind_to_ask(kinds, tuple(map(label, offered or objects)), offers=bool(offered))
        return (_reason_json("kind_offers" if offered else "kind_never_offers", said, self.language),)

    def _reason_of_distance(self, query: LotQuery, distance_km: float | None) -> bytes:
        """The reason for the place among those to ask that a distance is, in JSON; inside the territory, that."""
        if distance_km == 0 and query.place is None:
            return _reason_json("presence_local", messages.PRESENCE["local"], self.language)
        if distance_km is not None and distance_km > messages.IN_METRES_KM:
            distance_km = round(distance_km, 1)  # no more is told
        return _distance_reason(distance_km, _place_told(query), True, self.language)[1:]

    def unranked_candidates(self, lot: LotMatch, first: FirstCandidates, positions: Positions) -> list[bytes]:
        """The candidates at these positions in `first`, as JSON objects without their beginning, which is the rank."""
        ordinals, distances = first.ordinals[positions], list(map(to_metre, first.order.distance[positions].tolist()))
        numbers, each_worths = ordinals.tolist(), worths_shown(lot, ordinals, first.best[:, positions])
        distinct = {
            each: shared_row_parts(self.reference.taxonomy, self.language, lot.query.subject, each)
            for each in set(each_worths)
        }
        answered = [distinct[each] for each in each_worths]
        measured_to: MeasuredTo = "site" if lot.query.site else "supposed_site" if lot.query.supposed else "territory"
        rows = zip(
            map(lot.live.base.columns.summary, numbers),
            distances,
            answered,
            [self._segment_answers(lot, *each) for each in zip(answered, numbers, strict=True)],
            self._supplier_verdicts(lot, numbers),
            [self._reasons_of(lot, *each) for each in zip(answered, numbers, distances, strict=True)],
            self._reaches(lot, numbers),
            strict=True,
        )
        return [
            encode(
                Candidate(
                    0,
                    raw_json(summary),
                    distance_km,
                    None if distance_km is None else measured_to,
                    answer.presence,
                    raw_json(segments),
                    raw_json(judged.json),
                    raw_json(reasons),
                    reach,
                )
            )[RANKED:]
            for summary, distance_km, answer, segments, judged, reasons, reach in rows
        ]

    def _reaches(self, lot: LotMatch, ordinals: Sequence[int]) -> list[Reach]:
        """The reach of each candidate for the lot's yearly value."""
        sizes, yearly, sector = lot.live.base.columns.sizes, lot.query.yearly_eur, lot.sector_eur
        return [reach_of(yearly, sizes.size_at(each), sector, self.language) for each in ordinals]

    def _reasons_of(self, lot: LotMatch, row_parts: SharedRowParts, ordinal: int, distance_km: float | None) -> bytes:
        """The reasons for a candidate in JSON, its distance included unless presence `local` implies it."""
        query, presence = lot.query, row_parts.presence
        said = messages.PRESENCE[presence]
        if presence == "nearby":
            said = messages.nearby(lot.live.base.columns.default_reach_km(ordinal))
        noted = b"" if lot.live.noted is None else self._reason_of_notes(lot.live.noted, row_parts, ordinal)
        reasons = b"%b,%b" % (row_parts.reasons + noted, _reason_json(f"presence_{presence}", said, self.language))
        if query.place or presence != PRESENCES[LOCAL]:
            is_placed = distance_km is not None or lot.live.base.columns.is_placed(ordinal)
            if distance_km is not None and distance_km > messages.IN_METRES_KM:
                distance_km = round(distance_km, 1)  # no more is told
            reasons += _distance_reason(distance_km, _place_told(query), is_placed, self.language)
        return b"[%b]" % reasons

    def _reason_of_notes(self, noted: NotedOffers, row_parts: SharedRowParts, ordinal: int) -> bytes:
        """The JSON of the reason that the organisation noted an offer of a candidate, with a comma before it."""
        taxonomy, cpv = self.reference.taxonomy, self.reference.cpv
        used = {answer.offered for answer in row_parts.segments if answer.declared_by == "buyer"}
        days = [
            offer.declared_on
            for offer in noted.of_supplier.get(ordinal, ())
            if not used.isdisjoint(offered_segments(offer, taxonomy, cpv))
        ]
        if not days:
            return b""
        latest = max((day for day in days if day is not None), default=None)
        return b"," + encode(Reason("noted", messages.noted(latest).to(self.language)))

    def _segment_answers(self, lot: LotMatch, row_parts: SharedRowParts, ordinal: int) -> bytes:
        """The segment answers of a candidate in JSON; undeclared ones with evidence, the strongest and latest first."""
        if row_parts.are_declared:
            return row_parts.segments_json
        taxonomy, cpv, answers = self.reference.taxonomy, lot.live.base.cpv, []
        offers = [each for each in lot.live.base.columns.supplier(ordinal).offers if each.basis != BASES[0]]
        wanted = {segment_of(code): code for code in lot.query.subject.wanted}
        for answer in row_parts.segments:
            codes = answering_codes(wanted[answer.requested], taxonomy) if answer.basis != BASES[0] else ()
            used = {code for code, fit in codes if (FITS[fit], segment_of(code)) == (answer.fit, answer.offered)}
            own = (offer for offer in offers if not used.isdisjoint(offered_codes(offer, taxonomy, cpv)))
            found = dict.fromkeys(each for offer in own for each in offer.evidence)
            shown = tuple(
                OfferEvidence(one.kind, messages.evidence(one, self.on).to(self.language), one.on, one.source)
                for one in sorted(found, key=strength)[:EVIDENCE_SHOWN]
            )
            answers.append(msgspec.structs.replace(answer, evidence=shown))
        return encode(answers)

    def _supplier_verdicts(self, lot: LotMatch, ordinals: Sequence[int]) -> list[SupplierVerdicts]:
        """The verdicts on each supplier for the lot's reserved types, its past awards taken into account."""
        if not lot.reserved_types or not ordinals:
            return [NOT_JUDGED] * len(ordinals)
        facts = lot.live.base.columns.facts.facts_at(np.array(ordinals, dtype=np.int32))
        judge = judge_of(lot.reserved_types, self.on, self.reference.rules, self.contract, self.language)
        bars = (lot.ess_bars.get(ordinal) for ordinal in ordinals)
        return [judge(each, bar.awards if bar else ()) for each, bar in zip(facts, bars, strict=True)]


def ranked_list(candidates: Iterable[bytes]) -> bytes:
    """Unranked candidates in order as a list in JSON, each with its rank put before it."""
    return b"[%b]" % b",".join([b'{"rank":%d%b' % (rank, row) for rank, row in enumerate(candidates, 1)])
