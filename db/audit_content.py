"""Things that journal entries bind, as they are stored, and their digests.

Names: `message:<id>`, `exchange:<id>` (with its recipients, without addresses, which may be erased),
`shortlist:<need>/<number>`, `decision:<need>/<number>/<supplier>/<lot>`.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, select, tuple_

from db.core.engine import Connection
from db.schema.exchange_tables import exchange_recipients, exchanges, messages
from db.schema.need_tables import needs, shortlist_decisions, shortlists
from domain.audit import content_digest

READ_AT_ONCE = 200

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
    """The messages and shortlists of an organisation that are not among the `recorded` names."""
    own_messages = select(messages.c.id).where(
        messages.c.exchange_id == exchanges.c.id, exchanges.c.organisation_id == organisation_id
    )
    own_shortlists = select(shortlists.c.need_id, shortlists.c.number).where(
        shortlists.c.need_id == needs.c.id, needs.c.organisation_id == organisation_id
    )
    names = [f"message:{id_}" for id_ in (await connection.execute(own_messages)).scalars()]
    names += [shortlist_name(row.need_id, row.number) for row in await connection.execute(own_shortlists)]
    return sorted(set(names) - recorded)


async def decision_names(connection: Connection, need_id: UUID, numbers: Iterable[int]) -> Sequence[str]:
    """The decisions on these versions of a need's shortlist."""
    own = shortlist_decisions.c
    query = select(own.number, own.supplier_id, own.lot_id).where(own.need_id == need_id, own.number.in_(numbers))
    rows = await connection.execute(query.order_by(own.number, own.supplier_id, own.lot_id))
    return [decision_name(need_id, row.number, row.supplier_id, row.lot_id) for row in rows]


def shortlist_name(need_id: UUID, number: int) -> str:
    """A version of a need's shortlist, as entries name it."""
    return f"shortlist:{need_id}/{number}"


def decision_name(need_id: UUID, number: int, supplier_id: UUID, lot_id: str) -> str:
    """A decision, as entries name it."""
    return f"decision:{need_id}/{number}/{supplier_id}/{lot_id}"


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
    ).where(tuple_(own.need_id, own.number).in_([(UUID(need), int(number)) for need, number in map(_parts, names)]))
    return {shortlist_name(row.need_id, row.number): _digest(row) for row in await connection.execute(query)}


async def _decisions(connection: Connection, names: Sequence[str]) -> Digests:
    own = shortlist_decisions.c
    keys = [(UUID(need), int(number), UUID(supplier), lot) for need, number, supplier, lot in map(_parts, names)]
    query = select(shortlist_decisions).where(tuple_(own.need_id, own.number, own.supplier_id, own.lot_id).in_(keys))
    rows = await connection.execute(query)
    return {decision_name(row.need_id, row.number, row.supplier_id, row.lot_id): _digest(row) for row in rows}


_KINDS: dict[str, Callable[[Connection, Sequence[str]], Awaitable[Digests]]] = {
    "message": _messages,
    "exchange": _exchanges,
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
