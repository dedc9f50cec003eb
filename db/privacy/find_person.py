"""Search for a person's data in organisations' own tables, and in shared ones: the directory and imports.

Structured fields are compared exactly; texts are searched for the full name, the address and the number. PostgreSQL
does both, and hands over what it found.
"""

from base64 import urlsafe_b64decode
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.core.engine import Connection
from db.privacy.mentions import (
    ADDRESSES,
    MENTION_COLUMNS,
    MentionColumn,
    mention_pattern,
    name_pattern,
    redacted_shortlists,
)
from db.schema.organisation_tables import follow_ups, meetings, participants, shortlists
from db.schema.person_tables import desk_accounts, desk_sessions, passkeys, persons
from db.schema.supplier_tables import merged_records, organisations, records, sources, split_records
from db.suppliers.write import STORED_RECORDS, stored_record
from domain.privacy import Fate, Holding, Identifiers, Why, has_name, is_persons_name, without_person
from domain.suppliers.assembly import StoredRecord
from domain.suppliers.supplier import Contact

_LONGEST_EXCERPT, _BEFORE_MENTION = 500, 200
_FATES_OF_PERSON: dict[str, Fate] = {"name": "pseudonym", "email": "erased", "phone": "erased", "employer": "erased"}
_TEXTS_OF_RECORD = ("name", "trade_name", "description")
_CONTACT_DETAILS = ("email", "phone", "person")
_NEVER = sa.cast(sa.null(), sa.DateTime(timezone=True))


class FoundData(msgspec.Struct, frozen=True, kw_only=True):
    """The data that a search found of a person; `organisations` (ids by name), `in_directory`: where it looked.

    `records`: those that change, each with its contact after an erasure; `supplier_ids`: the suppliers they describe.
    """

    identifiers: Identifiers
    organisations: dict[str, UUID]
    in_directory: bool
    persons: Sequence[sa.Row[Any]]
    records: Sequence[tuple[StoredRecord, Contact]]
    supplier_ids: frozenset[UUID]
    holdings: tuple[Holding, ...]


class _Search(NamedTuple):
    """A search in the data of organisations (names by id); with `lock`, the rows found are locked."""

    connection: Connection
    organisations: dict[UUID, str]
    lock: bool

    async def rows(self, query: sa.Select[Any], table: sa.Table) -> Sequence[sa.Row[Any]]:
        """The rows of a query, in the order of the table's primary key, and locked there if `lock`."""
        query = query.order_by(*table.primary_key)
        if self.lock:
            # records go on being written to a source whose label changes
            query = query.with_for_update(of=table, key_share=table is sources)
        return list(await self.connection.execute(query))

    def holding(self, row: sa.Row[Any], where: str, field: str, text: str, fate: Fate) -> Holding:
        """A text of the person in a row, as a holding; `where`: the object's name; `fate`: what erasure does to it."""
        why: Why | None = "append_only" if fate == "kept" else None
        owner = self.organisations.get(row.organisation_id)
        return Holding(organisation=owner, where=where, field=field, text=text, since=row.since, fate=fate, why=why)


async def find_person(
    connection: Connection,
    organisation_ids: Collection[UUID],
    asked: Identifiers,
    *,
    in_directory: bool = True,
    lock: bool = False,
    seconds: float | None = None,
) -> FoundData:
    """Find a person's data in these organisations' tables and, with `in_directory`, in the shared tables.

    `lock`: nobody else changes any of it in the organisations' data until the transaction ends. `seconds`: those that
    a statement may take, also those that follow in the transaction; the database ends a longer one.
    """
    if seconds is not None:
        await connection.execute(sa.select(sa.func.set_config("statement_timeout", str(round(seconds * 1_000)), True)))
    names = sa.select(organisations.c.id, organisations.c.name).where(organisations.c.id.in_(organisation_ids))
    search = _Search(connection, {row.id: row.name for row in await connection.execute(names)}, lock)
    own = await _find_persons(search, asked)
    emails = [row.email_key for row in own if has_name(row.email_key, row.name)]
    known = asked.extended([row.name for row in own], emails, [row.phone or "" for row in own])
    in_records = await _find_records(connection, known) if in_directory else ()
    stored = [(item, item.record.contact or Contact()) for item in in_records]
    for _, contact in stored:
        person, email = contact.person or "", contact.email or ""
        if is_persons_name(person, email, known):
            known = known.extended([person], [email] if has_name(email, person) else [], [contact.phone or ""])
    changed = [(item, left) for item, given in stored if (left := without_person(given, known)) is not given]
    supplier_ids = frozenset(item.supplier_id for item, _ in changed if item.supplier_id is not None)
    searched_columns = [searched for searched in MENTION_COLUMNS if in_directory or not searched.is_shared]
    holdings = (
        *await _holdings_of(search, own),
        *await _participations(search, [row.id for row in own]),
        *(holding for item, left in changed for holding in _contact_details(item, left)),
        *(await _texts_of_records(connection, known) if in_directory else ()),
        *(await _external_ids(connection, known) if in_directory else ()),
        *await _contacts_in_shortlists(search, known, supplier_ids),
        *[holding for searched in searched_columns for holding in await _find_mentions(search, searched, known)],
    )
    return FoundData(
        identifiers=known,
        organisations={name: id_ for id_, name in search.organisations.items()},
        in_directory=in_directory,
        persons=own,
        records=changed,
        supplier_ids=supplier_ids,
        holdings=holdings,
    )


async def _holdings_of(search: _Search, persons_: Sequence[sa.Row[Any]]) -> list[Holding]:
    """The holdings in the rows of these persons, of their accounts, sessions and passkeys."""
    ids = [row.id for row in persons_]
    query = sa.select(desk_accounts, desk_accounts.c.seen_at.label("since"))
    accounts = await search.rows(query.where(desk_accounts.c.person_id.in_(ids)), desk_accounts)
    query = sa.select(desk_sessions, desk_sessions.c.created_at.label("since"), persons.c.organisation_id)
    is_own = (desk_sessions.c.person_id == persons.c.id) & persons.c.id.in_(ids)
    sessions = await search.rows(query.where(is_own), desk_sessions)
    query = sa.select(passkeys, passkeys.c.created_at.label("since"), persons.c.organisation_id)
    is_own = (passkeys.c.person_id == persons.c.id) & persons.c.id.in_(ids)
    of_devices = await search.rows(query.where(is_own), passkeys)
    return [
        *(
            search.holding(row, f"person:{row.id}", field, value, fate)
            for row in persons_
            for field, fate in _FATES_OF_PERSON.items()
            if (value := getattr(row, field)) is not None
        ),
        *(
            search.holding(row, f"person:{row.person_id}", "account", f"{row.issuer} {row.subject}", "erased")
            for row in accounts
        ),
        *(
            search.holding(
                row, f"person:{row.person_id}", "session", _claims(row.id_token or "") or row.ground or "", "erased"
            )
            for row in sessions
        ),
        *(
            search.holding(row, f"person:{row.person_id}", "passkey", row.credential_id.hex(), "erased")
            for row in of_devices
        ),
    ]


def _claims(id_token: str) -> str:
    """The claims inside an ID token, as JSON; "" where they cannot be decoded."""
    claims = f"{id_token}.".split(".")[1]
    try:
        return urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).decode()
    except ValueError:
        return ""


def has_mention(searched: MentionColumn, emails: Collection[str], pattern: str | None) -> sa.ColumnElement[bool]:
    """The condition that a column matches `pattern` or, if that is None or it holds addresses, is in `emails`."""
    if pattern is None or searched in ADDRESSES:
        return sa.func.lower(sa.func.trim(searched.text)).in_(emails)
    found = searched.text.regexp_match(pattern)
    if searched.column is not shortlists.c.body:
        return found
    # the contacts are taken only out of those answers in which there is something
    return found & sa.func.convert_from(shortlists.c.body, "UTF8", type_=sa.Text).regexp_match(pattern)


async def _find_mentions(search: _Search, searched: MentionColumn, known: Identifiers) -> list[Holding]:
    pattern = mention_pattern(known, with_phones=searched.column is not shortlists.c.body)
    query = sa.select(
        searched.owner.label("organisation_id"),
        searched.row_came_at.label("since"),
        searched.where.label("where"),
        _excerpt(searched.text, pattern or "^").label("text"),
    ).where(searched.is_joined, searched.is_within(search.organisations), has_mention(searched, known.emails, pattern))
    rows = await search.rows(query, searched.table)
    return [search.holding(row, row.where, searched.field, row.text, searched.fate) for row in rows]


async def _find_persons(search: _Search, asked: Identifiers) -> Sequence[sa.Row[Any]]:
    own = persons.c
    is_namesake = own.email_key.not_in(("", asked.asked_email)) if asked.asked_email else sa.false()
    is_the_person = sa.or_(
        sa.and_(own.name_key == asked.asked_name_key, own.name_key != "", ~is_namesake),
        sa.and_(own.email_key == asked.asked_email, own.email_key != ""),
        _phone_key(own.phone) == asked.asked_phone if asked.asked_phone else sa.false(),
    )
    query = sa.select(persons, own.created_at.label("since"))
    query = query.where(own.organisation_id.in_(search.organisations), own.erased_at.is_(None), is_the_person)
    return await search.rows(query, persons)


async def _participations(search: _Search, person_ids: Sequence[UUID]) -> list[Holding]:
    """The holdings for meetings in which the persons take part, or that give them something to do."""
    each = (meetings.c.id, meetings.c.organisation_id, meetings.c.created_at.label("since"), meetings.c.title)
    parts = (
        sa.select(*each, part.label("part")).where(
            part.table.c.meeting_id == meetings.c.id, part.table.c.person_id.in_(person_ids)
        )
        for part in (participants.c.role, follow_ups.c.what)
    )
    return [
        search.holding(row, f"meeting:{row.id}", "participants", f"{row.title} ({row.part})", "pseudonym")
        for row in await search.connection.execute(sa.union_all(*parts))
    ]


async def _find_records(connection: Connection, known: Identifiers) -> list[StoredRecord]:
    """The records whose contact has an address or name of the person, or the phone number that was searched for."""
    email, phone, person = (_payload_text("contact", detail) for detail in _CONTACT_DETAILS)
    is_known = sa.or_(
        sa.func.lower(sa.func.trim(email)).in_(known.emails),
        person.regexp_match(name_pattern(known.names)) if known.names else sa.false(),
        _phone_key(phone) == known.asked_phone if known.asked_phone else sa.false(),
    )
    rows = await connection.execute(STORED_RECORDS.where(is_known).order_by(records.c.source, records.c.external_id))
    return [stored_record(row) for row in rows]


def _contact_details(item: StoredRecord, after: Contact) -> list[Holding]:
    """One holding per detail of a record's contact that an erasure removes; `after`: the contact it leaves."""
    given = item.record.contact or after
    gone = {detail: text for detail in _CONTACT_DETAILS if (text := getattr(given, detail)) != getattr(after, detail)}
    return [_directory_holding(item, f"contact.{detail}", text, "erased") for detail, text in gone.items()]


async def _texts_of_records(connection: Connection, known: Identifiers) -> list[Holding]:
    """The holdings for mentions of the person in texts of records, except where the contact is the person."""
    pattern = mention_pattern(known, with_phones=False)
    if pattern is None:
        return []
    own, person = records.c, _payload_text("contact", "person")
    is_name = person.regexp_match(name_pattern(known.names)) if known.names else sa.false()
    other = sa.cast(own.payload, JSONB).op("-")(sa.cast([*_TEXTS_OF_RECORD, "contact"], ARRAY(sa.Text)))
    texts: dict[str, sa.ColumnElement[str]] = {name: _payload_text(name) for name in _TEXTS_OF_RECORD}
    texts["contact.person"], texts["contact.website"] = sa.case((~is_name, person)), _payload_text("contact", "website")
    texts["other"] = sa.cast(other, sa.Text)
    excerpts = (
        sa.case((text.regexp_match(pattern), _excerpt(text, pattern))).label(field) for field, text in texts.items()
    )
    query = sa.select(own.source, own.external_id, own.received_at, *excerpts)
    query = query.where(sa.cast(own.payload, sa.Text).regexp_match(pattern)).order_by(own.source, own.external_id)
    return [
        _directory_holding(row, field, text, "kept", "text_of_source")
        for row in await connection.execute(query)
        for field, text in row._asdict().items()
        if field in texts and text is not None
    ]


async def _external_ids(connection: Connection, known: Identifiers) -> list[Holding]:
    """The holdings for mentions of the person in external ids of records, also of merged and split ones."""
    pattern = mention_pattern(known)
    if pattern is None:
        return []
    tables = (records, merged_records, split_records)
    ids = sa.union_all(
        *(
            sa.select(
                each.c.source,
                each.c.external_id,
                each.c.received_at if each is records else _NEVER.label("received_at"),
            ).where(each.c.external_id.regexp_match(pattern))
            for each in tables
        )
    ).subquery()
    query = sa.select(ids.c.source, ids.c.external_id, sa.func.max(ids.c.received_at).label("received_at"))
    query = query.group_by(ids.c.source, ids.c.external_id).order_by(ids.c.source, ids.c.external_id)
    rows = await connection.execute(query)
    return [_directory_holding(row, "external_id", row.external_id, "kept", "text_of_source") for row in rows]


def _directory_holding(item: Any, field: str, text: str, fate: Fate, why: Why | None = None) -> Holding:
    """Report a text in the directory as a holding; `item`: a record, or a row with its key and `received_at`."""
    where = f"record:{item.source}/{item.external_id}"
    return Holding(organisation=None, where=where, field=field, text=text, since=item.received_at, fate=fate, why=why)


async def _contacts_in_shortlists(search: _Search, known: Identifiers, supplier_ids: Collection[UUID]) -> list[Holding]:
    """The holdings for the person's addresses, and phone numbers at these suppliers, in frozen shortlists."""
    found = redacted_shortlists(search.connection, search.organisations, known, supplier_ids, lock=search.lock)
    return [
        search.holding(each.row, f"shortlist:{each.row.need_id}/{each.row.number}", field, text, "erased")
        async for some in found
        for each in some
        for field, text in each.removed
    ]


def _excerpt(text: sa.ColumnElement[str], pattern: str) -> sa.ColumnElement[str]:
    """The SQL expression of an excerpt: a short text whole, of a long one the part around the first mention."""
    start = sa.func.greatest(sa.func.regexp_instr(text, pattern) - _BEFORE_MENTION, 1)
    around = sa.func.concat("…", sa.func.substr(text, start, _LONGEST_EXCERPT), "…")
    return sa.case((sa.func.length(text) <= _LONGEST_EXCERPT, text), else_=around)


def _payload_text(*path: str) -> sa.ColumnElement[str]:
    return sa.func.json_extract_path_text(records.c.payload, *path, type_=sa.Text)


def _phone_key(phone: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The SQL expression of the digits by which phone numbers are compared, like `domain.privacy.phone_key`."""
    digits = sa.func.regexp_replace(sa.func.regexp_replace(phone, "[^0-9]", "", "g"), "^00", "")
    return sa.func.regexp_replace(digits, "^(?:33)?0?([0-9]{9})$", r"0\1")
