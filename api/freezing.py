"""A need matched as it is now, and its answer kept as the next version."""

import asyncio
import time
from datetime import date
from typing import NamedTuple

import msgspec

from api.actors import actor_of
from api.endpoint import Call
from db.audit import record
from db.connect import Connection
from db.shortlists import freeze
from domain.audit import Detail
from domain.frozen_shortlist import LotLedger, LotTotal, ShortlistVersion
from domain.need import Need, PlannedNeed
from domain.need_life import StoredNeed
from domain.shortlist import Shortlist
from domain.wording import Language
from matching.engine import Reference, match
from matching.index import LiveIndex


class Frozen(NamedTuple):
    """A version that was just made, and its answer."""

    number: int
    body: bytes


class Matched(NamedTuple):
    """A shortlist, its bytes, and where everybody stood."""

    shortlist: Shortlist
    body: bytes
    ledger: tuple[LotLedger, ...]


def asked(content: PlannedNeed) -> Need:
    """What is matched of a need that is kept: its description or procedure must not change the order of a draw."""
    return Need(**{name: getattr(content, name) for name in Need.__struct_fields__})


async def freeze_next(call: Call, connection: Connection, need: StoredNeed) -> Frozen:
    """Match a need that is held, and keep the answer as its next version, in the transaction of `connection`.

    Raises InvalidContent with everything wrong in the need, Refusal (503) until there is an index.
    """
    services, organisation = call.services, call.bearer.organisation_id
    index, on = services.directory.index, need.content.on or services.today()
    started = time.perf_counter()
    found = await asyncio.to_thread(_matched, asked(need.content), index, services.reference, on, call.language)
    services.metrics.matched(time.perf_counter() - started)
    now, stamp = services.now(), found.shortlist.stamp
    version = ShortlistVersion(
        number=need.shortlists + 1,
        need_version=need.version,
        language=call.language,
        stamp=stamp,
        totals=tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in found.shortlist.lots),
        created_at=now,
    )
    await freeze(connection, organisation, need, version, found.body, found.ledger)
    detail: Detail = {"number": version.number, "data_version": stamp.data_version}
    await record(
        connection, actor_of(call), "shortlist.frozen", f"need:{need.id}", now, version=need.version, detail=detail
    )
    return Frozen(version.number, found.body)


def _matched(need: Need, index: LiveIndex, reference: Reference, on: date, language: Language) -> Matched:
    shortlist = match(need, index, reference, on, language)
    return Matched(shortlist, msgspec.json.encode(shortlist), ())
