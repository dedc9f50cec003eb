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


class _StoredKind(NamedTuple):
    """The tables and columns in which objects of one kind are stored, and of which their digest is made.

    `key`: the columns that the name of one has; `content`: those that are digested; `owner`: the organisation whose it
    is, `is_owned` what joins it; `parts`: of the rows that belong to one, the column with its id and those digested.
    """

    key: Sequence[Column[Any]]
    content: Sequence[ColumnElement[Any]]
    owner: ColumnElement[Any]
    is_owned: ColumnElement[bool] = true()
    is_bound: ColumnElement[bool] = true()
    parts: Sequence[tuple[Column[Any], Sequence[ColumnElement[Any]]]] = ()


def _database_digest(column: Column[Any]) -> ColumnElement[Any]:
    """The SQL expression of a document's digest, for documents too long to fetch."""
    return func.sha256(func.convert_to(cast(column, Text), "UTF8"))


def _columns_except(table: Table, *left_out: str) -> list[Column[Any]]:
    return [column for column in table.c if column.key not in left_out]


def _readable(table: Table) -> list[ColumnElement[Any]]:
    """The columns of a table, its documents as the text that is stored."""
    return [cast(column, Text) if isinstance(column.type, Document) else column for column in table.c]


_DONE_SINCE = ("linked_at", "posted_at", "opened_at", "declared_at", "declined_at")
# a session of the administrator's key is of no stored key
_ORGANISATION_OF_SESSION = func.coalesce(
    select(persons.c.organisation_id).where(persons.c.id == desk_sessions.c.person_id).scalar_subquery(),
    select(api_keys.c.organisation_id).where(api_keys.c.id == desk_sessions.c.key_id).scalar_subquery(),
    select(organisations.c.id).where(organisations.c.name == DEFAULT_ORGANISATION).scalar_subquery(),
)
_RECIPIENT = [exchange_recipients.c[name] for name in ("exchange_id", "supplier_id", "name", "siret", "why")]
_OF_NEED = shortlists.c.need_id == needs.c.id
_VERSION = (shortlists.c.need_id, shortlists.c.number)
_KINDS = {
    "message": _StoredKind(
        (messages.c.id,), [*messages.c], exchanges.c.organisation_id, messages.c.exchange_id == exchanges.c.id
    ),
    "exchange": _StoredKind(
        (exchanges.c.id,),
        # a release before knew neither day nor contact, whose person may be erased; an entry tells the day
        [column for column in exchanges.c if column.name not in {"reply_by", "contact"}],
        exchanges.c.organisation_id,
        parts=[(exchange_recipients.c.exchange_id, _RECIPIENT)],
    ),
    "handover": _StoredKind(
        (message_handovers.c.message_id, message_handovers.c.supplier_id),
        [*message_handovers.c],
        exchanges.c.organisation_id,
        message_handovers.c.exchange_id == exchanges.c.id,
        message_handovers.c.handed_on.is_not(None),
    ),
    "need": _StoredKind(
        (needs.c.id,),
        (
            *(needs.c[name] for name in ("id", "organisation_id", "status", "version", "published_at", "ended_at")),
            _database_digest(needs.c.content),
        ),
        needs.c.organisation_id,
    ),
    "campaign": _StoredKind(
        (campaigns.c.id,),
        (campaigns.c.id, campaigns.c.organisation_id, campaigns.c.version, _database_digest(campaigns.c.content)),
        campaigns.c.organisation_id,
    ),
    "meeting": _StoredKind(
        (meetings.c.id,),
        [
            column
            for column, stored in zip(_readable(meetings), meetings.c, strict=True)
            # a version also grows where a person is erased whose name is not in it; a release before knew no territory
            if stored.name not in {"version", "sequence", "updated_at", "territory", "segments"}
        ],
        meetings.c.organisation_id,
        parts=[(part.c.meeting_id, [literal(part.name), *part.c]) for part in (participants, follow_ups)],
    ),
    "stamp": _StoredKind(
        _VERSION,
        (*_VERSION, cast(shortlists.c.stamp, Text), cast(shortlists.c.totals, Text), shortlists.c.language),
        needs.c.organisation_id,
        _OF_NEED,
    ),
    "award": _StoredKind((awards.c.id,), [*awards.c], awards.c.organisation_id),
    "shortlist": _StoredKind(
        _VERSION,
        (
            *_VERSION,
            shortlists.c.need_version,
            shortlists.c.created_at,
            func.sha256(shortlists.c.body),
            _database_digest(shortlists.c.need),
        ),
        needs.c.organisation_id,
        _OF_NEED,
    ),
    "decision": _StoredKind(
        [shortlist_decisions.c[name] for name in ("need_id", "number", "supplier_id", "lot_id")],
        [*shortlist_decisions.c],
        needs.c.organisation_id,
        shortlist_decisions.c.need_id == needs.c.id,
    ),
    "note": _StoredKind(
        (supplier_notes.c.organisation_id, supplier_notes.c.supplier_id),
        _readable(supplier_notes),
        supplier_notes.c.organisation_id,
    ),
    "meeting_scope": _StoredKind(
        (meetings.c.id,),
        (meetings.c.id, cast(meetings.c.territory, Text), meetings.c.segments),
        meetings.c.organisation_id,
        parts=[(meeting_needs.c.meeting_id, [*meeting_needs.c])],
    ),
    "campaign_recipients": _StoredKind(
        (campaigns.c.id,),
        (campaigns.c.id, cast(campaigns.c.left_out, Text)),
        campaigns.c.organisation_id,
        parts=[(campaign_recipients.c.campaign_id, _columns_except(campaign_recipients, *_DONE_SINCE))],
    ),
    "recipients": _StoredKind(
        (exchanges.c.id,),
        (exchanges.c.id, exchanges.c.reply_by, cast(exchanges.c.contact, Text)),
        exchanges.c.organisation_id,
        parts=[(exchange_recipients.c.exchange_id, _columns_except(exchange_recipients, "name", "siret", "why"))],
    ),
    "reply_links": _StoredKind(
        (exchanges.c.id,),
        (exchanges.c.id,),
        exchanges.c.organisation_id,
        parts=[(reply_links.c.exchange_id, [*reply_links.c])],
    ),
    "supplier_link": _StoredKind(
        (declaration_links.c.id,),
        _columns_except(declaration_links, "opened_at", "sent_on", "sends", "campaign_id"),
        declaration_links.c.organisation_id,
        parts=[(declaration_secrets.c.link_id, [*declaration_secrets.c])],
    ),
    "organisation": _StoredKind((organisations.c.id,), _columns_except(organisations, "notes"), organisations.c.id),
    "key": _StoredKind((api_keys.c.id,), [*api_keys.c], api_keys.c.organisation_id),
    "webhook": _StoredKind(
        (webhooks.c.id,),
        _columns_except(webhooks, "acknowledged_version", "queued_version", "failing_since", "updated_at"),
        webhooks.c.organisation_id,
    ),
    "calendar_feed": _StoredKind((calendar_feeds.c.key_id,), [*calendar_feeds.c], calendar_feeds.c.organisation_id),
    "person": _StoredKind(
        (persons.c.id,),
        [*persons.c],
        persons.c.organisation_id,
        parts=[
            (desk_accounts.c.person_id, _columns_except(desk_accounts, "seen_at", "language")),
            (passkeys.c.person_id, _columns_except(passkeys, "sign_count", "used_at")),
        ],
    ),
    "session": _StoredKind(
        (desk_sessions.c.digest,), _columns_except(desk_sessions, "id_token"), _ORGANISATION_OF_SESSION
    ),
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
    for kind, stored in _KINDS.items():
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
                fields = tuple(_column_name(each) for each in values)
                document = msgspec.json.encode([*map(_as_digested, values.values()), *of_one])
                yield StoredDocument(stored_name(kind, *key), document, fields, parts)


def _undigested(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """The bytes whose digest is made in the database, or else the expression itself."""
    is_digest = isinstance(expression, Function) and expression.name == "sha256"
    return next(iter(expression.clauses)) if is_digest else expression


def _column_name(expression: ColumnElement[Any]) -> str:
    return str(next(each.name for each in iterate(expression) if isinstance(each, Column)))


async def unrecorded_names(connection: Connection, organisation_id: UUID, recorded: set[str]) -> Sequence[str]:
    """The names of an organisation's stored objects that should be in its journal and are not in `recorded`."""
    return sorted({*await stored_names(connection, organisation_id, _KINDS.keys() - UNTOLD)} - recorded)


async def stored_names(connection: Connection, organisation_id: UUID, kinds: Iterable[str]) -> Sequence[str]:
    """The names of an organisation's stored objects of these kinds."""
    names = list[str]()
    for kind in kinds:
        stored = _KINDS[kind]
        query = select(*stored.key).where(stored.owner == organisation_id, stored.is_owned, stored.is_bound)
        names += [stored_name(kind, *row) for row in await connection.execute(query)]
    return names


async def decision_names(connection: Connection, need_id: UUID, numbers: Iterable[int]) -> Sequence[str]:
    """The names, as in journal entries, of all decisions on these versions of a need's shortlist."""
    key = _KINDS["decision"].key
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


_OF_DIRECTORY = "of the shared directory, which sources and suppliers rewrite: entries tell when, not what"
_ON_ITS_WAY = "on its way: the server changes it at each attempt, and what is sent is bound elsewhere"
_BY_ITS_ENTRY = "the entries about it have the moment"
_COUNTED = "counted or noted by the server in passing; opens nothing"
EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        (
            *("sources", "directory_version", "change_sets", "suppliers", "records", "merged_records"),
            *("split_records", "trade_counts", "imports", "import_errors", "networks", "declarations"),
        ),
        _OF_DIRECTORY,
    ),
    **dict.fromkeys(
        (
            "message_mails",
            "buyer_mails",
            "campaign_mails",
            "declaration_mails",
            "sign_in_mails",
            "webhook_deliveries",
            "webhook_attempts",
        ),
        _ON_ITS_WAY,
    ),
    "audit_entries": "its own hash and signature",
    "audit_heads": "signed line by line",
    "audit_adoptions": "empty once a migrated database was started; adoptions after the first are not believed",
    "key_minutes": _COUNTED,
    "idempotency_keys": "answers kept for a day",
    "law_files": "named by the digest of its content, which shortlists' stamps bind",
    "suppressions": "digests of erased persons: to bind them would keep what is erased",
    "suppression_key": "the secret of those digests",
    "unwanted_mails": "a wish of buyers not to be told by e-mail, by keyed digests; it opens nothing",
    "unsolicited_suppliers": "a wish of suppliers in the directory, told again at each refusal",
    "organisations.notes": "drawn anew for caches",
    "needs.year": "made of the content by the database",
    "needs.buyer_siret": "made of the content by the database",
    "needs.brief": "made of the content by the database",
    "needs.shortlists": "counts rows that are bound one by one",
    "shortlists.ledger": "empty, and no longer read",
    **dict.fromkeys(
        ("needs.created_at", "needs.updated_at", "meetings.updated_at", "webhooks.updated_at"), _BY_ITS_ENTRY
    ),
    "meetings.version": "grows where a person is erased; entries have it",
    "meetings.sequence": "grows where a person is erased; of calendars alone",
    **dict.fromkeys(
        [f"campaigns.{each}_at" for each in ("created", "updated", "started", "sent", "posted", "reminded")],
        _BY_ITS_ENTRY,
    ),
    **dict.fromkeys([f"campaign_recipients.{each}" for each in _DONE_SINCE], _COUNTED),
    **dict.fromkeys([f"declaration_links.{each}" for each in ("opened_at", "sent_on", "sends")], _COUNTED),
    "declaration_links.campaign_id": "lost with the campaign; whom the link speaks for is bound",
    **dict.fromkeys(
        [f"webhooks.{each}" for each in ("acknowledged_version", "queued_version", "failing_since")], _COUNTED
    ),
    "desk_sessions.id_token": "for the provider alone, at the end of the session",
    "desk_accounts.seen_at": _COUNTED,
    "desk_accounts.language": "of the browser that signed in last; gives no right",
    "passkeys.sign_count": _COUNTED,
    "passkeys.used_at": _COUNTED,
}
"""The tables, and single columns, that no journal entry binds, and why."""


def bound_columns() -> frozenset[str]:
    """The columns, as `table.column`, that journal entries bind."""
    bound = [each for kind in _KINDS.values() for each in (*kind.key, *kind.content)]
    bound += [each for kind in _KINDS.values() for of, columns in kind.parts for each in (of, *columns)]
    return frozenset(
        f"{each.table.name}.{each.name}"
        for expression in bound
        for each in iterate(expression)
        if isinstance(each, Column)
    )
