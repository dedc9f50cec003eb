"""The offers of candidates in words: what they answer, and why they are listed. Put together from parts worded once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.needs.need import Place
from domain.reference.taxonomy import Taxonomy
from domain.shortlists.shortlist import Presence, Reason, SegmentAnswer
from domain.suppliers.supplier import BASES
from domain.text.bilingual import Language
from matching import messages
from matching.lot_match import LotMatch
from matching.lot_query import Subject
from matching.offers import (
    FITS,
    LOCAL,
    NO_OFFER,
    OFFERED,
    PER_BASIS,
    PER_FIT,
    PRESENCE_OF_AREA,
    PRESENCES,
    RELATED,
    offers_for,
)
from matching.service_areas import GROUND
from matching.supplier_columns import Ordinals

CACHED_ANSWERS, CACHED_DISTANCES = 16_384, 16_384

encode = msgspec.json.encode


class Answers(NamedTuple):
    """The parts that candidates of the same worths share; `reasons` in JSON, without brackets and distance."""

    presence: Presence
    segments: tuple[SegmentAnswer, ...]
    segments_json: msgspec.Raw
    are_declared: bool
    reasons: bytes


class _Answer(NamedTuple):
    """An offer for a wanted segment, and the reason that it is, in JSON."""

    segment: SegmentAnswer
    segment_json: bytes
    reason: bytes


def answers(taxonomy: Taxonomy, language: Language, subject: Subject, worths: Sequence[int]) -> Answers:
    """The words for the offers with these worths, one per wanted segment."""
    parts, bases, best = [], set(), len(PRESENCES) - 1
    for place, (wanted, worth) in enumerate(zip(subject.wanted, worths, strict=True)):
        if worth >= NO_OFFER:
            continue
        is_object = place < len(subject.objects)
        parts.append(_answer(taxonomy, language, wanted, worth, is_object))
        if is_object and worth < RELATED * PER_FIT:
            best = min(best, worth % PER_BASIS // OFFERED)
            bases.add(BASES[worth % PER_FIT // PER_BASIS])
    reasons = [part.reason for part in parts]
    reasons += [_basis_reason(basis, language) for basis in BASES[1:] if basis in bases]
    presence = PRESENCES[best]
    return Answers(
        presence,
        tuple([part.segment for part in parts]),
        msgspec.Raw(b"[%b]" % b",".join([part.segment_json for part in parts])),
        all(part.segment.basis == BASES[0] for part in parts),
        b",".join((*reasons, _presence_reason(presence, language))),
    )


@lru_cache(CACHED_ANSWERS)
def _answer(taxonomy: Taxonomy, language: Language, wanted: str, worth: int, is_object: bool) -> _Answer:
    offered, fit = offers_for(wanted, taxonomy)[worth % OFFERED][0], FITS[worth // PER_FIT]
    role: Literal["object", "support"] = "object" if is_object else "support"
    answer = SegmentAnswer(wanted, offered, fit, BASES[worth % PER_FIT // PER_BASIS], role)
    said = messages.fit(fit, taxonomy.label(wanted), taxonomy.label(offered))
    return _Answer(answer, encode(answer), encode(Reason(f"segment_{fit}", said.to(language))))


@lru_cache(16)
def _basis_reason(basis: str, language: Language) -> bytes:
    said = messages.AWARDED if basis == "awarded" else messages.INFERRED
    return encode(Reason(f"basis_{basis}", said.to(language)))


@lru_cache(16)
def _presence_reason(presence: Presence, language: Language) -> bytes:
    return encode(Reason(f"presence_{presence}", messages.PRESENCE[presence].to(language)))


def distance_reason(distance_km: float | None, site: Place | None, is_placed: bool, language: Language) -> bytes:
    """The reason that tells a distance, in JSON, behind a comma."""
    if distance_km is not None and distance_km > messages.IN_METRES_KM:
        distance_km = round(distance_km, 1)  # no more is told
    return _distance_reason(distance_km, site and (COMMUNE if site.commune else POINT), is_placed, language)


@lru_cache(CACHED_DISTANCES)
def _distance_reason(distance_km: float | None, site: Place | None, is_placed: bool, language: Language) -> bytes:
    said = messages.distance(distance_km, site, is_placed)
    return b"," + encode(Reason("distance", said.to(language)))


COMMUNE, POINT = Place(commune="00000"), Place()
"""A site of each kind: no more is told of it."""


def worths(lot: LotMatch, ordinals: Ordinals, answering: NDArray[np.int16]) -> list[tuple[int, ...]]:
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
