"""Routes and use cases of needs: create, list, read and change them, move them on, delete a draft."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from datetime import date, datetime
from functools import partial
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api.match import MATCH_PROBLEMS
from api.needs.freeze_shortlist import (
    MatchedNeed,
    current_shortlist,
    frozen_body,
    input_of_new_need,
    match_before_storing,
    own_need,
    store_version,
)
from api.runtime.actor import Acting, acting_of, require_storage
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, etag_response, require_if_match
from api.runtime.idempotency import IDEMPOTENCY_KEY, answer_once, created_answer, is_answered
from api.runtime.processes.match_work import MatchTask
from api.web.pagination import Page, Paging, answer_page
from api.web.request_body import Patch, apply_patch
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from db.journal.entries import write_entry
from db.needs.needs import NeedFilters, insert_need, remove_need, select_needs, write_need
from domain.errors import Conflict, InvalidContent
from domain.journal import Detail
from domain.needs.need import Need, PlannedNeed, Procedure, ShortText, answer_problems
from domain.needs.status import MOVES, Status, StoredNeed, changed_fields, require_change, require_move
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language, said_by
from matching.index.live_index import LiveIndex
from matching.reference import Reference

TAG = "Needs"
NEED_PROBLEMS = ("unknown-territory", "unknown-segment", "outside-france", *MATCH_PROBLEMS)
needs_endpoint = partial(endpoint, tag=TAG, scope="needs")
needs_creation = partial(needs_endpoint, "POST", status=201, headers=IDEMPOTENCY_KEY)


async def answer_page_of_need(
    call: Call,
    connection: Connection,
    paging: Paging,
    need_id: UUID,
    list_name: str,
    select: Callable[..., Awaitable[Sequence[Any]]],
    *,
    position_type: type = UUID,
    key: Callable[[Any], object] = attrgetter("id"),
) -> Response[bytes]:
    """Answer one page of a list that `select` reads for the caller's need; see `answer_page`. Raises NotFound."""
    organisation = call.bearer.organisation_id
    await own_need(connection, organisation, need_id)
    fetch = partial(select, connection, organisation, need_id)
    return await answer_page(call, paging, f"{list_name}/{need_id}", position_type, fetch, key=key)


ABANDON_IT = said_by(__name__)["abandon_it"]


class NeedChange(PlannedNeed, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parts of a need that can change: its content and its status."""

    status: Status
    """`draft`, `sourcing`, `published`, `closed`; or `abandoned`; the last two are final"""


class NeedDocument(NeedChange, frozen=True, kw_only=True):
    """A stored need."""

    id: UUID
    """UUID, given when it was stored"""
    version: int
    """Counts its changes, from 1"""
    created_at: datetime
    """The moment it was stored"""
    updated_at: datetime
    """The moment of its last change"""
    published_at: datetime | None
    """The moment it became `published`; null: not yet"""
    ended_at: datetime | None
    """The moment it was closed or abandoned; null: not yet"""


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

    status: tuple[Status, ...] | None = None
    """One of these; may be given more than once"""
    planned_from: date | None = None
    """Publication planned on this day or later"""
    planned_to: date | None = None
    """Publication planned on this day or before"""


@needs_creation("/needs", answers=CreatedNeed, problems=(*NEED_PROBLEMS, "storage-quota"), example="planned-need")
async def create_need(call: Call, body: PlannedNeed) -> Response[bytes]:
    """Create a need, and freeze its first shortlist.

    The body is that of `POST /match`, with what the need is for (`description`), when its notice is planned and by
    which procedure. It begins as a `draft`. The shortlist, in the language of the request, is version 1: read it again
    at `GET /needs/{id}/shortlists/1`, word for word. It also warns (`NO_SPLIT_TO_EVADE`) where the need is below a
    threshold that it passes together with the organisation's other needs of its family and year.
    """
    services, acting, shortlist = call.services, acting_of(call), b""
    async with services.matches.slot_of(str(acting.organisation_id)):
        matched = await match_before_storing(
            acting, partial(input_of_new_need, content=body), partial(is_answered, call)
        )
        async with transaction(services.database) as connection:

            async def store_need() -> Answer:
                nonlocal shortlist
                need, shortlist = await plan_need(connection, acting, body, matched)
                document = need_document(need)
                # without the shortlist: it is stored as a version, and not once more under an Idempotency-Key
                return created_answer({"need": document}, f"/needs/{need.id}", etag_of(document))

            async def add_shortlist(answer: Answer) -> Answer:
                need_id = UUID(answer.headers["location"].rpartition("/")[2])
                whole = msgspec.json.decode(answer.body, type=dict[str, msgspec.Raw])
                whole["shortlist"] = msgspec.Raw(shortlist or await frozen_body(connection, acting, need_id, 1))
                return msgspec.structs.replace(answer, body=msgspec.json.encode(whole))

            return await answer_once(call, connection, body, store_need, completed=add_shortlist)


@needs_endpoint("GET", "/needs", answers=Page[NeedSummary])
async def list_needs(call: Call, query: NeedsQuery, connection: Connection) -> Response[bytes]:
    """The organisation's needs, the newest first."""
    filters = NeedFilters(query.status, query.planned_from, query.planned_to)
    fetch = partial(select_needs, connection, call.bearer.organisation_id, filters)
    return await answer_page(call, query, "needs", UUID, fetch, show=_need_summary)


@needs_endpoint("GET", "/needs/{id}", answers=NeedDocument, status=(200, 304), headers=IF_NONE_MATCH)
async def get_need(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """A need as it is now."""
    return conditional_get(call, need_document(await own_need(connection, call.bearer.organisation_id, id)))


@needs_endpoint(
    "PATCH",
    "/needs/{id}",
    answers=NeedDocument,
    patch=NeedChange,
    headers=IF_MATCH,
    problems=("conflict", "stale-version", *NEED_PROBLEMS),
    example="need-change",
)
async def update_need(call: Call, id: UUID, body: Patch) -> Response[bytes]:
    """Change a need, or move it on.

    Lists (`lots` too) are replaced as a whole. Status: draft → sourcing → published → closed, or abandoned from any but
    closed; 409 names the moves that are allowed. Once published, only `reference`, `title` and `description` change
    besides the status; what is closed or abandoned stays as it is. Frozen shortlists do not change with the need:
    `POST /needs/{id}/shortlists` matches it again.
    """
    if_match, status_only = call.headers.get("if-match"), body.keys() == {"status"}
    edit = partial(apply_patch, patch=body, kind=NeedChange)
    return etag_response(await edit_need(acting_of(call), id, if_match, edit, status_only=status_only))


@needs_endpoint(
    "DELETE", "/needs/{id}", answers=None, status=204, headers=IF_MATCH, problems=("conflict", "stale-version")
)
async def delete_need(call: Call, id: UUID) -> None:
    """Delete a draft, with its shortlists.

    409 for a need that has left `draft`, or about which there are exchanges or awards: abandon it. The journal keeps
    its entries.
    """
    await delete_draft(acting_of(call), id, call.headers.get("if-match"))


def _need_summary(need: StoredNeed) -> NeedSummary:
    fields = msgspec.structs.asdict(need.content) | msgspec.structs.asdict(need)
    return msgspec.convert(fields, NeedSummary, from_attributes=True)


Edit = Callable[[NeedDocument], NeedChange]
"""What is to become of a need, from what it is."""


def need_document(need: StoredNeed) -> NeedDocument:
    """The document of a need: its content beside its status and its dates."""
    fields = msgspec.structs.asdict(need)
    del fields["shortlists"]
    return NeedDocument(**msgspec.structs.asdict(fields.pop("content")), **fields)


async def plan_need(
    connection: Connection, acting: Acting, content: PlannedNeed, matched: MatchedNeed | None = None
) -> tuple[StoredNeed, bytes]:
    """Store a new draft need and its first shortlist, of `matched` or matched here; returns need and shortlist's JSON.

    Raises as `current_shortlist` and `require_storage`.
    """
    if problems := answer_problems(content):
        raise InvalidContent(tuple(problems))
    await require_storage(connection, acting)
    now = acting.now()
    need = await insert_need(connection, acting.organisation_id, content, now)
    body = await current_shortlist(connection, acting, need, matched)
    name = f"need:{need.id}"
    await write_entry(connection, acting.actor, "need.created", name, now, version=need.version, about=(name,))
    await store_version(connection, acting, need, body)
    return need, body


async def edit_need(
    acting: Acting, need_id: UUID, if_match: str | None, edit: Edit, *, status_only: bool = False
) -> NeedDocument:
    """Change a need by `edit`, and return it. `if_match`: that header; `status_only`: no other field changes.

    Raises NotFound, Refusal (412) where it has another tag by now, and as `change_need`.
    """
    services, organisation = acting.services, acting.organisation_id
    # its turn first: a large need is read for long, with a connection
    turn = nullcontext() if status_only else services.matches.slot_of(str(organisation))
    async with turn, transaction(services.database) as connection:
        need = await own_need(connection, organisation, need_id, lock=True)
        before = need_document(need)
        require_if_match(if_match, etag_of(before))
        return need_document(await change_need(connection, acting, need, edit(before)))


async def begin_sourcing(connection: Connection, acting: Acting, need_id: UUID) -> None:
    """Give a draft the status `sourcing`, since suppliers are asked; another status stays. Raises NotFound."""
    need = await own_need(connection, acting.organisation_id, need_id, lock=True)
    if need.status == "draft":
        await change_need(connection, acting, need, msgspec.structs.replace(need_document(need), status="sourcing"))


async def delete_draft(acting: Acting, need_id: UUID, if_match: str | None) -> None:
    """Delete a draft, with its shortlists. Raises as `edit_need`, and Conflict for a need in use or no draft."""
    async with transaction(acting.services.database) as connection:
        need = await own_need(connection, acting.organisation_id, need_id, lock=True)
        require_if_match(if_match, etag_of(need_document(need)))
        if need.status != "draft":
            raise Conflict("not_a_draft", ABANDON_IT)
        await remove_need(connection, acting.organisation_id, need.id)
        name, now = f"need:{need.id}", acting.now()
        await write_entry(connection, acting.actor, "need.deleted", name, now, version=need.version)


async def change_need(connection: Connection, acting: Acting, need: StoredNeed, change: NeedChange) -> StoredNeed:
    """Store the changes of a need that the caller has locked; returns the same object where nothing changes.

    Raises Conflict where it cannot change so any more, InvalidContent with everything wrong in it, Refusal (503) until
    there is an index, and as `MatchWork.run`.
    """
    content = msgspec.convert(change, PlannedNeed, from_attributes=True)
    fields = changed_fields(need.content, content)
    require_move(need.status, change.status)
    require_change(need.status, fields)
    if {"answers_url", "answers_email"} & {*fields} and (problems := answer_problems(content)):
        raise InvalidContent(tuple(problems))
    if fields:
        services, wanted = acting.services, content.matched
        on = wanted.on or services.today()
        # raises as a match of the need would
        task = MatchTask(require_readable, wanted, services.directory.index, on, acting.language)
        await services.match_work.run(task, str(acting.organisation_id), acting.wait_for_disconnect)
    elif change.status == need.status:
        return need
    now, version = acting.now(), need.version + 1
    after = msgspec.structs.replace(
        need,
        content=content,
        status=change.status,
        version=version,
        updated_at=now,
        published_at=need.published_at or (now if change.status == "published" else None),
        ended_at=need.ended_at or (None if MOVES[change.status] else now),
    )
    await write_need(connection, acting.organisation_id, after)
    entries: dict[str, Detail] = {"need.changed": {"fields": list(fields)}} if fields else {}
    if after.status != need.status:
        entries[f"need.{after.status}"] = {"from": need.status}
    name = f"need:{need.id}"
    for action, detail in entries.items():
        await write_entry(connection, acting.actor, action, name, now, version=version, detail=detail, about=(name,))
    return after


def require_readable(need: Need, _: LiveIndex, reference: Reference, __: date, ___: Language) -> None:
    """Raises what a match of the need would raise when it reads the need; takes what a `MatchTask` passes."""
    reference.reader.read(need)
