"""Frozen versions of the shortlists of an organisation's needs: find a need, match it, freeze the answer, compare.

A need is matched with its organisation's past awards and its other needs of the year. What is read for it is read in a
transaction, and the match takes none: meanwhile others have the connection.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from api.runtime.actor import Acting, require_storage
from api.runtime.processes.match_work import MatchTask
from db.core.engine import Connection, transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import count_answers_due
from db.journal.content import stored_name
from db.journal.entries import write_entry
from db.needs.needs import awards_until, lock_need, needs_of_year, progress_of, select_need
from db.needs.shortlists import insert_shortlist, keep_law_file, select_shortlist
from db.suppliers.read import living_suppliers
from db.suppliers.write import survivors
from domain.decoding.requests import hint_of_nearest
from domain.decoding.stored import read_stored
from domain.errors import Conflict, InvalidContent, NotFound, Problem, pointer, require_found
from domain.journal import Detail
from domain.law.other_contracts import may_pass_with_others
from domain.needs.need import OtherNeed, PastAward, PlannedNeed, buyer_siret, year_of
from domain.needs.status import NO_NEED, Progress, StoredNeed, require_not_ended
from domain.shortlists.diff import Absence, AbsenceCode, Absences, ShortlistDiff, diff_versions, unexplained_absences
from domain.shortlists.shortlist import Shortlist
from domain.shortlists.version import FrozenShortlist, IdAndName, LotTotal, ShortlistVersion, ShownAnswer
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Text, said_by
from matching.engine import match_json, stamp_of
from matching.inspection.match_cost import words_ms
from matching.inspection.trace import SupplierStanding, supplier_standings

_SAID = said_by(__name__)

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def unknown_lot(lot_id: str, known: Iterable[str], *path: str | int) -> Problem:
    """The problem of a lot id that is not among the `known` ones; `path`: of the id in the body."""
    hint = hint_of_nearest(lot_id, tuple(known))
    detail = Text(f"Aucun lot « {lot_id} »{hint.fr}", f"No lot “{lot_id}”{hint.en}")
    return Problem(pointer(*path), "unknown_lot", detail)


async def own_need(connection: Connection, organisation_id: UUID, need_id: UUID, *, lock: bool = False) -> StoredNeed:
    """The organisation's need; with `lock`, nobody else changes it until the transaction ends. Raises NotFound."""
    return require_found(await (lock_need if lock else select_need)(connection, organisation_id, need_id), NO_NEED)


async def version_of(connection: Connection, organisation_id: UUID, need_id: UUID, number: str) -> FrozenShortlist:
    """A version of the need's shortlist, by its number or "latest". Raises NotFound."""
    frozen = None
    if number == "latest" or _NUMBER.fullmatch(number):
        wanted = None if number == "latest" else int(number)
        frozen = await select_shortlist(connection, organisation_id, need_id, wanted)
    return require_found(frozen, _SAID["no_version"])


async def progress_with_answers(
    connection: Connection, organisation_id: UUID, needs: Sequence[StoredNeed]
) -> dict[UUID, Progress]:
    """The progress of each need by its id, with the numbers of unread answers and open questions."""
    found = await progress_of(connection, organisation_id, [need.id for need in needs])
    asked = [need_id for need_id, progress in found.items() if progress.exchanges]
    waiting = await count_answers_due(connection, organisation_id, asked)
    return found | {
        each: msgspec.structs.replace(found[each], unread=waiting.unread[each], questions=waiting.questions[each])
        for each in asked
    }


class MatchInput(NamedTuple):
    """Everything that a match takes besides the suppliers: the need, its day, past awards, the year's other needs."""

    content: PlannedNeed
    on: date
    awards: Sequence[PastAward]
    year: int
    others: Sequence[OtherNeed]


class MatchedNeed(NamedTuple):
    """The input of a match, and the resulting shortlist as JSON."""

    match_input: MatchInput
    body: bytes


async def input_of_new_need(connection: Connection, acting: Acting, content: PlannedNeed) -> MatchInput:
    """Read the match input of a need that is not stored yet. Raises as `require_storage`."""
    await require_storage(connection, acting)
    now = acting.now()
    return await _input_of_need(connection, acting, content, new_id(now), now)


async def input_of_own_need(connection: Connection, acting: Acting, need_id: UUID) -> MatchInput:
    """Read the match input of a stored need. Raises NotFound, Conflict once it has ended, and as `require_storage`."""
    need = await own_need(connection, acting.organisation_id, need_id)
    require_not_ended(need.status)
    await require_storage(connection, acting)
    return await _input_of_need(connection, acting, need.content, need.id, need.created_at)


async def match_before_storing(
    acting: Acting,
    read_input: Callable[[Connection, Acting], Awaitable[MatchInput]],
    find_answer: Callable[[Connection], Awaitable[object]],
) -> MatchedNeed | None:
    """Match what `read_input` reads, with no connection taken; None where `find_answer` finds an earlier answer.

    An answer: any true value. Raises as `read_input` and `match_need`.
    """
    try:
        async with transaction(acting.services.database) as connection:
            if await find_answer(connection):
                return None
            wanted = await read_input(connection, acting)
    except (Conflict, NotFound):
        async with transaction(acting.services.database) as connection:
            # the same request, sent twice at once, may have been answered meanwhile
            if await find_answer(connection):
                return None
        raise
    return await match_need(acting, wanted)


async def match_need(acting: Acting, wanted: MatchInput) -> MatchedNeed:
    """Match a need by its input, outside of a transaction.

    Raises InvalidContent with everything wrong in it, Refusal (503) until there is an index, and as `MatchWork.run`.
    """
    services = acting.services
    known = {"awards": wanted.awards, "others": wanted.others, "year": wanted.year}
    others_ms = sum(words_ms(other.need) for other in wanted.others)
    live, need = services.directory.index_for(acting.organisation_id), wanted.content.matched
    task = MatchTask(match_json, need, live, wanted.on, acting.language, known, besides_ms=others_ms)
    started = time.perf_counter()
    body: bytes = await services.match_work.run(task, str(acting.organisation_id), acting.wait_for_disconnect)
    services.metrics.match_seconds.observe(time.perf_counter() - started)
    return MatchedNeed(wanted, body)


async def current_shortlist(
    connection: Connection, acting: Acting, need: StoredNeed, matched: MatchedNeed | None
) -> bytes:
    """The shortlist as JSON of a need that the caller has locked: that of `matched` where its input is still the same.

    Else the need is matched anew, while the connection is taken. Raises as `match_need`.
    """
    wanted = await _input_of_need(connection, acting, need.content, need.id, need.created_at)
    if matched is None or matched.match_input != wanted:
        matched = await match_need(acting, wanted)
    return matched.body


async def _input_of_need(
    connection: Connection, acting: Acting, content: PlannedNeed, need_id: UUID, created_at: datetime
) -> MatchInput:
    """Read everything that a match of the need takes besides the suppliers."""
    services = acting.services
    on = content.on or services.today()
    awards = await awards_until(connection, acting.organisation_id, on)
    year = year_of(content.planned_publication_on, created_at)
    others: Sequence[OtherNeed] = ()
    if may_pass_with_others(content, services.reference.rules.view(content.law_day(on))):
        others = await needs_of_year(connection, acting.organisation_id, year, buyer_siret(content), besides=need_id)
    return MatchInput(content, on, awards, year, others)


async def freeze_shortlist(
    connection: Connection, acting: Acting, need_id: UUID, matched: MatchedNeed | None = None
) -> tuple[int, bytes]:
    """Freeze a need's shortlist, of `matched` or matched here, as its next version; returns its number and JSON.

    Raises NotFound, Conflict once the need has ended, and as `current_shortlist` and `require_storage`.
    """
    need = await own_need(connection, acting.organisation_id, need_id, lock=True)
    require_not_ended(need.status)
    await require_storage(connection, acting)
    body = await current_shortlist(connection, acting, need, matched)
    return await store_version(connection, acting, need, body), body


async def frozen_body(connection: Connection, acting: Acting, need_id: UUID, number: int) -> bytes:
    """The stored bytes of a version of a shortlist. Raises NotFound where the version was deleted meanwhile."""
    return require_found(
        await select_shortlist(connection, acting.organisation_id, need_id, number), _SAID["deleted"]
    ).body


async def store_version(connection: Connection, acting: Acting, need: StoredNeed, body: bytes) -> int:
    """Store a shortlist as the next version of a need that the caller has locked; returns its number."""
    shown = await asyncio.to_thread(read_stored, body, ShownAnswer)
    now, stamp = acting.now(), shown.stamp
    version = ShortlistVersion(
        number=need.shortlists + 1,
        need_version=need.version,
        language=acting.language,
        stamp=stamp,
        totals=tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in shown.lots),
        created_at=now,
    )
    await insert_shortlist(connection, acting.organisation_id, need, version, body)
    rules = acting.services.reference.rules
    if stamp.rules == rules.version:
        await keep_law_file(connection, rules.version, rules.content)
    acting.services.storage_use.add(acting.organisation_id, len(body))
    detail: Detail = {"number": version.number, "data_version": stamp.data_version}
    name = f"need:{need.id}"
    about = [stored_name(kind, need.id, version.number) for kind in ("shortlist", "stamp")]
    await write_entry(
        connection, acting.actor, "shortlist.frozen", name, now, version=need.version, detail=detail, about=about
    )
    return version.number


MOST_LOOKED_AT = 100


async def newcomers_since(acting: Acting, need: StoredNeed, after: datetime | None = None) -> tuple[IdAndName, ...]:
    """The suppliers that changed since the latest version of a need's shortlist and would be candidates of it only now.

    `after`: those that changed since that time alone.

    Matched as that version's need was, on today's directory and law; of each lot the first 100 are looked at, since a
    supplier that did not change may merely have stood behind the last one shown. None where nothing changed in the
    directory since, where no version or index is there, and where the match would take long: a new version tells then.
    """
    services = acting.services
    if services.live is None or not services.live.is_ready or not need.shortlists:
        return ()
    async with transaction(services.database) as connection:
        frozen = await version_of(connection, acting.organisation_id, need.id, "latest")
    live, content = services.live.index, msgspec.structs.replace(frozen.need, limit=MOST_LOOKED_AT)
    if live.data_version == frozen.stamp.data_version or not services.match_work.is_quick(content.matched, live):
        return ()
    since = max(frozen.created_at, after or frozen.created_at)
    then = {lot.id: {each.supplier.id for each in lot.candidates} for lot in frozen.shown_lots}
    wanted = MatchInput(content, services.today(), (), year_of(content.planned_publication_on, need.created_at), ())
    now = await asyncio.to_thread(read_stored, (await match_need(acting, wanted)).body, Shortlist)
    async with transaction(services.database) as connection:
        living = await survivors(connection, {each for some in then.values() for each in some})
    came = {
        row.supplier.id: IdAndName(row.supplier.id, row.supplier.name, row.supplier.siret)
        for lot in now.lots
        for row in lot.candidates
        if row.supplier.updated_at > since
        and row.supplier.id not in {living.get(each, each) for each in then.get(lot.id, ())}
    }
    return tuple(came.values())


async def compare_versions(acting: Acting, need_id: UUID, number: str, other: str) -> ShortlistDiff:
    """The differences from one version to another, each a number or "latest", in the caller's language.

    Why suppliers came or left is found while no connection is held. Raises NotFound, and as `_absences`.
    """
    services, organisation = acting.services, acting.organisation_id
    async with services.matches.slot_of(str(organisation)):
        async with transaction(services.database) as connection:
            before, after = [await version_of(connection, organisation, need_id, each) for each in (number, other)]
            came, left = unexplained_absences(before, after), unexplained_absences(after, before)
            living = await living_suppliers(
                connection, {each for some in (*came.values(), *left.values()) for each in some}
            )
            awards = [await awards_until(connection, organisation, each.stamp.on) for each in (before, after)]
        not_before = await _absences(acting, before, came, living, awards[0])
        not_after = await _absences(acting, after, left, living, awards[1])
    return await asyncio.to_thread(diff_versions, before, after, not_before, not_after, acting.language)


async def _absences(
    acting: Acting,
    version: FrozenShortlist,
    suppliers: Mapping[str, Collection[UUID]],
    living: Mapping[UUID, Supplier],
    awards: Sequence[PastAward],
) -> Absences:
    """The reasons why these suppliers (ids by lot) are not in a version, by lot and id; `living`: who they are now.

    No reasons where the need can no longer be read. Raises Refusal (503) until there is an index, and as
    `MatchWork.run`.
    """
    if not any(suppliers.values()):
        return {}
    services, on = acting.services, version.stamp.on
    live, need = services.directory.index_for(acting.organisation_id), version.need.matched
    try:
        task = MatchTask(
            supplier_standings, need, live, on, acting.language, {"awards": awards, "suppliers": suppliers}
        )
        found = await services.match_work.run(task, str(acting.organisation_id), acting.wait_for_disconnect)
    except InvalidContent:
        return {}
    changed = bool(version.stamp.differences(stamp_of(live, services.reference, on, version.stamp.law_on)))
    totals = {lot.id: lot for lot in version.totals}
    return {
        lot: {each: _absence(each, living.get(each), found[lot].get(each), totals[lot], changed) for each in some}
        for lot, some in suppliers.items()
    }


def _absence(
    supplier_id: UUID, supplier: Supplier | None, standing: SupplierStanding | None, lot: LotTotal, data_changed: bool
) -> Absence:
    """The reason why a supplier is not in a version's lot. `supplier`: who it is now; `lot`: the version's counts."""
    if supplier is None:
        return Absence("gone", data_changed=data_changed)
    if supplier.id != supplier_id:
        return Absence("merged", other=IdAndName(supplier.id, supplier.name), data_changed=data_changed)
    if standing is None:
        without_offer: AbsenceCode = "no_offer" if supplier.offers else "trade_unknown"
        return Absence(without_offer if supplier.active else "inactive", data_changed=data_changed)
    if standing.rank is None:
        return Absence("refused", standing.excluded_by, standing.message, data_changed=data_changed)
    if standing.rank > lot.shown and lot.total > lot.shown:
        return Absence("beyond_limit", rank=standing.rank, data_changed=data_changed)
    return Absence("not_kept")
