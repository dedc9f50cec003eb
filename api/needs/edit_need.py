"""Use cases of a need: planned with a first shortlist, changed, moved on, discarded."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, datetime
from uuid import UUID

import msgspec

from api.needs.own_need import lock_own_need
from api.needs.shortlist_versions import MatchedNeed, freeze_matched, shortlist_now
from api.runtime.actor import Acting, require_storage
from api.runtime.etag import etag_of, require_known
from api.runtime.processes.match_processes import MatchTask
from db.core.engine import Connection, transaction
from db.journal.entries import write_entry
from db.needs.needs import insert_need, remove_need, write_need
from domain.audit import Detail
from domain.errors import Conflict
from domain.needs.need import Need, PlannedNeed
from domain.needs.status import MOVES, Status, StoredNeed, changed_fields, require_change, require_move
from domain.text.bilingual import Language, Text
from matching.index.live_index import LiveIndex
from matching.reference import Reference

ABANDON_IT = Text(
    "Seul un brouillon s'efface ; ce besoin a déjà une suite : l'abandonner, le dossier reste",
    "Only a draft can be deleted; this need has gone on: abandon it, and its record stays",
)


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

    @property
    def etag(self) -> str:
        return etag_of(msgspec.json.encode(self))


Edit = Callable[[NeedDocument], NeedChange]
"""What is to become of a need, from what it is."""


def need_document(need: StoredNeed) -> NeedDocument:
    """The need as it is answered: its content beside its status and dates."""
    fields = msgspec.structs.asdict(need)
    del fields["shortlists"]
    return NeedDocument(**msgspec.structs.asdict(fields.pop("content")), **fields)


async def plan_need(
    connection: Connection, acting: Acting, content: PlannedNeed, matched: MatchedNeed | None = None
) -> tuple[StoredNeed, bytes]:
    """Store a new need as a draft, with its first shortlist, `matched` beforehand or else here.

    Raises as `shortlist_now` and `require_storage`.
    """
    await require_storage(connection, acting)
    now = acting.now()
    need = await insert_need(connection, acting.organisation_id, content, now)
    body = await shortlist_now(connection, acting, need, matched)
    name = f"need:{need.id}"
    await write_entry(connection, acting.actor, "need.created", name, now, version=need.version, about=(name,))
    await freeze_matched(connection, acting, need, body)
    return need, body


async def edit_need(
    acting: Acting, need_id: UUID, known: str | None, edit: Edit, *, status_only: bool = False
) -> NeedDocument:
    """The need as `edit` changes it. `known`: the entity tag that it must have; `status_only`: nothing else changes.

    Raises NotFound, Refusal (412) where it has another tag by now, and as `change_need`.
    """
    services, organisation = acting.services, acting.organisation_id
    # its turn first: a large need is read for long, with a connection
    turn = nullcontext() if status_only else services.matches.place_of(str(organisation))
    async with turn, transaction(services.database) as connection:
        need = await lock_own_need(connection, organisation, need_id)
        before = need_document(need)
        require_known(known, before.etag)
        return need_document(await change_need(connection, acting, need, edit(before)))


async def delete_draft(acting: Acting, need_id: UUID, known: str | None) -> None:
    """Delete a draft, with its shortlists. Raises as `edit_need`, and Conflict for a need in use or no draft."""
    async with transaction(acting.services.database) as connection:
        need = await lock_own_need(connection, acting.organisation_id, need_id)
        require_known(known, need_document(need).etag)
        if need.status != "draft":
            raise Conflict("not_a_draft", ABANDON_IT)
        await remove_need(connection, acting.organisation_id, need.id)
        name, now = f"need:{need.id}", acting.now()
        await write_entry(connection, acting.actor, "need.deleted", name, now, version=need.version)


async def change_need(connection: Connection, acting: Acting, need: StoredNeed, change: NeedChange) -> StoredNeed:
    """Change a need that the caller has locked; the same object where nothing changes.

    Raises Conflict where it cannot change so any more, InvalidContent with everything wrong in it, Refusal (503) until
    there is an index, and as `MatchWork.run`.
    """
    content = msgspec.convert(change, PlannedNeed, from_attributes=True)
    fields = changed_fields(need.content, content)
    require_move(need.status, change.status)
    require_change(need.status, fields)
    if fields:
        await _require_readable(acting, content.matched)
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


async def _require_readable(acting: Acting, need: Need) -> None:
    """Raises as a match of the need would."""
    services = acting.services
    task = MatchTask(_read, need, services.directory.index, need.on or services.today(), acting.language)
    await services.match_work.run(task, str(acting.organisation_id), acting.left)


def _read(need: Need, _: LiveIndex, reference: Reference, __: date, ___: Language) -> None:
    reference.reader.read(need)
