"""Routes of frozen shortlists, of the buyer's decisions on them, and of equal treatment of the suppliers they list."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from operator import attrgetter
from uuid import UUID

import msgspec
from litestar import Response

from api.match import MATCH_PROBLEMS, CandidateFeatureCollection, candidate_map
from api.needs.decide import DecisionChange, decide
from api.needs.own_need import own_need, version_of
from api.needs.routes import NEED_PROBLEMS, matched_first, needs_creation, needs_endpoint
from api.needs.shortlist_versions import MatchedNeed, compared, freeze_shortlist, frozen_body, own_need_to_match
from api.runtime.actor import acting_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, require_match
from api.runtime.idempotency import created, once
from api.web.content_negotiation import GEOJSON, JSON
from api.web.pagination import Page, Paging, paged
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import exchanges_of
from db.idempotency import Answer
from db.meetings import meetings_of
from db.needs.shortlists import earlier_decisions, select_decisions, select_shortlist, select_shortlists
from db.suppliers.write import survivors
from domain.equal_treatment.matrix import EqualTreatment, equal_treatment
from domain.errors import NotFound
from domain.needs.status import NO_NEED
from domain.shortlists.diff import ShortlistDiff
from domain.shortlists.frozen import Decision, DecisionCode, DecisionKey, ShortlistVersion
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language


class DecisionDocument(DecisionKey, frozen=True):
    """The buyer's decision on a supplier for a lot."""

    decision: DecisionCode | None
    """`kept` or `set_aside`; null: none, or it was withdrawn"""
    reason: str | None
    """In words; null: none given"""
    decided_at: datetime | None
    """The moment it was last changed; null without a decision"""


@needs_creation("/needs/{id}/shortlists", answers=Shortlist, problems=("conflict", "storage-quota", *NEED_PROBLEMS))
async def create_shortlist(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """Match a need again, as it is now, and freeze the answer as its next version.

    Takes no body. `Location` names the version. Decisions on earlier versions stay with them. 409 once the need is
    closed or abandoned.
    """
    services, acting = call.services, acting_of(call)
    async with services.matches.place_of(str(acting.organisation_id)):
        matched = await matched_first(call, acting, partial(own_need_to_match, need_id=id))
        async with transaction(services.database) as connection:
            return await _created(call, connection, id, matched)


async def _created(call: Call, connection: Connection, need_id: UUID, matched: MatchedNeed | None) -> Response[bytes]:
    acting, shortlist = acting_of(call), b""

    async def carry_out() -> Answer:
        nonlocal shortlist
        number, shortlist = await freeze_shortlist(connection, acting, need_id, matched)
        answer = created(None, f"/needs/{need_id}/shortlists/{number}", etag_of(shortlist))
        # it is stored as a version, and not once more under an Idempotency-Key
        return msgspec.structs.replace(answer, body=b"")

    async def completed(answer: Answer) -> Answer:
        number = int(answer.headers["location"].rpartition("/")[2])
        body = answer.body or shortlist or await frozen_body(connection, acting, need_id, number)
        return msgspec.structs.replace(answer, body=body)

    return await once(call, connection, b"", carry_out, completed=completed)


@needs_endpoint("GET", "/needs/{id}/shortlists", answers=Page[ShortlistVersion])
async def list_shortlists(call: Call, id: UUID, query: Paging) -> Response[bytes]:  # noqa: A002
    """The versions of a need's shortlist, the latest first, each with its stamp and its numbers of candidates."""
    organisation = call.bearer.organisation_id
    async with transaction(call.services.database) as connection:
        await own_need(connection, organisation, id)
        fetch = partial(select_shortlists, connection, organisation, id)
        return await paged(call, query, f"shortlists/{id}", int, fetch, key=attrgetter("number"))


@needs_endpoint(
    "GET",
    "/needs/{id}/shortlists/{n}",
    answers={JSON: Shortlist, GEOJSON: CandidateFeatureCollection},
    file="candidats",
    status=(200, 304),
    headers=IF_NONE_MATCH,
)
async def get_shortlist(call: Call, id: UUID, n: str) -> Response[bytes]:  # noqa: A002
    """A version, byte for byte as it was first answered, with the suppliers as they were.

    `latest` in the place of the number: the last one.
    """
    async with transaction(call.services.database) as connection:
        frozen = await version_of(connection, call.bearer.organisation_id, id, n)
    if call.media_type == GEOJSON:
        drawn = await asyncio.to_thread(lambda: msgspec.json.encode(candidate_map(frozen.shortlist)))
        return conditional_get(call, drawn, GEOJSON)
    return conditional_get(call, frozen.body)


@needs_endpoint(
    "PATCH",
    "/needs/{id}/shortlists/{n}/suppliers/{supplier_id}",
    answers=DecisionDocument,
    patch=DecisionChange,
    headers=IF_MATCH,
    problems=("conflict", "stale-version"),
    example="decision",
)
async def update_decision(
    call: Call,
    id: UUID,  # noqa: A002
    n: str,
    supplier_id: UUID,
    body: DecisionChange,
) -> Response[bytes]:
    """Keep a supplier of a version, or set it aside, with a reason.

    For one lot, of which it is a candidate, a near miss or of unknown trade. A new decision without a `reason` has
    none; `decision` null withdraws it. The version itself does not change, nor do decisions on other versions. Earlier
    decisions are in the journal, without their reasons. 409 once the need is closed or abandoned.
    """
    key = DecisionKey(body.lot_id, supplier_id)

    def check(decisions: Mapping[DecisionKey, Decision]) -> None:
        before = decisions.get(key)
        require_match(call, None if before is None else _etag(_document(key, before)))

    async with transaction(call.services.database) as connection:
        (decided,) = await decide(connection, acting_of(call), id, n, [(supplier_id, body)], check)
    after = _document(key, decided)
    return Response(msgspec.json.encode(after), headers={"content-type": JSON, "etag": _etag(after)})


@needs_endpoint("GET", "/needs/{id}/shortlists/{n}/decisions", answers=Page[Decision])
async def list_decisions(call: Call, id: UUID, n: str, query: Paging) -> Response[bytes]:  # noqa: A002
    """The decisions on the suppliers of a version, by lot."""
    async with transaction(call.services.database) as connection:
        frozen = await version_of(connection, call.bearer.organisation_id, id, n)
        fetch = partial(select_decisions, connection, call.bearer.organisation_id, id, frozen.number)
        name = f"decisions/{id}/{frozen.number}"
        return await paged(call, query, name, DecisionKey, fetch, key=lambda it: DecisionKey(it.lot_id, it.supplier_id))


@needs_endpoint("GET", "/needs/{id}/shortlists/{n}/diff/{m}", answers=ShortlistDiff, problems=MATCH_PROBLEMS)
async def compare_shortlists(call: Call, id: UUID, n: str, m: str) -> ShortlistDiff:  # noqa: A002
    """The differences between two versions.

    From version `n` to version `m`, lot by lot: who came, who left and who moved, near misses refused for another
    reason, and what was decided otherwise; for whoever came or left, why it is not on the other version. What a version
    does not say itself is found with its need and day and the data of today: the message says so where these have
    changed since. Any two versions can be compared, in either direction; `latest` names the last.
    """
    return await compared(acting_of(call), id, n, m)


def _document(key: DecisionKey, decision: Decision | None) -> DecisionDocument:
    if decision is None:
        return DecisionDocument(key.lot_id, key.supplier_id, None, None, None)
    return msgspec.convert(decision, DecisionDocument, from_attributes=True)


def _etag(decision: DecisionDocument) -> str:
    return etag_of(msgspec.json.encode(decision))


@endpoint("GET", "/needs/{id}/equal-treatment", tag="Exchanges", scope="needs", answers=EqualTreatment)
async def get_equal_treatment(call: Call, id: UUID) -> EqualTreatment:  # noqa: A002 - as the contract names it
    """Equal treatment of the suppliers of a need's latest shortlist: the matrix, and the gaps.

    For each supplier: whether and why it was contacted, what it was told and when, what it answered, where it was met,
    and its gaps. Those contacted or met beside the shortlist come last. A gap of the document is one thing with all who
    lack it: `not_contacted`, `missed_information`, `missed_answer`, `missed_correction`, `answer_not_shared`,
    `not_delivered`, `late_information` (more than a week after the first), `question_unanswered`, `not_invited`. A
    supplier lacks nothing that is about lots of others, or that came after it was set aside; one that nobody wrote to
    lacks a contact, not each message. To close a gap, send the same words; what is said to one supplier and is of no
    use to others is sent `confidential`.

    For the buyer alone: `published` marks questions whose author suppliers must not learn, `to_one` what was told to
    one, `confidential` what others must not read.
    """
    async with transaction(call.services.database) as connection:
        return await treatment_of(connection, call.bearer.organisation_id, id, call.language)


async def treatment_of(connection: Connection, organisation: UUID, need_id: UUID, language: Language) -> EqualTreatment:
    """The matrix of the organisation's need, its sentences in that language. Raises NotFound."""
    version = await select_shortlist(connection, organisation, need_id, None)
    if version is None:
        raise NotFound(NO_NEED)
    exchanges = await exchanges_of(connection, organisation, need_id)
    meetings = await meetings_of(connection, organisation, need_id)
    listed = {each.supplier.id for lot in version.shown_lots for each in lot.candidates}
    written_to = {each.supplier_id for exchange in exchanges for each in exchange.recipients}
    met = {each.supplier_id for meeting in meetings for each in meeting.participants if each.supplier_id}
    living = await survivors(connection, listed | written_to | met)
    earlier = await earlier_decisions(connection, organisation, need_id, version.number)
    return await asyncio.to_thread(equal_treatment, version, exchanges, meetings, language, living, earlier)


ROUTES = (create_shortlist, list_shortlists, get_shortlist, list_decisions, update_decision, compare_shortlists)
EQUAL_TREATMENT_ROUTES = (get_equal_treatment,)
