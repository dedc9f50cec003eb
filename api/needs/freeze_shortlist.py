"""Use case: match a need as it is now, and freeze the answer as its next version."""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import msgspec

from api.needs.own_need import lock_own_need
from api.needs.storage_quota import require_storage
from api.runtime.actor import Acting
from api.runtime.match_processes import MatchTask
from db.audit import write_entry
from db.audit_content import shortlist_name
from db.core.engine import Connection
from db.needs.awards import awards_until
from db.needs.same_year import needs_of_year
from db.needs.shortlists import insert_shortlist, select_shortlist
from domain.audit import Detail
from domain.errors import NotFound
from domain.law.splitting import may_pass_with_others
from domain.needs.need import buyer_siret
from domain.needs.same_year import OtherNeed, year_of
from domain.needs.status import StoredNeed, require_not_ended
from domain.shortlists.frozen import LotTotal, ShortlistVersion
from domain.shortlists.shortlist import Stamp
from domain.text.bilingual import Text
from matching.engine import match_json
from matching.match_cost import words_ms

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


async def freeze_shortlist(connection: Connection, acting: Acting, need_id: UUID) -> tuple[int, bytes]:
    """Match a need as it is now, and freeze the answer as its next version: its number and bytes.

    Raises NotFound, Conflict once the need has ended, and as `match_stored_need` and `require_storage`.
    """
    need = await lock_own_need(connection, acting.organisation_id, need_id)
    require_not_ended(need.status)
    await require_storage(connection, acting)
    body = await match_stored_need(connection, acting, need)
    return await freeze_matched(connection, acting, need, body), body


async def match_stored_need(connection: Connection, acting: Acting, need: StoredNeed) -> bytes:
    """The shortlist, in JSON, of a need that the caller has locked.

    It takes into account the organisation's past awards, and its other needs of the same year as they are now.

    Raises InvalidContent with everything wrong in the need, Refusal (503) until there is an index, and as
    `MatchWork.run`.
    """
    services = acting.services
    live, on = services.directory.index, need.content.on or services.today()
    awards = await awards_until(connection, acting.organisation_id, on)
    year = year_of(need.content.planned_publication_on, need.created_at)
    others: Sequence[OtherNeed] = ()
    if may_pass_with_others(need.content, services.reference.rules.at(on)):
        siret = buyer_siret(need.content)
        others = await needs_of_year(connection, acting.organisation_id, year, siret, besides=need.id)

    known = {"awards": awards, "others": others, "year": year}
    others_ms = sum(words_ms(other.need) for other in others)
    task = MatchTask(match_json, need.content.matched, live, on, acting.language, known, besides_ms=others_ms)
    started = time.perf_counter()
    body: bytes = await services.match_work.run(task, str(acting.organisation_id), acting.left)
    services.metrics.matched(time.perf_counter() - started)
    return body


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
        about=(shortlist_name(need.id, version.number),),
    )
    return version.number
