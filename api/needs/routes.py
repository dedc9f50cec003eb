"""Needs that are kept: described once, matched when it is time, followed from draft to closed."""

import asyncio
from datetime import date, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.needs.freeze_shortlist import freeze_matched, match_need, matchable
from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, etag_of, require_match, unless_known
from api.runtime.idempotency import HEADERS, once
from api.web.content_negotiation import JSON
from api.web.merge_patch import Patch, patched
from api.web.pagination import Page, Paging, paged
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from db.needs.needs import NeedFilters, create_need, delete_need, get_need, hold_need, list_needs, save_need
from domain.errors import Conflict, NotFound
from domain.needs.need import PlannedNeed, Procedure, ShortText
from domain.needs.status import MOVES, Status, StoredNeed, changed_fields, require_change, require_move
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Text

TAG = "Needs"
LIST = "needs"
NO_NEED = Text("Aucun besoin de cet identifiant", "No need of this id")
ABANDON_IT = Text(
    'Seul un brouillon (« draft ») s\'efface ; ce besoin s\'abandonne : PATCH {"status": "abandoned"}',
    'Only a draft can be deleted; this need can be abandoned: PATCH {"status": "abandoned"}',
)


class NeedChange(PlannedNeed, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can change of a need: its content, and its status."""

    status: Status


class NeedDocument(NeedChange, frozen=True, kw_only=True):
    """A need as it is kept. `version` counts its changes, from 1."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    ended_at: datetime | None


class NewNeed(msgspec.Struct, frozen=True):
    """A need that was just kept, and its first shortlist."""

    need: NeedDocument
    shortlist: Shortlist


class LotTitle(msgspec.Struct, frozen=True):
    """A lot, in a list of needs."""

    id: str
    title: str | None


class NeedSummary(msgspec.Struct, frozen=True):
    """A need, in a list of needs. `shortlists`: how many versions were frozen."""

    id: UUID
    status: Status
    version: int
    reference: ShortText | None
    title: ShortText | None
    procedure: Procedure | None
    planned_publication_on: date | None
    lots: tuple[LotTitle, ...]
    shortlists: int
    created_at: datetime
    updated_at: datetime


class NeedsQuery(Paging, frozen=True, kw_only=True):
    """Which needs: all of the organisation's, unless narrowed."""

    status: (
        Annotated[tuple[Status, ...], msgspec.Meta(description="One of these; may be given more than once")] | None
    ) = None
    planned_from: Annotated[date, msgspec.Meta(description="Publication planned on this day or later")] | None = None
    planned_to: Annotated[date, msgspec.Meta(description="Publication planned on this day or before")] | None = None


@endpoint(
    "POST",
    "/needs",
    tag=TAG,
    scope="needs",
    answers=NewNeed,
    status=201,
    headers=HEADERS,
    problems=("unknown-territory", "unknown-segment", "outside-france", "not-ready"),
    example="planned-need",
)
async def keep_need(call: Call, body: PlannedNeed) -> Response[bytes]:
    """Keep a need, and freeze its first shortlist.

    The body is that of `POST /match`, with what the need is for (`description`), when its notice is planned and by
    which procedure. It begins as a `draft`. The shortlist, in the language of the request, is version 1: read it again
    at `GET /needs/{id}/shortlists/1`, word for word.
    """
    services = call.services
    async with services.matches.of(str(call.bearer.organisation_id)), transaction(services.database) as connection:

        async def carry_out() -> Answer:
            now = services.now()
            need = await create_need(connection, call.bearer.organisation_id, body, now)
            found = await match_need(call, connection, need)
            await write_entry(connection, actor_of(call), "need.created", object_of(need.id), now, version=need.version)
            frozen = await freeze_matched(call, connection, need, found)
            told = document(need)
            answer = {"need": told, "shortlist": msgspec.Raw(frozen.body)}
            headers = {"content-type": JSON, "location": f"/needs/{need.id}", "etag": _etag(told)}
            return Answer(201, headers, msgspec.json.encode(answer))

        return await once(call, connection, msgspec.json.encode(body), carry_out)


@endpoint("GET", "/needs", tag=TAG, scope="needs", answers=Page[NeedSummary])
async def list_own_needs(call: Call, query: NeedsQuery) -> Response[bytes]:
    """The organisation's needs, the newest first."""
    filters = NeedFilters(query.status, query.planned_from, query.planned_to)
    async with transaction(call.services.database) as connection:
        fetch = partial(list_needs, connection, call.bearer.organisation_id, filters)
        return await paged(call, query, "needs", UUID, fetch, show=_summary)


@endpoint("GET", "/needs/{id}", tag=TAG, scope="needs", answers=NeedDocument, status=(200, 304), headers=IF_NONE_MATCH)
async def show_need(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """A need as it is now."""
    async with transaction(call.services.database) as connection:
        need = await get_need(connection, call.bearer.organisation_id, id)
    if need is None:
        raise NotFound(NO_NEED)
    return unless_known(call, msgspec.json.encode(document(need)), JSON, max_age=None)


@endpoint(
    "PATCH",
    "/needs/{id}",
    tag=TAG,
    scope="needs",
    answers=NeedDocument,
    patch=NeedChange,
    headers=IF_MATCH,
    problems=("conflict", "stale-version", "unknown-territory", "unknown-segment", "outside-france"),
    example="need-change",
)
async def change_need(call: Call, id: UUID, body: Patch) -> Response[bytes]:  # noqa: A002
    """Change a need, or move it on.

    Lists (`lots` too) are replaced as a whole. Status: draft → sourcing → published → closed, or abandoned from any but
    closed; 409 names the moves that are allowed. Once published, only `reference`, `title` and `description` change
    besides the status; what is closed or abandoned stays as it is. Frozen shortlists do not change with the need:
    `POST /needs/{id}/shortlists` matches it again.
    """
    services, organisation = call.services, call.bearer.organisation_id
    async with transaction(services.database) as connection:
        need = await held(call, connection, id)
        before = document(need)
        require_match(call, _etag(before))
        after = await _changed(call, need, patched(before, body, NeedChange))
        if after is not need:
            await save_need(connection, organisation, after)
            await _note(call, connection, need, after)
    told = document(after)
    return Response(msgspec.json.encode(told), headers={"content-type": JSON, "etag": _etag(told)})


@endpoint(
    "DELETE",
    "/needs/{id}",
    tag=TAG,
    scope="needs",
    answers=None,
    status=204,
    headers=IF_MATCH,
    problems=("conflict", "stale-version"),
)
async def discard_need(call: Call, id: UUID) -> None:  # noqa: A002
    """Discard a draft, with its shortlists.

    409 for a need that has left `draft`, or about which there are exchanges or awards: abandon it. The journal keeps
    what was noted of it.
    """
    services = call.services
    async with transaction(services.database) as connection:
        need = await held(call, connection, id)
        require_match(call, _etag(document(need)))
        if need.status != "draft":
            raise Conflict("not_a_draft", ABANDON_IT)
        await delete_need(connection, call.bearer.organisation_id, id)
        await write_entry(
            connection, actor_of(call), "need.deleted", object_of(id), services.now(), version=need.version
        )


ROUTES = (keep_need, list_own_needs, show_need, change_need, discard_need)


async def held(call: Call, connection: Connection, need_id: UUID) -> StoredNeed:
    """The organisation's need, held until the transaction ends. Raises NotFound."""
    need = await hold_need(connection, call.bearer.organisation_id, need_id)
    if need is None:
        raise NotFound(NO_NEED)
    return need


def object_of(need_id: UUID) -> str:
    """A need, as the journal names it."""
    return f"need:{need_id}"


def document(need: StoredNeed) -> NeedDocument:
    """The need as it is told."""
    content = {name: getattr(need.content, name) for name in PlannedNeed.__struct_fields__}
    kept = ("id", "status", "version", "created_at", "updated_at", "published_at", "ended_at")
    return NeedDocument(**content, **{name: getattr(need, name) for name in kept})


async def _changed(call: Call, need: StoredNeed, change: NeedChange) -> StoredNeed:
    """The need after a change; the same object where nothing changes.

    Raises Conflict where it cannot change so any more, InvalidContent with everything wrong in it.
    """
    content = PlannedNeed(**{name: getattr(change, name) for name in PlannedNeed.__struct_fields__})
    fields = changed_fields(need.content, content)
    require_move(need.status, change.status)
    require_change(need.status, fields)
    if fields:
        await asyncio.to_thread(call.services.reference.reader.read, matchable(content))
    elif change.status == need.status:
        return need
    now = call.services.now()
    return msgspec.structs.replace(
        need,
        content=content,
        status=change.status,
        version=need.version + 1,
        updated_at=now,
        published_at=need.published_at or (now if change.status == "published" else None),
        ended_at=need.ended_at or (None if MOVES[change.status] else now),
    )


async def _note(call: Call, connection: Connection, before: StoredNeed, after: StoredNeed) -> None:
    """The change in the journal: fields that changed, and the move, each as an entry."""
    actor, about = actor_of(call), object_of(after.id)
    if fields := changed_fields(before.content, after.content):
        await write_entry(
            connection,
            actor,
            "need.changed",
            about,
            after.updated_at,
            version=after.version,
            detail={"fields": list(fields)},
        )
    if after.status != before.status:
        await write_entry(
            connection,
            actor,
            f"need.{after.status}",
            about,
            after.updated_at,
            version=after.version,
            detail={"from": before.status},
        )


def _summary(need: StoredNeed) -> NeedSummary:
    content = need.content
    return NeedSummary(
        id=need.id,
        status=need.status,
        version=need.version,
        reference=content.reference,
        title=content.title,
        procedure=content.procedure,
        planned_publication_on=content.planned_publication_on,
        lots=tuple(LotTitle(lot.id, lot.title) for lot in content.lots),
        shortlists=need.shortlists,
        created_at=need.created_at,
        updated_at=need.updated_at,
    )


def _etag(told: NeedDocument) -> str:
    return etag_of(msgspec.json.encode(told))
