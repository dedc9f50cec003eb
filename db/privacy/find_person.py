"""Where something is held about a person, found in the organisations' own data and in the directory that all share."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    cast,
    func,
    or_,
    select,
)

from db.core.engine import Connection
from db.privacy.name_regex import pattern
from db.schema.exchange_tables import exchange_recipients, exchanges, message_mails, messages
from db.schema.meeting_tables import follow_ups, meetings, participants
from db.schema.need_tables import awards, needs, shortlist_decisions, shortlists
from db.schema.person_tables import persons
from db.schema.supplier_tables import api_keys, idempotency_keys, organisations, records
from db.suppliers.encoding import encode
from db.suppliers.write import STORED_RECORDS, stored_record
from domain.privacy.data_subject import Traces, excerpt, is_meant, is_of, mentions, phone_key, without_person
from domain.privacy.holdings import Fate, Holding, Why, without_contacts
from domain.privacy.person import email_key, name_key
from domain.suppliers.assembly import StoredRecord
from domain.suppliers.supplier import Contact, SupplierRecord


class Place(NamedTuple):
    """A column that may hold something about a person, as its owner's.

    `named`: what of the row tells where it is; `longest`: how many characters it may have, where a form says so.
    """

    kind: str
    field: str
    column: Column[Any]
    named: tuple[Column[Any], ...]
    owner: Column[Any]
    since: Column[Any]
    fate: Fate
    joined: ColumnElement[bool] | None = None
    longest: int | None = None

    @property
    def table(self) -> Table:
        return self.column.table


class Found(NamedTuple):
    """A row with a mention in the column of a place: its key and the text.

    `body`, `taken`: of a frozen answer, what it is without the person's contacts, and what was taken out of it.
    """

    place: Place
    key: dict[str, Any]
    text: str
    organisation_id: UUID
    named: tuple[Any, ...]
    since: datetime | None
    body: bytes
    taken: tuple[tuple[str, str], ...]


class Sought(NamedTuple):
    """What is looked for in whose data. `supplier_ids`: of suppliers whose records lose the person's contact."""

    organisation_ids: Collection[UUID]
    traces: Traces
    supplier_ids: Collection[UUID]
    hold: bool


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `records`: those of which something goes, as they are and with the contact they are left."""

    traces: Traces
    persons: Sequence[Row[Any]]
    takes_part: Sequence[Row[Any]]
    records: Sequence[tuple[StoredRecord, Contact]]
    texts: Sequence[Found]
    holdings: tuple[Holding, ...]


def _of_meeting(
    field: str, column: Column[Any], longest: int | None = None, joined: ColumnElement[bool] | None = None
) -> Place:
    own = meetings.c
    return Place("meeting", field, column, (own.id,), own.organisation_id, own.created_at, "pseudonym", joined, longest)


def _of_exchange(kind: str, field: str, column: Column[Any], since: Column[Any], fate: Fate) -> Place:
    named = (messages.c.id,) if kind == "message" else (exchanges.c.id,)
    joined = None if column.table is exchanges else column.table.c.exchange_id == exchanges.c.id
    return Place(kind, field, column, named, exchanges.c.organisation_id, since, fate, joined)


def _of_shortlist(kind: str, field: str, column: Column[Any], since: Column[Any], fate: Fate) -> Place:
    table = column.table
    named, joined = (table.c.need_id, table.c.number), table.c.need_id == needs.c.id
    return Place(kind, field, column, named, needs.c.organisation_id, since, fate, joined)


_KEY, _ANSWER = api_keys.c, idempotency_keys.c
PLACES = (
    _of_meeting("title", meetings.c.title, 400),
    _of_meeting("minutes", meetings.c.minutes, 100_000),
    _of_meeting("agenda", meetings.c.agenda),
    _of_meeting("place", meetings.c.place),
    # an address has no spaces
    _of_meeting("url", meetings.c.url, 0),
    _of_meeting("follow_ups", follow_ups.c.what, 2_000, follow_ups.c.meeting_id == meetings.c.id),
    _of_meeting("participants", participants.c.organisation, 400, participants.c.meeting_id == meetings.c.id),
    Place("need", "content", needs.c.content, (needs.c.id,), needs.c.organisation_id, needs.c.created_at, "pseudonym"),
    _of_shortlist("shortlist", "need", shortlists.c.need, shortlists.c.created_at, "pseudonym"),
    _of_shortlist("shortlist", "answer", shortlists.c.body, shortlists.c.created_at, "kept"),
    _of_shortlist("decision", "reason", shortlist_decisions.c.reason, shortlist_decisions.c.decided_at, "pseudonym"),
    Place(
        "award",
        "supplier",
        awards.c.supplier_name,
        (awards.c.id,),
        awards.c.organisation_id,
        awards.c.created_at,
        "kept",
    ),
    _of_exchange("exchange", "subject", exchanges.c.subject, exchanges.c.opened_at, "kept"),
    *(
        _of_exchange("message", name, messages.c[name], messages.c.created_at, "kept")
        for name in ("body", "question", "barriers_note")
    ),
    _of_exchange("exchange", "recipients.name", exchange_recipients.c.name, exchanges.c.opened_at, "kept"),
    _of_exchange("exchange", "recipients.email", exchange_recipients.c.email, exchanges.c.opened_at, "erased"),
    _of_exchange("exchange", "mails.address", message_mails.c.address, message_mails.c.queued_at, "erased"),
    Place("key", "name", _KEY.name, (_KEY.id,), _KEY.organisation_id, _KEY.created_at, "pseudonym"),
    Place("answer", "body", _ANSWER.body, (_ANSWER.route,), _ANSWER.organisation_id, _ANSWER.created_at, "erased"),
)


async def find(
    connection: Connection, organisation_ids: Collection[UUID], traces: Traces, *, hold: bool = False
) -> Findings:
    """Everything about the person in these organisations' data and in the directory.

    `hold`: nobody else changes any of it in the organisations' data until the transaction ends.
    """
    own = await _persons(connection, organisation_ids, traces, hold=hold)
    names = frozenset(row.name_key for row in own)
    phones = frozenset(phone_key(row.phone) for row in own if row.phone)
    addresses = frozenset(row.email_key for row in own if row.email_key and is_of(row.email_key, row.name))
    traces = _more(traces, names, addresses, phones)
    stored = await _records(connection, traces)
    for item in stored:
        traces = _learnt(traces, item.record.contact)
    cleaned = [(item, without_person(item.record.contact or Contact(), traces)) for item in stored]
    going = [pair for pair in cleaned if pair[1] != (pair[0].record.contact or Contact())]
    sought = Sought(organisation_ids, traces, frozenset(item.supplier_id for item, _ in going), hold)
    texts = [each for place in PLACES async for each in _mentioned(connection, place, sought)]
    takes_part = await _participations(connection, [row.id for row in own])
    select_person_names = await _organisation_names(connection, organisation_ids)
    holdings = (
        *_of_persons(own, takes_part, select_person_names),
        *(each for pair in cleaned for each in _of_record(*pair, traces)),
        *(each for found in texts for each in _of_text(found, traces, select_person_names)),
    )
    return Findings(traces=traces, persons=own, takes_part=takes_part, records=going, texts=texts, holdings=holdings)


def _more(traces: Traces, names: Collection[str], addresses: Collection[str], phones: Collection[str]) -> Traces:
    return msgspec.structs.replace(
        traces,
        names=traces.names.union(filter(None, names)),
        addresses=traces.addresses.union(filter(None, addresses)),
        phones=traces.phones.union(filter(None, phones)),
    )


def _learnt(traces: Traces, contact: Contact | None) -> Traces:
    """What the contact of a record tells of the person, where it is theirs."""
    if contact is None or contact.person is None or not is_meant(contact.person, contact.email, traces):
        return traces
    own = contact.email is not None and is_of(contact.email, contact.person)
    address = email_key(contact.email or "") if own else ""
    return _more(traces, [name_key(contact.person)], [address], [phone_key(contact.phone or "")])


async def _persons(
    connection: Connection, organisation_ids: Collection[UUID], traces: Traces, *, hold: bool
) -> Sequence[Row[Any]]:
    name, address = traces.asked
    own = persons.c
    named = own.name_key == name
    if address:
        named &= own.email_key.in_(("", address))
    meant = or_(*([named] if name else []), *([own.email_key == address] if address else []))
    query = select(persons).where(own.organisation_id.in_(organisation_ids), own.erased_at.is_(None), meant)
    query = query.order_by(own.id)
    return (await connection.execute(query.with_for_update() if hold else query)).all()


async def _records(connection: Connection, traces: Traces) -> list[StoredRecord]:
    roughly = cast(records.c.payload, Text).op("~")(pattern(traces))
    rows = await connection.execute(STORED_RECORDS.where(roughly).order_by(records.c.source, records.c.external_id))
    return [stored_record(row) for row in rows]


async def _participations(connection: Connection, person_ids: Sequence[UUID]) -> list[Row[Any]]:
    """The meetings in which they took part, or where something was left to them."""
    columns = (meetings.c.id, meetings.c.organisation_id, meetings.c.title, meetings.c.created_at)
    came = select(*columns, participants.c.role.label("part")).join(
        participants, participants.c.meeting_id == meetings.c.id
    )
    follow = select(*columns, follow_ups.c.what.label("part")).join(
        follow_ups, follow_ups.c.meeting_id == meetings.c.id
    )
    both: CompoundSelect[Any] = came.where(participants.c.person_id.in_(person_ids)).union_all(
        follow.where(follow_ups.c.person_id.in_(person_ids))
    )
    return list(await connection.execute(both))


async def _mentioned(connection: Connection, place: Place, sought: Sought) -> AsyncIterator[Found]:
    """The rows in which the person is mentioned."""
    roughly = _text(place.column).op("~")(pattern(sought.traces))
    query = _query(place).where(place.owner.in_(sought.organisation_ids), roughly)
    query = query.order_by(*place.table.primary_key)
    for row in await connection.execute(query.with_for_update(of=place.table) if sought.hold else query):
        content: str = row.content
        taken: tuple[tuple[str, str], ...] = ()
        body = b""
        if place.column is shortlists.c.body:
            body, taken = without_contacts(content.encode(), sought.traces, sought.supplier_ids)
        if taken or mentions(content, sought.traces):
            key = {column.name: getattr(row, f"key_{column.name}") for column in place.table.primary_key}
            named = tuple(getattr(row, f"named_{number}") for number in range(len(place.named)))
            yield Found(place, key, content, row.owner, named, row.since, body, taken)


def _query(place: Place) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [
        *(column.label(f"key_{column.name}") for column in place.table.primary_key),
        *(column.label(f"named_{number}") for number, column in enumerate(place.named)),
        place.owner.label("owner"),
        place.since.label("since"),
        _text(place.column).label("content"),
    ]
    query = select(*columns)
    return query if place.joined is None else query.where(place.joined)


def _text(column: Column[Any]) -> ColumnElement[str]:
    return func.convert_from(column, "UTF8") if isinstance(column.type, LargeBinary) else cast(column, Text)


async def _organisation_names(connection: Connection, organisation_ids: Collection[UUID]) -> dict[UUID, str]:
    query = select(organisations.c.id, organisations.c.name).where(organisations.c.id.in_(organisation_ids))
    return {row.id: row.name for row in await connection.execute(query)}


def _of_persons(
    found: Sequence[Row[Any]], takes_part: Sequence[Row[Any]], select_person_names: dict[UUID, str]
) -> Iterator[Holding]:
    fates: dict[str, Fate] = {"name": "pseudonym", "email": "erased", "phone": "erased", "employer": "erased"}
    for row in found:
        for field, fate in fates.items():
            if (value := getattr(row, field)) is not None:
                yield Holding(
                    organisation=select_person_names[row.organisation_id],
                    where=f"person:{row.id}",
                    field=field,
                    text=value,
                    since=row.created_at,
                    fate=fate,
                )
    for row in takes_part:
        yield Holding(
            organisation=select_person_names[row.organisation_id],
            where=f"meeting:{row.id}",
            field="participants",
            text=f"{row.title} ({row.part})",
            since=row.created_at,
            fate="pseudonym",
        )


def _of_record(item: StoredRecord, left: Contact, traces: Traces) -> Iterator[Holding]:
    contact = item.record.contact or Contact()
    where = f"record:{item.source}/{item.external_id}"
    for field in ("email", "phone", "person"):
        value = getattr(contact, field)
        if value is not None and getattr(left, field) is None:
            yield Holding(
                organisation=None,
                where=where,
                field=f"contact.{field}",
                text=value,
                since=item.received_at,
                fate="erased",
            )
    for field, told in _texts_of(msgspec.structs.replace(item.record, contact=left)):
        if mentions(told, traces):
            yield Holding(
                organisation=None,
                where=where,
                field=field,
                text=excerpt(told, traces),
                since=item.received_at,
                fate="kept",
                why="text_of_source",
            )


def _texts_of(record: SupplierRecord) -> Iterator[tuple[str, str]]:
    """What a source says in words of its own, and what else is in the record."""
    own = {name: text for name in ("name", "trade_name", "description") if (text := getattr(record, name)) is not None}
    yield from own.items()
    yield "other", encode(msgspec.structs.replace(record, **dict.fromkeys(own, ""))).decode()


def _of_text(found: Found, traces: Traces, select_person_names: dict[UUID, str]) -> Iterator[Holding]:
    place, content = found.place, found.text
    where = f"{place.kind}:{'/'.join(map(str, found.named))}"
    common: dict[str, Any] = {
        "organisation": select_person_names[found.organisation_id],
        "where": where,
        "since": found.since,
    }
    if found.taken:
        for field, value in found.taken:
            yield Holding(**common, field=field, text=value, fate="erased")
        content = found.body.decode()
    if mentions(content, traces):
        why: Why | None = "append_only" if place.fate == "kept" else None
        yield Holding(**common, field=place.field, text=excerpt(content, traces), fate=place.fate, why=why)
