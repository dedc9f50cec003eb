"""The route `POST /match`: an explained shortlist for a need; nothing is stored."""

import asyncio
import time
from datetime import date
from uuid import UUID

import msgspec

from api.runtime.endpoint import Call, endpoint
from api.web.content_negotiation import GEOJSON, JSON
from domain.needs.need import Need
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language
from matching.engine import match, match_json
from matching.index import LiveIndex
from matching.preparation import are_places_known
from matching.reference import Reference

LOTS_ON_THE_LOOP = 8
"""A larger need is matched in a thread, so that other requests are not kept waiting for it; so is one for places that
nobody asked for lately."""


class PointGeometry(msgspec.Struct, frozen=True, tag_field="type", tag="Point"):
    """GeoJSON Point: longitude, then latitude."""

    coordinates: tuple[float, float]


class CandidateProperties(msgspec.Struct, frozen=True):
    """The properties of a candidate of one lot on a map. Rank and distance are for sourcing: no criterion of award."""

    lot: str
    rank: int
    supplier: UUID
    name: str
    distance_km: float | None


class CandidateFeature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """One candidate of one lot; without geometry where its place is not known."""

    geometry: PointGeometry | None
    properties: CandidateProperties


class CandidateFeatureCollection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """The candidates of a shortlist as GeoJSON (RFC 7946)."""

    features: tuple[CandidateFeature, ...]


@endpoint(
    "POST",
    "/match",
    tag="Match",
    scope="match",
    answers={JSON: Shortlist, GEOJSON: CandidateFeatureCollection},
    problems=("unknown-territory", "unknown-segment", "outside-france", "not-ready"),
    example="need",
)
async def match_need(call: Call, body: Need) -> bytes:
    """Match a need.

    Answers, for each lot, the suppliers that fit and why, in an order that can be read aloud; those that nearly fit and
    what they lack; how many candidates each segment has; and what another reservation or radius would change.
    Nothing is stored: the same need on the same data gives the same answer. Distance helps to know whom to talk to
    before the contract; neither it nor where a supplier stands is a lawful criterion of selection or award.
    """
    services = call.services
    answer = match_map if call.media_type == GEOJSON else match_json
    index, reference = services.directory.index, services.reference
    arguments = body, index, reference, body.on or services.today(), call.language
    started = time.perf_counter()
    if len(body.lots) <= LOTS_ON_THE_LOOP and are_places_known(body, index, reference.geography):
        answered = answer(*arguments)
    else:
        async with services.long_matches:
            answered = await asyncio.to_thread(answer, *arguments)
    services.metrics.matched(time.perf_counter() - started)
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
