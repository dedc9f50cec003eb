"""Digests of the stored objects (needs, messages, shortlists…) to which journal entries are bound.

Names: `message:<id>`, `exchange:<id>` (with its recipients, without addresses and contact, which may be erased),
`handover:<message>/<supplier>` (a delivery that the buyer confirmed), `need:<id>` (its content, status and version),
`shortlist:<need>/<number>` and of the same `stamp:<need>/<number>` (what lists of versions tell), `award:<id>`,
`decision:<need>/<number>/<supplier>/<lot>`, `meeting:<id>` (with participants and follow-ups, whose persons are ids;
without its needs, which may be purged, its territory and segments), `campaign:<id>` (its question, without its
recipients).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, Text, cast, func, literal, select, true, tuple_

from db.core.engine import Connection
from db.schema.campaign_tables import campaigns
from db.schema.organisation_tables import (
    awards,
    exchange_recipients,
    exchanges,
    follow_ups,
    meetings,
    message_handovers,
    messages,
    needs,
    participants,
    shortlist_decisions,
    shortlists,
)
from db.schema.supplier_tables import Document
from domain.journal import content_digest

READ_AT_ONCE = 200


class _StoredKind(NamedTuple):
    """The tables and columns in which objects of one kind are stored, and of which their digest is made.

    `key`: the columns that the name of one has; `content`: those that are digested; `owner`: the table that says whose
    it is, `is_owned` what joins it; `parts`: of the rows that belong to one, the column with its id and those digested.
    """

    key: Sequence[Column[Any]]
    content: Sequence[ColumnElement[Any]]
    owner: Table
    is_owned: ColumnElement[bool] = true()
    is_bound: ColumnElement[bool] = true()
    parts: Sequence[tuple[Column[Any], Sequence[ColumnElement[Any]]]] = ()


def _database_digest(column: Column[Any]) -> ColumnElement[Any]:
    """The SQL expression of a document's digest, for documents too long to fetch."""
    return func.sha256(func.convert_to(cast(column, Text), "UTF8"))


_RECIPIENT = [exchange_recipients.c[name] for name in ("exchange_id", "supplier_id", "name", "siret", "why")]
_OF_NEED = shortlists.c.need_id == needs.c.id
_VERSION = (shortlists.c.need_id, shortlists.c.number)
_KINDS = {
    "message": _StoredKind((messages.c.id,), [*messages.c], exchanges, messages.c.exchange_id == exchanges.c.id),
    "exchange": _StoredKind(
        (exchanges.c.id,),
        # a release before knew neither day nor contact, whose person may be erased; an entry tells the day
        [column for column in exchanges.c if column.name not in {"reply_by", "contact"}],
        exchanges,
        parts=[(exchange_recipients.c.exchange_id, _RECIPIENT)],
    ),
    "handover": _StoredKind(
        (message_handovers.c.message_id, message_handovers.c.supplier_id),
        [*message_handovers.c],
        exchanges,
        message_handovers.c.exchange_id == exchanges.c.id,
        message_handovers.c.handed_on.is_not(None),
    ),
    "need": _StoredKind(
        (needs.c.id,),
        (
            *(needs.c[name] for name in ("id", "organisation_id", "status", "version", "published_at", "ended_at")),
            _database_digest(needs.c.content),
        ),
        needs,
    ),
    "campaign": _StoredKind(
        (campaigns.c.id,),
        (campaigns.c.id, campaigns.c.organisation_id, campaigns.c.version, _database_digest(campaigns.c.content)),
        campaigns,
    ),
    "meeting": _StoredKind(
        (meetings.c.id,),
        [
            cast(column, Text) if isinstance(column.type, Document) else column
            for column in meetings.c
            # a version also grows where a person is erased whose name is not in it; a release before knew no territory
            if column.name not in {"version", "sequence", "updated_at", "territory", "segments"}
        ],
        meetings,
        parts=[(part.c.meeting_id, [literal(part.name), *part.c]) for part in (participants, follow_ups)],
    ),
    "stamp": _StoredKind(
        _VERSION,
        (*_VERSION, cast(shortlists.c.stamp, Text), cast(shortlists.c.totals, Text), shortlists.c.language),
        needs,
        _OF_NEED,
    ),
    "award": _StoredKind((awards.c.id,), [*awards.c], awards),
    "shortlist": _StoredKind(
        _VERSION,
        (
            *_VERSION,
            shortlists.c.need_version,
            shortlists.c.created_at,
            func.sha256(shortlists.c.body),
            _database_digest(shortlists.c.need),
        ),
        needs,
        _OF_NEED,
    ),
    "decision": _StoredKind(
        [shortlist_decisions.c[name] for name in ("need_id", "number", "supplier_id", "lot_id")],
        [*shortlist_decisions.c],
        needs,
        shortlist_decisions.c.need_id == needs.c.id,
    ),
}
UNTOLD = {"stamp"}
"""Kinds of which no entry tells on its own."""


async def content_digests(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The digest of each stored object by name (`need:<id>`…), in the order of `names`; "" where nothing has it."""
    wanted = list(dict.fromkeys(names))
    found: dict[str, str] = {}
    for kind, stored in _KINDS.items():
        types = [column.type.python_type for column in stored.key]
        own = [name.partition(":")[2] for name in wanted if name.partition(":")[0] == kind]
        for at in range(0, len(own), READ_AT_ONCE):
            keys = [
                [read(part) for read, part in zip(types, name.split("/", len(types) - 1), strict=True)]
                for name in own[at : at + READ_AT_ONCE]
            ]
            parts: dict[UUID, list[Any]] = {}
            for owner, columns in stored.parts:
                rows = select(owner, *columns).where(owner.in_([key[0] for key in keys]))
                for row in await connection.execute(rows.order_by(*owner.table.primary_key)):
                    parts.setdefault(row[0], []).append([*map(_as_digested, row[1:])])
            query = select(*stored.key, *stored.content).where(tuple_(*stored.key).in_(keys), stored.is_bound)
            for row in await connection.execute(query):
                key, values = row[: len(types)], row[len(types) :]
                # the questions that a message says it answers count where it says so: those written before did not
                told = (
                    value
                    for column, value in zip(stored.content, values, strict=True)
                    if column is not messages.c.answers or value is not None
                )
                of_one = [parts.get(key[0], [])] if stored.parts else []
                found[stored_name(kind, *key)] = content_digest(*map(_as_digested, told), *of_one)
    return {name: found.get(name, "") for name in wanted}


async def unrecorded_names(connection: Connection, organisation_id: UUID, recorded: set[str]) -> Sequence[str]:
    """The names of an organisation's stored objects that should be in its journal and are not in `recorded`."""
    names: set[str] = set()
    for kind in _KINDS.keys() - UNTOLD:
        key, _, owner, is_owned, is_bound, _ = _KINDS[kind]
        query = select(*key).where(owner.c.organisation_id == organisation_id, is_owned, is_bound)
        names.update(stored_name(kind, *row) for row in await connection.execute(query))
    return sorted(names - recorded)


async def decision_names(connection: Connection, need_id: UUID, numbers: Iterable[int]) -> Sequence[str]:
    """The names, as in journal entries, of all decisions on these versions of a need's shortlist."""
    key = _KINDS["decision"].key
    query = select(*key).where(key[0] == need_id, key[1].in_(numbers)).order_by(*key)
    return [stored_name("decision", *row) for row in await connection.execute(query)]


def stored_name(kind: str, *key: Any) -> str:
    """The name of a stored object in journal entries, such as `shortlist:<need>/<number>`."""
    return f"{kind}:{'/'.join(map(str, key))}"


def _as_digested(value: Any) -> Any:
    """A column's value as it enters a digest: an instant as a timestamp, whatever the time zone, bytes in hex."""
    if isinstance(value, datetime):
        return value.timestamp()
    return value.hex() if isinstance(value, bytes) else value
