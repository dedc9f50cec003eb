"""Things that journal entries bind, as they are stored, and their digests.

Names: `message:<id>`, `exchange:<id>` (with its recipients, without addresses, which may be erased),
`handover:<message>/<supplier>` (a delivery that the buyer confirmed), `need:<id>` (its content, status and version),
`shortlist:<need>/<number>` and of the same `stamp:<need>/<number>` (what lists of versions tell), `award:<id>`,
`decision:<need>/<number>/<supplier>/<lot>`, `meeting:<id>` (with participants and follow-ups, whose persons are ids;
without its needs, which may be purged).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, func, select, tuple_

from db.core.engine import Connection
from db.schema.exchange_tables import (
    exchange_recipients,
    exchanges,
    follow_ups,
    meetings,
    message_handovers,
    messages,
    participants,
)
from db.schema.need_tables import awards, needs, shortlist_decisions, shortlists
from db.schema.supplier_tables import Document
from domain.audit import content_digest

READ_AT_ONCE = 200

# a version also grows where a person is erased whose name is not in it
_OF_MEETING = [column for column in meetings.c if column.name not in {"version", "sequence", "updated_at"}]

_IS_CONFIRMED = message_handovers.c.handed_on.is_not(None)

Digests = dict[str, str]


async def content_digests(connection: Connection, names: Iterable[str]) -> Digests:
    """The digest of each, in the order given; empty where there is no such thing."""
    wanted = list(dict.fromkeys(names))
    found: Digests = {}
    for kind, read in _KINDS.items():
        own = [name for name in wanted if name.partition(":")[0] == kind]
        for at in range(0, len(own), READ_AT_ONCE):
            found |= await read(connection, own[at : at + READ_AT_ONCE])
    return {name: found.get(name, "") for name in wanted}


async def unrecorded(connection: Connection, organisation_id: UUID, recorded: set[str]) -> Sequence[str]:
    """All that entries tell of and an organisation has, but the `recorded` names."""
    own_need, own_exchange = needs.c.organisation_id == organisation_id, exchanges.c.organisation_id == organisation_id
    decisions, of_need = shortlist_decisions.c, shortlists.c.need_id == needs.c.id
    parts: tuple[tuple[str, Select[Any]], ...] = (
        ("exchange", select(exchanges.c.id).where(own_exchange)),
        ("message", select(messages.c.id).where(messages.c.exchange_id == exchanges.c.id, own_exchange)),
        (
            "handover",
            select(message_handovers.c.message_id, message_handovers.c.supplier_id).where(
                message_handovers.c.exchange_id == exchanges.c.id, _IS_CONFIRMED, own_exchange
            ),
        ),
        ("need", select(needs.c.id).where(own_need)),
        ("shortlist", select(shortlists.c.need_id, shortlists.c.number).where(of_need, own_need)),
        (
            "decision",
            select(decisions.need_id, decisions.number, decisions.supplier_id, decisions.lot_id).where(
                decisions.need_id == needs.c.id, own_need
            ),
        ),
        ("award", select(awards.c.id).where(awards.c.organisation_id == organisation_id)),
        ("meeting", select(meetings.c.id).where(meetings.c.organisation_id == organisation_id)),
    )
    names = {f"{kind}:{'/'.join(map(str, row))}" for kind, own in parts for row in await connection.execute(own)}
    return sorted(names - recorded)


async def decision_names(connection: Connection, need_id: UUID, numbers: Iterable[int]) -> Sequence[str]:
    """The decisions on these versions of a need's shortlist."""
    own = shortlist_decisions.c
    query = select(own.number, own.supplier_id, own.lot_id).where(own.need_id == need_id, own.number.in_(numbers))
    rows = await connection.execute(query.order_by(own.number, own.supplier_id, own.lot_id))
    return [decision_name(need_id, row.number, row.supplier_id, row.lot_id) for row in rows]


def shortlist_name(need_id: UUID, number: int) -> str:
    """A version of a need's shortlist, as entries name it."""
    return f"shortlist:{need_id}/{number}"


def stamp_name(need_id: UUID, number: int) -> str:
    """The stamp and totals of a version of a need's shortlist, as entries name them."""
    return f"stamp:{need_id}/{number}"


def decision_name(need_id: UUID, number: int, supplier_id: UUID, lot_id: str) -> str:
    """A decision, as entries name it."""
    return f"decision:{need_id}/{number}/{supplier_id}/{lot_id}"


def handover_name(message_id: UUID, supplier_id: UUID) -> str:
    """A delivery that the buyer confirmed, as entries name it."""
    return f"handover:{message_id}/{supplier_id}"


async def _handovers(connection: Connection, names: Sequence[str]) -> Digests:
    own = message_handovers.c
    keys = [(UUID(message), UUID(supplier)) for message, supplier in map(_parts, names)]
    query = select(message_handovers).where(tuple_(own.message_id, own.supplier_id).in_(keys), _IS_CONFIRMED)
    rows = await connection.execute(query)
    return {handover_name(row.message_id, row.supplier_id): _digest(row) for row in rows}


async def _messages(connection: Connection, names: Sequence[str]) -> Digests:
    """The questions that a message says it answers count where it says so: those that were written before did not."""
    query = select(messages).where(messages.c.id.in_(map(_id, names)))
    rows = (await connection.execute(query)).mappings()
    return {
        f"message:{row['id']}": _digest(value for name, value in row.items() if name != "answers" or value is not None)
        for row in rows
    }


async def _exchanges(connection: Connection, names: Sequence[str]) -> Digests:
    own, ids = exchange_recipients.c, [_id(name) for name in names]
    told = select(own.exchange_id, own.supplier_id, own.name, own.siret, own.why).where(own.exchange_id.in_(ids))
    recipients: dict[UUID, list[Any]] = {}
    for row in await connection.execute(told.order_by(own.exchange_id, own.supplier_id)):
        recipients.setdefault(row.exchange_id, []).append([_plain(value) for value in row])
    rows = await connection.execute(select(exchanges).where(exchanges.c.id.in_(ids)))
    return {f"exchange:{row.id}": _digest([*row, recipients.get(row.id, [])]) for row in rows}


async def _shortlists(connection: Connection, names: Sequence[str]) -> Digests:
    """PostgreSQL digests the answers, which are long."""
    own = shortlists.c
    need = func.sha256(func.convert_to(cast(own.need, Text), "UTF8"))
    query = select(
        own.need_id, own.number, own.need_version, own.created_at, func.sha256(own.body), need.label("need")
    ).where(_is_version(names))
    return {shortlist_name(row.need_id, row.number): _digest(row) for row in await connection.execute(query)}


async def _stamps(connection: Connection, names: Sequence[str]) -> Digests:
    own = shortlists.c
    told = (cast(own.stamp, Text), cast(own.totals, Text), own.language)
    rows = await connection.execute(select(own.need_id, own.number, *told).where(_is_version(names)))
    return {stamp_name(row.need_id, row.number): _digest(row) for row in rows}


def _is_version(names: Sequence[str]) -> ColumnElement[bool]:
    """Whether a shortlist is one of these."""
    keys = [(UUID(need), int(number)) for need, number in map(_parts, names)]
    return tuple_(shortlists.c.need_id, shortlists.c.number).in_(keys)


async def _meetings(connection: Connection, names: Sequence[str]) -> Digests:
    ids = [_id(name) for name in names]
    parts: dict[UUID, list[Any]] = {}
    for table in (participants, follow_ups):
        own = select(table).where(table.c.meeting_id.in_(ids)).order_by(table.c.meeting_id, table.c.position)
        for row in await connection.execute(own):
            parts.setdefault(row.meeting_id, []).append([str(table.name), *map(_plain, row)])
    own_columns = [cast(column, Text) if isinstance(column.type, Document) else column for column in _OF_MEETING]
    rows = await connection.execute(select(*own_columns).where(meetings.c.id.in_(ids)))
    return {f"meeting:{row.id}": _digest([*row, parts.get(row.id, [])]) for row in rows}


async def _needs(connection: Connection, names: Sequence[str]) -> Digests:
    """PostgreSQL digests the contents, which may be long."""
    own = needs.c
    content = func.sha256(func.convert_to(cast(own.content, Text), "UTF8"))
    query = select(own.id, own.organisation_id, own.status, own.version, own.published_at, own.ended_at, content)
    rows = await connection.execute(query.where(own.id.in_(map(_id, names))))
    return {f"need:{row.id}": _digest(row) for row in rows}


async def _awards(connection: Connection, names: Sequence[str]) -> Digests:
    rows = await connection.execute(select(awards).where(awards.c.id.in_(map(_id, names))))
    return {f"award:{row.id}": _digest(row) for row in rows}


async def _decisions(connection: Connection, names: Sequence[str]) -> Digests:
    own = shortlist_decisions.c
    keys = [(UUID(need), int(number), UUID(supplier), lot) for need, number, supplier, lot in map(_parts, names)]
    query = select(shortlist_decisions).where(tuple_(own.need_id, own.number, own.supplier_id, own.lot_id).in_(keys))
    rows = await connection.execute(query)
    return {decision_name(row.need_id, row.number, row.supplier_id, row.lot_id): _digest(row) for row in rows}


_KINDS: dict[str, Callable[[Connection, Sequence[str]], Awaitable[Digests]]] = {
    "message": _messages,
    "exchange": _exchanges,
    "handover": _handovers,
    "need": _needs,
    "meeting": _meetings,
    "stamp": _stamps,
    "award": _awards,
    "shortlist": _shortlists,
    "decision": _decisions,
}


def _id(name: str) -> UUID:
    return UUID(name.partition(":")[2])


def _parts(name: str) -> list[str]:
    return name.partition(":")[2].split("/", 3)


def _digest(values: Iterable[Any]) -> str:
    return content_digest(*map(_plain, values))


def _plain(value: Any) -> Any:
    """A value as it is digested: instants in UTC, whatever the session's time zone."""
    if isinstance(value, datetime):
        return value.timestamp()
    return value.hex() if isinstance(value, bytes) else value
