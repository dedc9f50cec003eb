"""Digests of the stored objects (needs, messages, shortlists…) to which journal entries are bound.

Names: `message:<id>`, `exchange:<id>` (with its recipients, without addresses and contact, which may be erased),
`handover:<message>/<supplier>` (a delivery that the buyer confirmed), `need:<id>` (its content, status and version),
`shortlist:<need>/<number>` and of the same `stamp:<need>/<number>` (what lists of versions tell), `award:<id>`,
`decision:<need>/<number>/<supplier>/<lot>`, `meeting:<id>` (with participants and follow-ups, whose persons are ids),
`meeting_scope:<meeting>` (the needs, territory and segments that it is about), `campaign:<id>` (its question),
`campaign_recipients:<campaign>`, `note:<organisation>/<supplier>`. Of rights: `organisation:<id>`, `key:<id>`,
`person:<id>` (with accounts and passkeys), `session:<digest>`, `calendar_feed:<key>`, `webhook:<id>`,
`recipients:<exchange>` (their addresses, with the contact that they are told), `reply_links:<exchange>`,
`supplier_link:<id>` (with the digests of its secrets).

The digest of a row with a person's data is made with its salt, which an erasure replaces: nobody is guessed from it.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Column, ColumnElement, Table, Text, cast, func, literal, select, true, tuple_
from sqlalchemy.sql.functions import Function
from sqlalchemy.sql.visitors import iterate

from db.core.engine import Connection
from db.schema.campaign_tables import campaign_recipients, campaigns, declaration_links, declaration_secrets
from db.schema.organisation_tables import (
    awards,
    calendar_feeds,
    exchange_recipients,
    exchanges,
    follow_ups,
    meeting_needs,
    meetings,
    message_handovers,
    messages,
    needs,
    participants,
    reply_links,
    shortlist_decisions,
    shortlists,
    supplier_notes,
)
from db.schema.person_tables import desk_accounts, desk_sessions, passkeys, persons
from db.schema.supplier_tables import Document, api_keys, organisations, webhooks
from domain.organisation import DEFAULT_ORGANISATION

READ_AT_ONCE = 200
_READERS: dict[type, Callable[[str], Any]] = {bytes: bytes.fromhex}
_ALWAYS = true()


class _StoredKind(NamedTuple):
    """The tables and columns in which objects of one kind are stored, and of which their digest is made.

    `key`: the columns that the name of one has; `content`: those that are digested; `owner`: the organisation whose it
    is, `is_owned` what joins it; `parts`: of the rows that belong to one, the column with its id and those digested.
    """

    key: Sequence[Column[Any]]
    content: Sequence[ColumnElement[Any]]
    owner: ColumnElement[Any]
    is_owned: ColumnElement[bool]
    is_bound: ColumnElement[bool]
    parts: Sequence[tuple[Column[Any], Sequence[ColumnElement[Any]]]]


def _kind(
    table: Table,
    content: Sequence[ColumnElement[Any]] | None = None,
    *parts: tuple[Column[Any], Sequence[ColumnElement[Any]]],
    key: str = "id",
    owner: ColumnElement[Any] | None = None,
    is_owned: ColumnElement[bool] = _ALWAYS,
    is_bound: ColumnElement[bool] = _ALWAYS,
) -> _StoredKind:
    """The kind of the rows of a table, which it digests whole and whose organisation it tells unless said otherwise."""
    keys = [table.c[each] for each in key.split()]
    content = _columns(table) if content is None else content
    return _StoredKind(keys, content, table.c.organisation_id if owner is None else owner, is_owned, is_bound, parts)


def _database_digest(column: Column[Any]) -> ColumnElement[Any]:
    """The SQL expression of a document's digest, for documents too long to fetch."""
    return func.sha256(func.convert_to(cast(column, Text), "UTF8"))


def _readable(column: Column[Any]) -> ColumnElement[Any]:
    """The column, a document as the text that is stored."""
    return cast(column, Text) if isinstance(column.type, Document) else column


def _columns(table: Table, *left_out: str) -> list[ColumnElement[Any]]:
    """All columns of a table but some, as they are digested."""
    return [_readable(column) for column in table.c if column.name not in left_out]


def _by_name(table: Table, names: str) -> list[ColumnElement[Any]]:
    """The columns of a table that have these names, in this order."""
    return [_readable(table.c[each]) for each in names.split()]


# a session of the administrator's key is of no stored key
_ORGANISATION_OF_SESSION = func.coalesce(
    select(persons.c.organisation_id).where(persons.c.id == desk_sessions.c.person_id).scalar_subquery(),
    select(api_keys.c.organisation_id).where(api_keys.c.id == desk_sessions.c.key_id).scalar_subquery(),
    select(organisations.c.id).where(organisations.c.name == DEFAULT_ORGANISATION).scalar_subquery(),
)
_OF_EXCHANGE, _OF_NEED = exchanges.c.organisation_id, needs.c.organisation_id
_IS_OF_NEED = shortlists.c.need_id == needs.c.id
# columns that an update in passing changes: what was done with a recipient, and when
_DONE_SINCE = ("linked_at", "posted_at", "opened_at", "declared_at", "declined_at")
KINDS = {
    "message": _kind(messages, owner=_OF_EXCHANGE, is_owned=messages.c.exchange_id == exchanges.c.id),
    "exchange": _kind(
        exchanges,
        # a release before knew neither day nor contact, whose person may be erased; an entry tells the day
        _columns(exchanges, "reply_by", "contact"),
        (exchange_recipients.c.exchange_id, _by_name(exchange_recipients, "exchange_id supplier_id name siret why")),
    ),
    "handover": _kind(
        message_handovers,
        key="message_id supplier_id",
        owner=_OF_EXCHANGE,
        is_owned=message_handovers.c.exchange_id == exchanges.c.id,
        is_bound=message_handovers.c.handed_on.is_not(None),
    ),
    "need": _kind(
        needs,
        [
            *_by_name(needs, "id organisation_id status version published_at ended_at"),
            _database_digest(needs.c.content),
        ],
    ),
    "campaign": _kind(
        campaigns, [*_by_name(campaigns, "id organisation_id version"), _database_digest(campaigns.c.content)]
    ),
    "meeting": _kind(
        meetings,
        # a version also grows where a person is erased whose name is not in it; a release before knew no territory
        _columns(meetings, "version", "sequence", "updated_at", "territory", "segments"),
        *((part.c.meeting_id, [literal(part.name), *part.c]) for part in (participants, follow_ups)),
    ),
    "stamp": _kind(
        shortlists,
        _by_name(shortlists, "need_id number stamp totals language"),
        key="need_id number",
        owner=_OF_NEED,
        is_owned=_IS_OF_NEED,
    ),
    "award": _kind(awards),
    "shortlist": _kind(
        shortlists,
        [
            *_by_name(shortlists, "need_id number need_version created_at"),
            func.sha256(shortlists.c.body),
            _database_digest(shortlists.c.need),
        ],
        key="need_id number",
        owner=_OF_NEED,
        is_owned=_IS_OF_NEED,
    ),
    "decision": _kind(
        shortlist_decisions,
        key="need_id number supplier_id lot_id",
        owner=_OF_NEED,
        is_owned=shortlist_decisions.c.need_id == needs.c.id,
    ),
    "note": _kind(supplier_notes, key="organisation_id supplier_id"),
    "meeting_scope": _kind(
        meetings, _by_name(meetings, "id territory segments"), (meeting_needs.c.meeting_id, _columns(meeting_needs))
    ),
    "campaign_recipients": _kind(
        campaigns,
        _by_name(campaigns, "id left_out"),
        (campaign_recipients.c.campaign_id, _columns(campaign_recipients, *_DONE_SINCE)),
    ),
    "recipients": _kind(
        exchanges,
        _by_name(exchanges, "id reply_by contact"),
        (exchange_recipients.c.exchange_id, _columns(exchange_recipients, "supplier_name", "siret", "why")),
    ),
    "reply_links": _kind(exchanges, [exchanges.c.id], (reply_links.c.exchange_id, _columns(reply_links))),
    "supplier_link": _kind(
        declaration_links,
        _columns(declaration_links, "opened_at", "sent_on", "sends", "campaign_id"),
        (declaration_secrets.c.link_id, _columns(declaration_secrets)),
    ),
    "organisation": _kind(organisations, _columns(organisations, "notes"), owner=organisations.c.id),
    "key": _kind(api_keys),
    "webhook": _kind(
        webhooks, _columns(webhooks, "acknowledged_version", "queued_version", "failing_since", "updated_at")
    ),
    "calendar_feed": _kind(calendar_feeds, key="key_id"),
    "person": _kind(
        persons,
        None,
        (desk_accounts.c.person_id, _columns(desk_accounts, "seen_at", "language")),
        (passkeys.c.person_id, _columns(passkeys, "sign_count", "used_at")),
    ),
    "session": _kind(desk_sessions, _columns(desk_sessions, "id_token"), key="digest", owner=_ORGANISATION_OF_SESSION),
}
UNTOLD = {"stamp", "organisation"}
"""Kinds of which no entry tells on its own; the first entry of a journal binds its organisation."""


class StoredDocument(NamedTuple):
    """A stored object as entries bind it: the JSON whose SHA-256 is its digest, and the names of what it lists.

    `parts`: longer documents of it, of which the JSON has the SHA-256.
    """

    name: str
    content: bytes
    fields: tuple[str, ...]
    parts: tuple[bytes, ...]


async def content_digests(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The digest of each stored object by name (`need:<id>`…), in the order of `names`; "" where nothing has it."""
    wanted = list(dict.fromkeys(names))
    found = {each.name: sha256(each.content).hexdigest() async for each in stored_documents(connection, wanted)}
    return {name: found.get(name, "") for name in wanted}


async def stored_documents(
    connection: Connection, names: Iterable[str], *, whole: bool = False
) -> AsyncIterator[StoredDocument]:
    """Yield the stored objects that have these names, in no order; `whole`: with their parts."""
    wanted = list(dict.fromkeys(names))
    for kind, stored in KINDS.items():
        types = [_READERS.get(column.type.python_type, column.type.python_type) for column in stored.key]
        own = [name.partition(":")[2] for name in wanted if name.partition(":")[0] == kind]
        for at in range(0, len(own), READ_AT_ONCE):
            keys = [
                [read(part) for read, part in zip(types, name.split("/", len(types) - 1), strict=True)]
                for name in own[at : at + READ_AT_ONCE]
            ]
            rows_of: dict[UUID, list[Any]] = {}
            for owner, columns in stored.parts:
                rows = select(owner, *columns).where(owner.in_([key[0] for key in keys]))
                for row in await connection.execute(rows.order_by(*owner.table.primary_key)):
                    rows_of.setdefault(row[0], []).append([*map(_as_digested, row[1:])])
            content = [_undigested(each) if whole else each for each in stored.content]
            query = select(*stored.key, *content).where(tuple_(*stored.key).in_(keys), stored.is_bound)
            for row in await connection.execute(query):
                key, values = row[: len(types)], dict(zip(stored.content, row[len(types) :], strict=True))
                # the questions that a message says it answers count where it says so: those written before did not
                if values.get(messages.c.answers, "") is None:
                    del values[messages.c.answers]
                long = [each for each in values if whole and _undigested(each) is not each]
                parts = tuple(values[each] for each in long)
                values |= {each: sha256(part).digest() for each, part in zip(long, parts, strict=True)}
                of_one = [rows_of.get(key[0], [])] if stored.parts else []
                named = (next(part for part in iterate(each) if isinstance(part, Column)) for each in values)
                document = msgspec.json.encode([*map(_as_digested, values.values()), *of_one])
                yield StoredDocument(stored_name(kind, *key), document, tuple(str(each.name) for each in named), parts)


def _undigested(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """The bytes whose digest is made in the database, or else the expression itself."""
    is_digest = isinstance(expression, Function) and expression.name == "sha256"
    return next(iter(expression.clauses)) if is_digest else expression


async def unrecorded_names(connection: Connection, organisation_id: UUID, recorded: set[str]) -> Sequence[str]:
    """The names of an organisation's stored objects that should be in its journal and are not in `recorded`."""
    return sorted({*await stored_names(connection, organisation_id, KINDS.keys() - UNTOLD)} - recorded)


async def stored_names(connection: Connection, organisation_id: UUID, kinds: Iterable[str]) -> Sequence[str]:
    """The names of an organisation's stored objects of these kinds."""
    names = list[str]()
    for kind in kinds:
        stored = KINDS[kind]
        query = select(*stored.key).where(stored.owner == organisation_id, stored.is_owned, stored.is_bound)
        names += [stored_name(kind, *row) for row in await connection.execute(query)]
    return names


async def decision_names(connection: Connection, need_id: UUID, numbers: Iterable[int]) -> Sequence[str]:
    """The names, as in journal entries, of all decisions on these versions of a need's shortlist."""
    key = KINDS["decision"].key
    query = select(*key).where(key[0] == need_id, key[1].in_(numbers)).order_by(*key)
    return [stored_name("decision", *row) for row in await connection.execute(query)]


def stored_name(kind: str, *key: Any) -> str:
    """The name of a stored object in journal entries, such as `shortlist:<need>/<number>`."""
    return f"{kind}:{'/'.join(each.hex() if isinstance(each, bytes) else str(each) for each in key)}"


def _as_digested(value: Any) -> Any:
    """A column's value as it enters a digest: an instant as a timestamp, whatever the time zone, bytes in hex."""
    if isinstance(value, datetime):
        return value.timestamp()
    return value.hex() if isinstance(value, bytes) else value
