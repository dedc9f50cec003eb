"""Use case: freeze the shortlist of a need as it is now as its next version."""

import asyncio
from uuid import UUID

import msgspec

from api.needs.match_own_need import MatchedNeed, shortlist_now
from api.needs.own_need import lock_own_need
from api.runtime.actor import Acting, require_storage
from db.core.engine import Connection
from db.journal.content import shortlist_name, stamp_name
from db.journal.entries import write_entry
from db.needs.shortlists import insert_shortlist, select_shortlist
from domain.audit import Detail
from domain.errors import NotFound
from domain.needs.status import StoredNeed, require_not_ended
from domain.shortlists.frozen import LotTotal, ShortlistVersion
from domain.shortlists.shortlist import Stamp
from domain.text.bilingual import Text

DELETED = Text(
    "Ce besoin, ou cette version de sa liste, a été supprimé depuis",
    "This need, or this version of its shortlist, was deleted since",
)


class _CountedLot(msgspec.Struct):
    id: str
    total: int
    candidates: list[msgspec.Raw]


class _Counted(msgspec.Struct):
    """The parts of a `Shortlist` that its version is described by."""

    stamp: Stamp
    lots: list[_CountedLot]


async def freeze_shortlist(
    connection: Connection, acting: Acting, need_id: UUID, matched: MatchedNeed | None = None
) -> tuple[int, bytes]:
    """Freeze the shortlist of a need as it is now, `matched` beforehand or else here, as its next version.

    Returns its number and bytes. Raises NotFound, Conflict once the need has ended, and as `shortlist_now` and
    `require_storage`.
    """
    need = await lock_own_need(connection, acting.organisation_id, need_id)
    require_not_ended(need.status)
    await require_storage(connection, acting)
    body = await shortlist_now(connection, acting, need, matched)
    return await freeze_matched(connection, acting, need, body), body


async def frozen_body(connection: Connection, acting: Acting, need_id: UUID, number: int) -> bytes:
    """A version, byte for byte as it is stored. Raises NotFound where it has been deleted since."""
    frozen = await select_shortlist(connection, acting.organisation_id, need_id, number)
    if frozen is None:
        raise NotFound(DELETED)
    return frozen.body


async def freeze_matched(connection: Connection, acting: Acting, need: StoredNeed, body: bytes) -> int:
    """Store the answer as the next version of a need that the caller has locked; its number."""
    shortlist = await asyncio.to_thread(msgspec.json.decode, body, type=_Counted)
    now, stamp = acting.now(), shortlist.stamp
    version = ShortlistVersion(
        number=need.shortlists + 1,
        need_version=need.version,
        language=acting.language,
        stamp=stamp,
        totals=tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in shortlist.lots),
        created_at=now,
    )
    await insert_shortlist(connection, acting.organisation_id, need, version, body)
    acting.services.storage_use.add(acting.organisation_id, len(body))
    detail: Detail = {"number": version.number, "data_version": stamp.data_version}
    await write_entry(
        connection,
        acting.actor,
        "shortlist.frozen",
        f"need:{need.id}",
        now,
        version=need.version,
        detail=detail,
        about=(shortlist_name(need.id, version.number), stamp_name(need.id, version.number)),
    )
    return version.number
