"""Routes of needs: described once, matched when it is time, followed from draft to closed."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.match import MATCH_PROBLEMS
from api.needs.edit_need import NeedChange, NeedDocument, delete_draft, edit_need, need_document, plan_need
from api.needs.own_need import own_need
from api.needs.shortlist_versions import MatchedNeed, ToMatch, frozen_body, match_need, new_need_to_match
from api.runtime.actor import Acting, acting_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get
from api.runtime.idempotency import IDEMPOTENCY_KEY, created, is_answered, once
from api.web.content_negotiation import JSON
from api.web.pagination import Page, Paging, paged
from api.web.request_body import Patch, patched
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from db.needs.needs import NeedFilters, select_needs
from domain.errors import Conflict, NotFound
from domain.needs.need import PlannedNeed, Procedure, ShortText
from domain.needs.status import Status, StoredNeed
from domain.shortlists.shortlist import Shortlist

TAG = "Needs"
NEED_PROBLEMS = ("unknown-territory", "unknown-segment", "outside-france", *MATCH_PROBLEMS)
needs_endpoint = partial(endpoint, tag=TAG, scope="needs")
needs_creation = partial(needs_endpoint, "POST", status=201, headers=IDEMPOTENCY_KEY)


class CreatedNeed(msgspec.Struct, frozen=True):
    """A new need and its first shortlist."""

    need: NeedDocument
    """As it was stored"""
    shortlist: Shortlist
    """Its first shortlist, frozen as version 1"""


class LotTitle(msgspec.Struct, frozen=True):
    """A lot by its id and its title."""

    id: str
    """That of the lot in the need"""
    title: str | None
    """In the buyer's words; null: none"""


class NeedSummary(msgspec.Struct, frozen=True):
    """A need, in a list of needs."""

    id: UUID
    """UUID, as in `GET /needs/{id}`"""
    status: Status
    """`closed` and `abandoned` are final"""
    version: int
    """Counts its changes, from 1"""
    reference: ShortText | None
    """The buyer's own; null: none"""
    title: ShortText | None
    """In the buyer's words; null: none"""
    procedure: Procedure | None
    """The procedure of award that is planned; null: not known"""
    planned_publication_on: date | None
    """The planned day of the notice; null: not known"""
    lots: tuple[LotTitle, ...]
    """In the order of the need"""
    shortlists: int
    """The number of versions frozen"""
    created_at: datetime
    """The moment it was stored"""
    updated_at: datetime
    """The moment of its last change"""


class NeedsQuery(Paging, frozen=True, kw_only=True):
    """Filters of a list of needs; without any, all of the organisation's."""

    status: (
        Annotated[tuple[Status, ...], msgspec.Meta(description="One of these; may be given more than once")] | None
    ) = None
    planned_from: Annotated[date, msgspec.Meta(description="Publication planned on this day or later")] | None = None
    planned_to: Annotated[date, msgspec.Meta(description="Publication planned on this day or before")] | None = None


@needs_creation("/needs", answers=CreatedNeed, problems=(*NEED_PROBLEMS, "storage-quota"), example="planned-need")
async def create_need(call: Call, body: PlannedNeed) -> Response[bytes]:
    """Create a need, and freeze its first shortlist.

    The body is that of `POST /match`, with what the need is for (`description`), when its notice is planned and by
    which procedure. It begins as a `draft`. The shortlist, in the language of the request, is version 1: read it again
    at `GET /needs/{id}/shortlists/1`, word for word. It also warns (`NO_SPLIT_TO_EVADE`) where the need is below a
    threshold that it passes together with the organisation's other needs of its family and year.
    """
    services, acting = call.services, acting_of(call)
    async with services.matches.place_of(str(acting.organisation_id)):
        matched = await matched_first(call, acting, partial(new_need_to_match, content=body))
        async with transaction(services.database) as connection:
            return await _created(call, connection, body, matched)


async def matched_first(
    call: Call, acting: Acting, to_match: Callable[[Connection, Acting], Awaitable[ToMatch]]
) -> MatchedNeed | None:
    """The need that a request is about, matched while no connection is held; None where it was answered already."""
    try:
        async with transaction(call.services.database) as connection:
            if await is_answered(call, connection):
                return None
            wanted = await to_match(connection, acting)
    except (Conflict, NotFound):
        async with transaction(call.services.database) as connection:
            # the same request, sent twice at once, may have been answered meanwhile
            if await is_answered(call, connection):
                return None
        raise
    return await match_need(acting, wanted)


async def _created(
    call: Call, connection: Connection, body: PlannedNeed, matched: MatchedNeed | None
) -> Response[bytes]:
    acting, shortlist = acting_of(call), b""

    async def carry_out() -> Answer:
        nonlocal shortlist
        need, shortlist = await plan_need(connection, acting, body, matched)
        document = need_document(need)
        # without the shortlist: it is stored as a version, and not once more under an Idempotency-Key
        return created({"need": document}, f"/needs/{need.id}", document.etag)

    async def completed(answer: Answer) -> Answer:
        whole = msgspec.json.decode(answer.body, type=dict[str, msgspec.Raw])
        if "shortlist" not in whole:
            need_id = UUID(answer.headers["location"].rpartition("/")[2])
            whole["shortlist"] = msgspec.Raw(shortlist or await frozen_body(connection, acting, need_id, 1))
        return msgspec.structs.replace(answer, body=msgspec.json.encode(whole))

    return await once(call, connection, body, carry_out, completed=completed)


@needs_endpoint("GET", "/needs", answers=Page[NeedSummary])
async def list_needs(call: Call, query: NeedsQuery) -> Response[bytes]:
    """The organisation's needs, the newest first."""
    filters = NeedFilters(query.status, query.planned_from, query.planned_to)
    async with transaction(call.services.database) as connection:
        fetch = partial(select_needs, connection, call.bearer.organisation_id, filters)
        return await paged(call, query, "needs", UUID, fetch, show=_summary)


@needs_endpoint("GET", "/needs/{id}", answers=NeedDocument, status=(200, 304), headers=IF_NONE_MATCH)
async def get_need(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """A need as it is now."""
    async with transaction(call.services.database) as connection:
        need = await own_need(connection, call.bearer.organisation_id, id)
    return conditional_get(call, need_document(need))


@needs_endpoint(
    "PATCH",
    "/needs/{id}",
    answers=NeedDocument,
    patch=NeedChange,
    headers=IF_MATCH,
    problems=("conflict", "stale-version", *NEED_PROBLEMS),
    example="need-change",
)
async def update_need(call: Call, id: UUID, body: Patch) -> Response[bytes]:  # noqa: A002
    """Change a need, or move it on.

    Lists (`lots` too) are replaced as a whole. Status: draft → sourcing → published → closed, or abandoned from any but
    closed; 409 names the moves that are allowed. Once published, only `reference`, `title` and `description` change
    besides the status; what is closed or abandoned stays as it is. Frozen shortlists do not change with the need:
    `POST /needs/{id}/shortlists` matches it again.
    """

    def edit(before: NeedDocument) -> NeedChange:
        return patched(before, body, NeedChange)

    known, status_only = call.headers.get("if-match"), body.keys() == {"status"}
    after = await edit_need(acting_of(call), id, known, edit, status_only=status_only)
    return Response(msgspec.json.encode(after), headers={"content-type": JSON, "etag": after.etag})


@needs_endpoint(
    "DELETE", "/needs/{id}", answers=None, status=204, headers=IF_MATCH, problems=("conflict", "stale-version")
)
async def delete_need(call: Call, id: UUID) -> None:  # noqa: A002
    """Delete a draft, with its shortlists.

    409 for a need that has left `draft`, or about which there are exchanges or awards: abandon it. The journal keeps
    its entries.
    """
    await delete_draft(acting_of(call), id, call.headers.get("if-match"))


ROUTES = (create_need, list_needs, get_need, update_need, delete_need)


def _summary(need: StoredNeed) -> NeedSummary:
    fields = msgspec.structs.asdict(need.content) | msgspec.structs.asdict(need)
    return msgspec.convert(fields, NeedSummary, from_attributes=True)
