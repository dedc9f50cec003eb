"""A person erased, wherever they are found: nothing left of them but a pseudonym, and nothing that brings them back."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Text as SqlText
from sqlalchemy import and_, case, delete, func, literal, select, update
from sqlalchemy import cast as sql_cast

from db.audit import write_entry
from db.core.advisory_locks import Subject, lock
from db.core.engine import Connection, Engine, transaction
from db.core.uuid7 import new_id
from db.meetings.persons import erase_persons
from db.privacy.find_person import Findings, Found, find
from db.schema.exchange_tables import exchange_recipients, message_mails
from db.schema.meeting_tables import meetings
from db.schema.need_tables import shortlists
from db.schema.supplier_tables import Document, idempotency_keys, records, sources
from db.suppliers.encoding import content_hash, encode
from db.suppliers.regroup import lock_identities
from db.suppliers.suppression_list import Trace, suppress, traces_of_change
from db.suppliers.write import begin_change, publish, rewrite
from domain.audit import Actor, Detail
from domain.privacy.data_subject import DataSubject, Traces, masked, traces_of
from domain.privacy.holdings import Erasure, Holding, PersonalData
from domain.privacy.person import pseudonym
from domain.suppliers.assembly import StoredRecord
from domain.suppliers.completeness import shortcomings
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.supplier import Contact

_NOBODY = "…"
# what a place is part of, as the journal names it
_OBJECTS = {
    "meeting": "meeting",
    "need": "need",
    "shortlist": "need",
    "decision": "need",
    "exchange": "exchange",
    "key": "key",
}


async def export_person(
    engine: Engine, subject: DataSubject, organisation_ids: Collection[UUID], actor: Actor, now: datetime
) -> PersonalData:
    """All that is held about the person in these organisations' data and in the directory.

    Noted in the journal of `actor`, without saying about whom. Raises InvalidContent where nobody is meant.
    """
    async with transaction(engine) as connection:
        found = await find(connection, organisation_ids, traces_of(subject))
        detail: Detail = {"holdings": len(found.holdings)}
        await write_entry(connection, actor, "person.exported", f"person:{_reference(found, now)}", now, detail=detail)
    return PersonalData(now, found.holdings)


async def erase_person(
    engine: Engine,
    subject: DataSubject,
    organisation_ids: Collection[UUID],
    actor: Actor,
    now: datetime,
    *,
    dry_run: bool = False,
) -> Erasure:
    """Erase the person from these organisations' data and from the directory, and keep sources from naming them again.

    What is done is told, and noted in the journal of every organisation whose data changed, and in that of `actor`
    where the directory did. The same again finds nothing left to do. Waits for imports that are under way.
    Raises InvalidContent where nobody is meant.
    """
    async with transaction(engine) as connection:
        found = await find(connection, organisation_ids, traces_of(subject))
    if dry_run:
        return _told(found, None, dry_run=True)
    await _hold_back(engine, found.traces, now)
    locked: set[str] = set()
    while True:
        locked |= {item.source for item, _ in found.records}
        async with transaction(engine) as connection:
            for source in sorted(locked):
                await lock(connection, Subject.SOURCE, source)
            found = await find(connection, organisation_ids, traces_of(subject), hold=True)
            if all(item.source in locked for item, _ in found.records):
                return await _carry_out(connection, found, actor, now)


async def _hold_back(engine: Engine, traces: Traces, now: datetime) -> None:
    """Keep the addresses from coming in again, and wait until nobody is at work who has not heard of it."""
    if not traces.addresses:
        return
    async with transaction(engine) as connection:
        both = ((name, address) for name in traces.names for address in traces.addresses)
        by_name = (Trace("person", name, with_email=address) for name, address in both)
        await suppress(connection, (*(Trace("email", each) for each in traces.addresses), *by_name), now)
        known = (await connection.execute(select(sources.c.name).order_by(sources.c.name))).scalars().all()
    for source in known:
        async with transaction(engine) as connection:
            await lock(connection, Subject.SOURCE, source)


async def _carry_out(connection: Connection, found: Findings, actor: Actor, now: datetime) -> Erasure:
    if not _changed(found):
        return _told(found, None)
    reference = _reference(found, now)
    await erase_persons(connection, [row.id for row in found.persons], now)
    for each in found.texts:
        await _erase_text(connection, each, found.traces, pseudonym(reference), now)
    retitled = {each.named[0] for each in found.texts if each.place.kind == "meeting"}
    await _note_meetings(connection, retitled, {row.id for row in found.takes_part}, now)
    if found.records:
        await _erase_contacts(connection, found.records, now)
    await _note(connection, found, actor, reference, now)
    return _told(found, reference)


async def _erase_text(connection: Connection, found: Found, traces: Traces, called: str, now: datetime) -> None:
    table, column = found.place.table, found.place.column
    row = and_(*(table.c[name] == value for name, value in found.key.items()))
    if table is idempotency_keys:
        await connection.execute(delete(table).where(row))
    elif table is message_mails:
        waiting = table.c.status == "waiting"
        stop = {"status": case((waiting, "cancelled"), else_=table.c.status), "due_at": None, "lease": None}
        ended = func.coalesce(table.c.ended_at, literal(now, table.c.ended_at.type))
        await connection.execute(update(table).where(row).values(address="", **stop, ended_at=ended))
    elif column is exchange_recipients.c.email:
        await connection.execute(update(table).where(row).values(email=None))
    elif column is shortlists.c.body:
        if found.taken:
            await connection.execute(update(table).where(row).values(body=found.body))
    elif found.place.fate == "pseudonym":
        text = _masked(found, traces, called)
        new: Any = sql_cast(literal(text, SqlText), column.type) if isinstance(column.type, Document) else text
        await connection.execute(update(table).where(row).values({column.name: new}))


def _masked(found: Found, traces: Traces, called: str) -> str:
    """The text with the pseudonym, or with a sign that is no longer than any name where that would not fit."""
    text, kind, longest = masked(found.text, traces, called), found.place.column.type, found.place.longest
    if isinstance(kind, Document):
        try:
            msgspec.json.decode(text, type=kind.shape)
        except msgspec.ValidationError:
            return masked(found.text, traces, _NOBODY)
    return masked(found.text, traces, _NOBODY) if longest is not None and len(text) > longest else text


async def _note_meetings(connection: Connection, retold: set[UUID], took_part: set[UUID], now: datetime) -> None:
    """Texts of meetings read otherwise than before, in calendars too; those of `took_part` have another version yet."""
    changed = update(meetings).where(meetings.c.id.in_(retold))
    another = case((meetings.c.id.in_(took_part), 0), else_=1)
    values = {"version": meetings.c.version + another, "sequence": meetings.c.sequence + 1, "updated_at": now}
    await connection.execute(changed.values(values))


async def _erase_contacts(
    connection: Connection, cleaned: Sequence[tuple[StoredRecord, Contact]], now: datetime
) -> None:
    """Write the records without the person, and the suppliers that they describe, as one change of the directory."""
    await lock_identities(connection)
    change_set = await begin_change(connection)
    traces: list[Trace] = []
    for item, left in cleaned:
        key = RecordKey(item.source, item.external_id)
        traces += traces_of_change(key, item.record.contact or Contact(), left)
        after = msgspec.structs.replace(item.record, contact=left)
        written = {
            "payload": after,
            "content_hash": content_hash(encode(after), item.placement),
            "doubts": shortcomings(after, item.placement),
            "changed_at": now,
        }
        own = (records.c.source == key.source) & (records.c.external_id == key.external_id)
        await connection.execute(update(records).where(own).values(written))
    await suppress(connection, traces, now)
    await rewrite(connection, {item.supplier_id for item, _ in cleaned}, change_set, now)
    await publish(connection, change_set)


async def _note(connection: Connection, found: Findings, actor: Actor, reference: UUID, now: datetime) -> None:
    """In each journal what changed there, and with each object that it did; in ids and counts."""
    altered = _altered(found)
    owners = {row.organisation_id for row in found.persons}.union(owner for owner, _ in altered)
    if found.records:
        owners.add(actor.organisation_id)
    for organisation_id in sorted(owners):
        note = msgspec.structs.replace(actor, organisation_id=organisation_id)
        own = {about: numbers for (owner, about), numbers in altered.items() if owner == organisation_id}
        detail: Detail = {"persons": [str(row.id) for row in found.persons if row.organisation_id == organisation_id]}
        detail |= Counter(f"{about.partition(':')[0]}s" for about in own)
        if found.records and organisation_id == actor.organisation_id:
            detail["records"] = len(found.records)
        await write_entry(connection, note, "person.erased", f"person:{reference}", now, detail=detail)
        for about, numbers in sorted(own.items()):
            why: Detail = {"person": str(reference)} | ({"shortlists": sorted(numbers)} if numbers else {})
            await write_entry(connection, note, f"{about.partition(':')[0]}.redacted", about, now, detail=why)


def _altered(found: Findings) -> dict[tuple[UUID, str], set[str]]:
    """The objects that read otherwise now, by owner and by their name in the journal; of a need, which shortlists."""
    altered: dict[tuple[UUID, str], set[str]] = {
        (row.organisation_id, f"meeting:{row.id}"): set() for row in found.takes_part
    }
    for each in found.texts:
        if (each.place.fate != "kept" or each.taken) and each.place.kind in _OBJECTS:
            about = f"{_OBJECTS[each.place.kind]}:{each.named[0]}"
            numbers = altered.setdefault((each.organisation_id, about), set())
            numbers.update(str(number) for number in each.named[1:])
    return altered


def _reference(found: Findings, now: datetime) -> UUID:
    """What the journal calls the person: the id under which they were known, or else a new one."""
    return found.persons[0].id if found.persons else new_id(now)


def _told(found: Findings, reference: UUID | None, *, dry_run: bool = False) -> Erasure:
    kept = tuple(each for each in found.holdings if each.fate == "kept")
    return Erasure(dry_run, reference, _changed(found), kept)


def _changed(found: Findings) -> tuple[Holding, ...]:
    return tuple(each for each in found.holdings if each.fate != "kept")
