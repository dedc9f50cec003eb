"""The route `POST /match`: an explained shortlist for a need; nothing is stored."""

import time
from collections.abc import Callable
from datetime import date
from uuid import UUID

import msgspec

from api.runtime.endpoint import Call, endpoint
from api.runtime.processes.match_processes import MatchTask
from api.web.content_negotiation import GEOJSON, JSON
from domain.needs.need import Need, NeedAndProcedure
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language
from matching.engine import match, match_json
from matching.index.live_index import LiveIndex
from matching.reference import Reference

MatchAnswer = Callable[[Need, LiveIndex, Reference, date, Language], bytes]
MATCH_PROBLEMS = ("too-many-requests", "match-not-finished", "not-ready")
"""The problems of routes that match, besides those of the need."""


class PointGeometry(msgspec.Struct, frozen=True, tag_field="type", tag="Point"):
    """GeoJSON Point."""

    coordinates: tuple[float, float]
    """Longitude, then latitude, in degrees (WGS 84)"""


class CandidateProperties(msgspec.Struct, frozen=True):
    """The properties of a candidate of one lot on a map."""

    lot: str
    """Id of the lot in the need"""
    rank: int
    """In that lot, from 1; for sourcing, no criterion of award"""
    supplier: UUID
    """UUID, as in `GET /suppliers/{id}`"""
    name: str
    """Its legal or usual name"""
    distance_km: float | None
    """Kilometres to the site, else to the territory, for sourcing; null: no location"""


class CandidateFeature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """One candidate of one lot; without geometry where its place is not known."""

    geometry: PointGeometry | None
    """Null: its place is not known"""
    properties: CandidateProperties
    """Less than the shortlist has"""


class CandidateFeatureCollection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """The candidates of a shortlist as GeoJSON (RFC 7946)."""

    features: tuple[CandidateFeature, ...]
    """One for each candidate and lot"""


@endpoint(
    "POST",
    "/match",
    tag="Match",
    scope="match",
    answers={JSON: Shortlist, GEOJSON: CandidateFeatureCollection},
    file="candidats",
    problems=("unknown-territory", "unknown-segment", "outside-france", *MATCH_PROBLEMS),
    example="need",
)
async def match_need(call: Call, body: NeedAndProcedure) -> bytes:
    """Match a need.

    Answers, for each lot, the suppliers that fit and why, in an order that can be read aloud; those that nearly fit and
    what they lack; how many candidates each segment has; and what another reservation or radius would change.
    Nothing is stored: the same need on the same data gives the same answer. Distance helps to know whom to talk to
    before the contract; neither it nor where a supplier stands is a lawful criterion of selection or award.

    What a match takes, and how large its answer is, is estimated before: large ones wait their turn, and are given up
    after a while (503) or where the client hangs up. 422 where the answer would be too large, with the number of lots
    to ask for at a time.
    """
    return await matched(call, body.matched, match_map if call.media_type == GEOJSON else match_json)


async def matched(call: Call, need: Need, answer: MatchAnswer, besides: Need | None = None) -> bytes:
    """The `answer` to a need on the suppliers of now: at once where that takes little, else in turn with others.

    `besides`: a need of which the answer takes as much more, where it does. Raises InvalidContent for a need that is
    not in order, and Refusal: 429, 503.
    """
    services, work = call.services, call.services.match_work
    index, on = services.directory.index, need.on or services.today()
    started = time.perf_counter()
    if work.is_little(need, index) and (besides is None or work.is_little(besides, index)):
        answered = answer(need, index, services.reference, on, call.language)
    else:
        task = MatchTask(answer, need, index, on, call.language)
        answered = await work.run(task, str(call.bearer.organisation_id), call.wait_for_disconnect)
    services.metrics.match_seconds.observe(time.perf_counter() - started)
    return answered


def match_map(need: Need, index: LiveIndex, reference: Reference, on: date, language: Language) -> bytes:
    """The candidates of a need as features, as GeoJSON. Arguments and errors are those of `match`."""
    return msgspec.json.encode(candidate_map(match(need, index, reference, on, language)))


def candidate_map(shortlist: Shortlist) -> CandidateFeatureCollection:
    """The candidates of all lots as features, one per supplier and lot."""
    features = []
    for lot in shortlist.lots:
        for candidate in lot.candidates:
            supplier, at = candidate.supplier, candidate.supplier.location
            geometry = PointGeometry((at.lon, at.lat)) if at else None
            properties = CandidateProperties(lot.id, candidate.rank, supplier.id, supplier.name, candidate.distance_km)
            features.append(CandidateFeature(geometry, properties))
    return CandidateFeatureCollection(tuple(features))


ROUTES = (match_need,)
