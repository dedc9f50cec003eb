"""Use case: match a need as it is now, and freeze the answer as its next version."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec

from api.needs.own_need import lock_own_need
from api.runtime.actor import Acting
from db.audit import write_entry
from db.core.engine import Connection
from db.needs.awards import awards_until
from db.needs.shortlists import get_ledger, insert_shortlist, select_shortlist
from db.suppliers.read import living_suppliers
from domain.audit import Detail
from domain.needs.award import Award
from domain.needs.need import Need, PlannedNeed
from domain.needs.status import StoredNeed, require_not_ended
from domain.shortlists.frozen import Absence, LotLedger, LotTotal, Named, ShortlistVersion, lots_shown
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Language
from matching.absence_log import Ledger
from matching.engine import match
from matching.index import LiveIndex
from matching.reference import Reference


class FrozenAnswer(NamedTuple):
    """A version that was just frozen, with the bytes of its answer."""

    number: int
    body: bytes


class Matched(NamedTuple):
    """A shortlist, its bytes, and the rank or first failed gate of every supplier considered."""

    shortlist: Shortlist
    body: bytes
    ledger: Sequence[LotLedger]


class _MatchInput(NamedTuple):
    """The arguments of `matching.engine.match`, in its order."""

    need: Need
    live: LiveIndex
    reference: Reference
    on: date
    language: Language
    awards: Sequence[Award]


class _Before(NamedTuple):
    """The answer and the ledger of the version before."""

    body: bytes
    ledger: Sequence[LotLedger]


def matchable(content: PlannedNeed) -> Need:
    """The fields of a planned need that a match reads; the others must not change the seed of the draw."""
    return msgspec.convert(content, Need, from_attributes=True)


async def freeze_shortlist(connection: Connection, acting: Acting, need_id: UUID) -> FrozenAnswer:
    """Match a need as it is now, and freeze the answer as its next version.

    Raises NotFound, Conflict once the need has ended, and as `match_need`.
    """
    need = await lock_own_need(connection, acting.organisation_id, need_id)
    require_not_ended(need.status)
    return await freeze_matched(connection, acting, need, await match_need(connection, acting, need))


async def match_need(connection: Connection, acting: Acting, need: StoredNeed) -> Matched:
    """Match a need that the caller has locked, with the organisation's past awards.

    Raises InvalidContent with everything wrong in the need, Refusal (503) until there is an index.
    """
    services, organisation = acting.services, acting.organisation_id
    live, on = services.directory.index, need.content.on or services.today()
    awards = await awards_until(connection, organisation, on)
    before = await _before(connection, organisation, need)
    started = time.perf_counter()
    asking = _MatchInput(matchable(need.content), live, services.reference, on, acting.language, awards)
    found = await asyncio.to_thread(_matched, asking, before)
    services.metrics.matched(time.perf_counter() - started)
    return found._replace(ledger=await _accounted(connection, found.ledger))


async def freeze_matched(connection: Connection, acting: Acting, need: StoredNeed, found: Matched) -> FrozenAnswer:
    """Store the answer as the next version of a need that the caller has locked, with its journal entry."""
    now, stamp = acting.now(), found.shortlist.stamp
    version = ShortlistVersion(
        number=need.shortlists + 1,
        need_version=need.version,
        language=acting.language,
        stamp=stamp,
        totals=tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in found.shortlist.lots),
        created_at=now,
    )
    await insert_shortlist(connection, acting.organisation_id, need, version, found.body, tuple(found.ledger))
    detail: Detail = {"number": version.number, "data_version": stamp.data_version}
    about = f"need:{need.id}"
    await write_entry(connection, acting.actor, "shortlist.frozen", about, now, version=need.version, detail=detail)
    return FrozenAnswer(version.number, found.body)


async def _before(connection: Connection, organisation_id: UUID, need: StoredNeed) -> _Before | None:
    version = await select_shortlist(connection, organisation_id, need.id, need.shortlists)
    if version is None:
        return None
    return _Before(version.body, await get_ledger(connection, organisation_id, need.id, version.number) or ())


def _matched(asking: _MatchInput, before: _Before | None) -> Matched:
    ledger = Ledger(asking.live, _followed(before) if before else {}, len(asking.need.lots))
    shortlist = match(*asking, ledger)
    return Matched(shortlist, msgspec.json.encode(shortlist), ledger.lots)


def _followed(before: _Before) -> dict[str, tuple[UUID, ...]]:
    """By lot, whom the version before shows, then whom it accounts for: nobody is lost who was ever shown."""
    lots = {lot.id: dict.fromkeys(each.id for each in lot.listed) for lot in lots_shown(before.body)}
    for lot in before.ledger:
        lots[lot.id] |= dict.fromkeys(absence.supplier_id for absence in lot.absences)
    return {lot: tuple(suppliers) for lot, suppliers in lots.items()}


async def _accounted(connection: Connection, ledger: Sequence[LotLedger]) -> tuple[LotLedger, ...]:
    """The ledger with what the directory knows of those who are no longer active: merged, gone, or resting."""
    inactive = {each.supplier_id for lot in ledger for each in lot.absences if each.code == "inactive"}
    if not inactive:
        return tuple(ledger)
    living = await living_suppliers(connection, inactive)
    return tuple(
        msgspec.structs.replace(lot, absences=tuple(_of_directory(each, living) for each in lot.absences))
        for lot in ledger
    )


def _of_directory(absence: Absence, living: Mapping[UUID, Supplier]) -> Absence:
    if absence.code != "inactive":
        return absence
    supplier = living.get(absence.supplier_id)
    if supplier is None:
        return Absence(absence.supplier_id, "gone")
    if supplier.id != absence.supplier_id:
        return Absence(absence.supplier_id, "merged", other=Named(supplier.id, supplier.name))
    return absence
