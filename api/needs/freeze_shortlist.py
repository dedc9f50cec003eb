"""A need matched as it is now, and its answer kept as the next version."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec

from api.runtime.actor import actor_of
from api.runtime.endpoint import Call
from db.audit import write_entry
from db.core.engine import Connection
from db.needs.awards import awards_until
from db.needs.shortlists import get_ledger, insert_shortlist, select_shortlist
from db.suppliers.read import living_suppliers
from domain.audit import Detail
from domain.needs.award import Award
from domain.needs.need import Need, PlannedNeed
from domain.needs.status import StoredNeed
from domain.shortlists.frozen import Absence, LotLedger, LotTotal, Named, ShortlistVersion, lots_shown
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Language
from matching.absence_log import Ledger
from matching.engine import match
from matching.index import LiveIndex
from matching.reference import Reference


class Frozen(NamedTuple):
    """A version that was just made, and its answer."""

    number: int
    body: bytes


class Matched(NamedTuple):
    """A shortlist, its bytes, and where everybody stood."""

    shortlist: Shortlist
    body: bytes
    ledger: Sequence[LotLedger]


class _Asked(NamedTuple):
    """What a match is asked, in its order."""

    need: Need
    live: LiveIndex
    reference: Reference
    on: date
    language: Language
    awards: Sequence[Award]


class _Before(NamedTuple):
    """The version before: what it shows, and where everybody stood."""

    body: bytes
    ledger: Sequence[LotLedger]


def asked(content: PlannedNeed) -> Need:
    """What is matched of a need that is kept: its description or procedure must not change the order of a draw."""
    return Need(**{name: getattr(content, name) for name in Need.__struct_fields__})


async def freeze_next(call: Call, connection: Connection, need: StoredNeed) -> Frozen:
    """Match a need that is held, and keep the answer as its next version, in the transaction of `connection`.

    Raises as `match_kept`.
    """
    return await keep(call, connection, need, await match_kept(call, connection, need))


async def match_kept(call: Call, connection: Connection, need: StoredNeed) -> Matched:
    """Match a need that is held, with what the organisation awarded before.

    Raises InvalidContent with everything wrong in the need, Refusal (503) until there is an index.
    """
    services, organisation = call.services, call.bearer.organisation_id
    live, on = services.directory.index, need.content.on or services.today()
    awards = await awards_until(connection, organisation, on)
    before = await _before(connection, organisation, need)
    started = time.perf_counter()
    asking = _Asked(asked(need.content), live, services.reference, on, call.language, awards)
    found = await asyncio.to_thread(_matched, asking, before)
    services.metrics.matched(time.perf_counter() - started)
    return found._replace(ledger=await _accounted(connection, found.ledger))


async def keep(call: Call, connection: Connection, need: StoredNeed, found: Matched) -> Frozen:
    """Keep the answer as the next version of a need that is held, and note it in the journal."""
    now, stamp = call.services.now(), found.shortlist.stamp
    version = ShortlistVersion(
        number=need.shortlists + 1,
        need_version=need.version,
        language=call.language,
        stamp=stamp,
        totals=tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in found.shortlist.lots),
        created_at=now,
    )
    await insert_shortlist(connection, call.bearer.organisation_id, need, version, found.body, tuple(found.ledger))
    detail: Detail = {"number": version.number, "data_version": stamp.data_version}
    await write_entry(
        connection, actor_of(call), "shortlist.frozen", f"need:{need.id}", now, version=need.version, detail=detail
    )
    return Frozen(version.number, found.body)


async def _before(connection: Connection, organisation_id: UUID, need: StoredNeed) -> _Before | None:
    version = await select_shortlist(connection, organisation_id, need.id, need.shortlists)
    if version is None:
        return None
    return _Before(version.body, await get_ledger(connection, organisation_id, need.id, version.number) or ())


def _matched(asking: _Asked, before: _Before | None) -> Matched:
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
