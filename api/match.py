"""Routes that answer a need and store nothing: `POST /match`, an explained shortlist; `POST /allotment`, proposals of
lots; `POST /notices`, a published notice read as a need.
"""

import time
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from api.runtime.endpoint import Call, endpoint
from api.runtime.processes.match_work import FunctionTask, MatchTask
from api.web.content_negotiation import GEOJSON, JSON, XML
from api.web.problems import Refusal
from api.web.request_body import JsonBody, missing_body, require_coding, require_media, whole_body
from domain.allotment.allotment import Allotment, AllotmentNeed
from domain.needs.need import Need, NeedAndProcedure
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language
from matching.allotment.allot import allot_json, search_ms
from matching.engine import match, match_json
from matching.index.live_index import LiveIndex
from matching.reference import Reference
from sources.notices.element import MalformedNotice
from sources.notices.need_of_notice import NoticeNeed, need_in_record, need_in_xml

MatchAnswer = Callable[[Need, LiveIndex, Reference, date, Language], bytes]
MATCH_PROBLEMS = ("too-many-requests", "match-not-finished", "not-ready")
"""The problems of routes that match, besides those of the need."""


TEXT_XML = "text/xml"
IN_A_THREAD_BYTES, IN_A_THREAD_TAGS = 128 << 10, 4_000
"""A larger notice is read in another process: in a thread its parser keeps requests waiting for the interpreter."""
RECORD: JsonBody[dict[str, Any]] = JsonBody(dict[str, Any])


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
    return await answer_match(call, body.matched, match_map if call.media_type == GEOJSON else match_json)


async def answer_match(
    call: Call, need: Need, answer: MatchAnswer, other_need: Need | None = None, index: LiveIndex | None = None
) -> bytes:
    """Match a need by `answer` (`other_need` too, if any): at once if that is small, else in a thread or process.

    `index`: of the suppliers; by default with what the caller's organisation noted of them.
    Raises InvalidContent for a need that is not in order, and Refusal: 429, 503.
    """
    services, work = call.services, call.services.match_work
    index = index or services.directory.index_for(call.bearer.organisation_id)
    on = need.on or services.today()
    started = time.perf_counter()
    if work.is_small(need, index) and (other_need is None or work.is_small(other_need, index)):
        answered = answer(need, index, services.reference, on, call.language)
    else:
        task = MatchTask(answer, need, index, on, call.language)
        answered = await work.run(task, str(call.bearer.organisation_id), call.wait_for_disconnect)
    services.metrics.match_seconds.observe(time.perf_counter() - started)
    return answered


def match_map(need: Need, index: LiveIndex, reference: Reference, on: date, language: Language) -> bytes:
    """The candidates of a need as GeoJSON features, in JSON. Arguments and errors are those of `match`."""
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


@endpoint(
    "POST",
    "/allotment",
    tag="Match",
    scope="match",
    answers=Allotment,
    problems=("unknown-territory", "unknown-segment", "outside-france", *MATCH_PROBLEMS),
    example="allotment",
)
async def search_proposals(call: Call, body: AllotmentNeed) -> bytes:
    """Propose lots for a need.

    Each lot is something to be bought, that may be divided by segment, by departement or EPCI, and joined with others
    of the same family and terms. Answers the figures of the lots as they are given, and at most five proposals, each
    lot with the counts that `POST /match` gives for it. The order: fewer lots without supply; more lots with
    competition; more suppliers that answer a whole lot alone; more lots that can be reserved with competition; fewer
    lots; a draw. Where not every division was looked at, it says which.

    A reservation is proposed only where the law allows it and `min_candidates` stay eligible. Values are divided only
    where the buyer gave them by segment (`values_eur`). The procedure is that of the value of all lots, whatever they
    are (R2121-1). 422 where there is too much to divide; what takes long waits its turn, as in `POST /match`.
    """
    return await answer_allotment(call, body)


async def answer_allotment(call: Call, asked: AllotmentNeed) -> bytes:
    """The proposals of lots for a need, on the suppliers in the index, as JSON.

    Raises InvalidContent for a need that is not in order or that has too much to divide, and Refusal: 429, 503.
    """
    services, work = call.services, call.services.match_work
    on = asked.on or services.today()
    # rows are not returned: how many the need asks for is of no account
    need = msgspec.structs.replace(asked, limit=1, near_misses=0)
    index = services.directory.index_for(call.bearer.organisation_id)
    task = MatchTask(allot_json, need, index, on, call.language, besides_ms=search_ms(need, index.next_ordinal))
    return await work.run(task, str(call.bearer.organisation_id), call.wait_for_disconnect)


class UnreadPart(msgspec.Struct, frozen=True):
    """A part of the notice that the need lacks or says otherwise."""

    path: str
    """Its place in the notice; numbers begin at 1"""
    detail: str
    """The reason, in the language of the request"""


class ReadNotice(msgspec.Struct, frozen=True):
    """A need as `POST /match` and `POST /needs` take it."""

    need: NeedAndProcedure
    """To be sent as it is, or completed"""
    unread: tuple[UnreadPart, ...]
    """Parts of the notice that are not in it"""


@endpoint(
    "POST",
    "/notices",
    tag="Match",
    scope="match",
    answers=ReadNotice,
    takes={XML: str, TEXT_XML: str, JSON: dict[str, Any]},
    problems=MATCH_PROBLEMS[:2],
    example="notice",
)
async def get_need_of_notice(call: Call) -> ReadNotice:
    """Read a notice as a need.

    Takes an eForms notice or a form of TED that preceded eForms, in XML, or a record of the BOAMP API, in JSON. Answers
    with its lots, CPV codes, places, values, durations, renewals, reservation, procedure and buyer as a body for
    `POST /match`, and with what was not read: first what could not be read or was read on a supposition, then the parts
    that a need has no place for. Of more than 200 lots the first are read. Where lots are reserved and neither
    the field nor the text tells handicap and insertion apart, they are read as open to both. Nothing is stored.

    422 for a document type or entity declaration, whatever it holds, and for a notice without lots.
    """
    media = require_media(call.headers, (XML, TEXT_XML, JSON))
    require_coding(call.headers, ("identity",))
    services = call.services
    raw = await whole_body(call, services.settings.body_limit, call.share_of_body)
    if not raw.strip():
        raise missing_body()
    found = await need_of_notice(call, raw, is_json=media == JSON)
    return ReadNotice(found.need, tuple(UnreadPart(each.path, each.detail.to(call.language)) for each in found.unread))


async def need_of_notice(call: Call, raw: bytes, *, is_json: bool) -> NoticeNeed:
    """Read the need in a notice, in a thread or process. Raises Refusal (400, 429, 503) and InvalidContent (422)."""
    # of very many elements, too: they cost more than their bytes
    is_much = len(raw) > IN_A_THREAD_BYTES or raw.count(b"<") + raw.count(b'":') > IN_A_THREAD_TAGS
    task = FunctionTask(need_of_document, (raw, is_json), is_much)
    return await call.services.match_work.run(task, str(call.bearer.organisation_id), call.wait_for_disconnect)


def need_of_document(reference: Reference, raw: bytes, is_json: bool) -> NoticeNeed:
    """Read the need in a notice, in JSON or XML. Raises Refusal (400) and InvalidContent (422)."""
    try:
        if is_json:
            record = RECORD.decode(raw.removeprefix(b"\xef\xbb\xbf"))
            return need_in_record(record, reference)
        return need_in_xml(raw, reference)
    except MalformedNotice as malformed:
        raise Refusal("malformed-body", malformed.detail) from None
