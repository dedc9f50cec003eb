"""The export of a person's data, and their erasure from organisations' data and from the directory."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, Text, and_, case, cast, delete, exists, func, literal, select, update

from db.core.engine import Connection, Engine, LockKind, lock, transaction
from db.core.uuid7 import new_id
from db.journal.content import decision_names, stored_name
from db.journal.entries import write_entry
from db.persons import erase_persons
from db.privacy.find_person import FoundData, find_person, has_mention
from db.privacy.mentions import MENTION_COLUMNS, MentionColumn, mask_mentions, mention_pattern, redacted_shortlists
from db.schema.campaign_tables import campaign_mails, campaign_recipients, declaration_mails
from db.schema.organisation_tables import exchange_recipients, message_mails, shortlists
from db.schema.supplier_tables import Document, idempotency_keys, organisations, records, sources, webhooks
from db.suppliers.records import content_hash, encode
from db.suppliers.regroup import lock_identities
from db.suppliers.suppression_list import Suppression, removed_details, suppress
from db.suppliers.write import begin_change, publish, rewrite_suppliers
from domain.decoding.stored import read_stored
from domain.journal import Actor, Detail
from domain.meetings.meeting import CALENDAR_FIELDS
from domain.privacy import (
    BEYOND_ANY_ERASURE,
    DataSubject,
    Erasure,
    Identifiers,
    PersonalData,
    Unreached,
    identifiers_of,
    person_key,
    pseudonym,
)
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.record_check import shortcomings
from domain.suppliers.supplier import Contact

_SHORT_PSEUDONYM, _IN_ASCII = "…", "-"
# the object that the journal names for a kind of holding; persons have an entry of their own
_OBJECTS = {kind: kind for kind in ("meeting", "need", "exchange", "campaign", "key", "webhook", "source")}
_RECIPIENTS = {
    "exchange": ("recipients", exchange_recipients.c.exchange_id),
    "campaign": ("campaign_recipients", campaign_recipients.c.campaign_id),
}
_OBJECTS |= dict.fromkeys(("shortlist", "decision"), "need") | {"note": "supplier"}


async def export_person(
    engine: Engine,
    subject: DataSubject,
    organisation_ids: Collection[UUID],
    actor: Actor,
    now: datetime,
    *,
    in_directory: bool = True,
    seconds: float | None = None,
) -> PersonalData:
    """Collect a person's data in these organisations' tables and, with `in_directory`, in the directory.

    Noted in the journal of `actor`, without saying about whom. `seconds`: those that a statement may take. Raises
    InvalidContent where nobody is meant.
    """
    async with transaction(engine) as connection:
        found = await find_person(
            connection, organisation_ids, identifiers_of(subject), in_directory=in_directory, seconds=seconds
        )
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
    in_directory: bool = True,
    seconds: float | None = None,
) -> Erasure:
    """Erase a person from these organisations' data; returns what was erased and what stays.

    Where `in_directory`, also from the directory of suppliers, and sources are kept from naming them again.

    Noted in the journal of every organisation whose data changed, and in that of `actor` where the directory did.
    Repeated, it changes nothing. Waits for imports that are under way. `seconds`: those that a statement may take, once
    it need not wait for them. Raises InvalidContent where nobody is meant.
    """
    asked = identifiers_of(subject)
    async with transaction(engine) as connection:
        found = await find_person(connection, organisation_ids, asked, in_directory=in_directory, seconds=seconds)
        if dry_run:
            return await _erasure_report(connection, found, None, dry_run=True)
    if in_directory:
        # addresses are kept from coming in again, and imports that began before that was known are waited for
        async with transaction(engine) as connection:
            await suppress(connection, _details_to_suppress(found.identifiers), now)
            names = (await connection.execute(select(sources.c.name).order_by(sources.c.name))).scalars().all()
        for name in names:
            async with transaction(engine) as connection:
                await lock(connection, LockKind.SOURCE, name)
    locked: set[str] = set()
    while True:
        # no other sources: while this waits for one, nobody could write to those that it holds
        locked |= {item.source for item, _ in found.records}
        async with transaction(engine) as connection:
            for source in sorted(locked):
                await lock(connection, LockKind.SOURCE, source)
            found = await find_person(
                connection, organisation_ids, asked, in_directory=in_directory, lock=True, seconds=seconds
            )
            if locked.issuperset(item.source for item, _ in found.records):
                return await _erase(connection, found, actor, now)


async def _erase(connection: Connection, found: FoundData, actor: Actor, now: datetime) -> Erasure:
    if all(each.fate == "kept" for each in found.holdings):
        return await _erasure_report(connection, found, None)
    reference = _reference(found, now)
    searched_columns = {(each.where.partition(":")[0], each.field) for each in found.holdings}
    for searched in MENTION_COLUMNS:
        if searched.fate != "kept" and (searched.kind, searched.field) in searched_columns:
            await _erase_in_column(connection, searched, found, pseudonym(reference), now)
    redacted = redacted_shortlists(connection, found.organisations.values(), found.identifiers, found.supplier_ids)
    async for some in redacted:
        for row, left, _ in some:
            version = update(shortlists).filter_by(need_id=row.need_id, number=row.number)
            await connection.execute(version.values(body=left))
    kind = "meeting:"
    fields = [(UUID(each.where[len(kind) :]), each.field) for each in found.holdings if each.where.startswith(kind)]
    changed = {id_ for id_, _ in fields}
    in_calendars = {id_ for id_, field in fields if field in CALENDAR_FIELDS}
    await erase_persons(connection, [row.id for row in found.persons], now, changed, in_calendars)
    if found.in_directory:
        await _erase_in_directory(connection, found, now)
    await _note_erasure(connection, found, actor, reference, now)
    return await _erasure_report(connection, found, reference)


async def _erasure_report(
    connection: Connection, found: FoundData, reference: UUID | None, *, dry_run: bool = False
) -> Erasure:
    changed = tuple(each for each in found.holdings if each.fate != "kept")
    kept = tuple(each for each in found.holdings if each.fate == "kept")
    others = exists().where(organisations.c.id.not_in(found.organisations.values()))
    left_out: tuple[Unreached, ...] = () if found.in_directory else ("directory",)
    left_out += ("other_organisations",) if await connection.scalar(select(others)) else ()
    complete = not kept and not left_out
    return Erasure(dry_run, reference, changed, kept, complete, (*left_out, *BEYOND_ANY_ERASURE))


def _details_to_suppress(known: Identifiers) -> list[Suppression]:
    """The suppressions of an erased person: their addresses anywhere, their names beside such an address."""
    names = {person_key(name) for name in known.names}
    beside = [Suppression("person", name, with_email=email) for name in names for email in known.emails]
    return [*(Suppression("email", email) for email in known.emails), *beside]


async def _erase_in_column(
    connection: Connection, searched: MentionColumn, found: FoundData, called: str, now: datetime
) -> None:
    """Erase every mention of the person in a column; `called` is the pseudonym put there instead."""
    table, known = searched.table, found.identifiers
    pattern = mention_pattern(known)
    if pattern is None:
        return  # nothing to look for: a person of one name alone, known by taking part in a meeting
    rows = (
        searched.is_joined
        & searched.is_within(found.organisations.values())
        & has_mention(searched, known.emails, pattern)
    )
    if table is idempotency_keys:
        await connection.execute(delete(table).where(rows))
    elif table in (message_mails, campaign_mails, declaration_mails):
        ended_at = func.coalesce(table.c.ended_at, literal(now, table.c.ended_at.type))
        status = case((table.c.status == "waiting", "cancelled"), else_=table.c.status)
        ended = {"address": "", "status": status, "due_at": None, "lease": None, "ended_at": ended_at}
        await connection.execute(update(table).where(rows).values(ended))
    elif searched.column is exchange_recipients.c.email or searched.column is campaign_recipients.c.email:
        await connection.execute(update(table).where(rows).values(email=None))
    else:
        # the pseudonym takes the place of each mention, or a sign no longer than any name where it does not fit
        text = mask_mentions(searched.text, known, called)
        if searched.longest is not None:
            short = mask_mentions(searched.text, known, _IN_ASCII if table is webhooks else _SHORT_PSEUDONYM)
            text = case((func.length(text) <= searched.longest, text), else_=short)
        column, key = searched.column, tuple(table.primary_key)
        # an address that is no longer the one given is not sent to
        stopped = {"active": False} if table is webhooks else {}
        change = update(table).where(rows).values({column.name: cast(text, column.type)} | stopped)
        written = (await connection.execute(change.returning(cast(column, Text), *key))).all()
        shape = column.type.shape if isinstance(column.type, Document) else None
        for values in await asyncio.to_thread(_unreadable_keys, written, shape) if shape else ():
            own = and_(*(each == value for each, value in zip(key, values, strict=True)))
            text = cast(func.replace(cast(column, Text), called, _SHORT_PSEUDONYM), column.type)
            await connection.execute(update(table).where(own).values({column.name: text}))


def _unreadable_keys(written: Sequence[Row[Any]], shape: type[Any]) -> list[list[Any]]:
    """The primary keys of rows (document, then key) whose document cannot be decoded as `shape`."""
    keys: list[list[Any]] = []
    key: list[Any]
    for content, *key in written:
        try:
            read_stored(content, shape)
        except msgspec.ValidationError:
            keys.append(key)
    return keys


async def _erase_in_directory(connection: Connection, found: FoundData, now: datetime) -> None:
    """Rewrite the found records, now without the person, and their suppliers, as one change of the directory."""
    await suppress(connection, _details_to_suppress(found.identifiers), now)
    if not found.records:
        return
    await lock_identities(connection)
    change_set = await begin_change(connection)
    for item, left in found.records:
        key = RecordKey(item.source, item.external_id)
        await suppress(connection, removed_details(key, item.record.contact or Contact(), left), now)
        after = msgspec.structs.replace(item.record, contact=left)
        written = {
            "payload": after,
            "content_hash": content_hash(encode(after), item.placement),
            "doubts": shortcomings(after, item.placement),
            "changed_at": now,
        }
        await connection.execute(update(records).filter_by(**key._asdict()).values(written))
    about = {item.supplier_id for item, _ in found.records if item.supplier_id is not None}
    await rewrite_suppliers(connection, about, change_set, now, erases=True)
    await publish(connection, change_set)


async def _note_erasure(connection: Connection, found: FoundData, actor: Actor, reference: UUID, now: datetime) -> None:
    """Write entries about the erasure, and about each changed object, in the journals of their organisations."""
    # by owner and as the journal names them; of a need, the numbers of its shortlists; what all share, with the actor
    changed: dict[tuple[UUID, str], set[str]] = {}
    for each in found.holdings:
        kind, _, ids = each.where.partition(":")
        if each.fate != "kept" and kind in _OBJECTS:
            id_, _, number = ids.partition("/") if kind in {"shortlist", "decision"} else (ids, "", "")
            owner = found.organisations[each.organisation] if each.organisation else actor.organisation_id
            changed.setdefault((owner, f"{_OBJECTS[kind]}:{id_}"), set()).update(filter(None, [number]))
    owners = {row.organisation_id for row in found.persons}.union(owner for owner, _ in changed)
    of_imports = {each.where for each in found.holdings if each.where.startswith("import:")}
    rejected = {where for where in of_imports if "/" in where}
    if found.records or of_imports:
        owners.add(actor.organisation_id)
    for owner in sorted(owners):
        own_actor = msgspec.structs.replace(actor, organisation_id=owner)
        own = {about: numbers for (organisation_id, about), numbers in changed.items() if organisation_id == owner}
        detail: Detail = {"persons": [str(row.id) for row in found.persons if row.organisation_id == owner]}
        detail |= Counter(f"{about.partition(':')[0]}s" for about in own)
        if found.records and owner == actor.organisation_id:
            detail["records"] = len(found.records)
        if rejected and owner == actor.organisation_id:
            detail["rejected_rows"] = len(rejected)
        erased = [f"person:{row.id}" for row in found.persons if row.organisation_id == owner]
        await write_entry(
            connection, own_actor, "person.erased", f"person:{reference}", now, detail=detail, about=erased
        )
        for about, numbers in sorted(own.items()):
            why: Detail = {"person": str(reference)} | ({"shortlists": sorted(numbers)} if numbers else {})
            kind, _, id_ = about.partition(":")
            # a need's shortlists of these numbers and the decisions on them may have changed too
            bound = [about] if kind in {"meeting", "need", "campaign", "key", "webhook"} else []
            if kind in _RECIPIENTS:
                part, whose = _RECIPIENTS[kind]
                bound.append(f"{part}:{id_}")
                # what was bound of them before must not be guessed
                salted = update(whose.table).where(whose == UUID(id_)).values(salt=func.gen_random_uuid())
                await connection.execute(salted)
            bound += [stored_name("note", owner, id_)] if kind == "supplier" else []
            if kind == "need":
                need_id, changed_numbers = UUID(id_), sorted(map(int, numbers))
                bound += [stored_name("shortlist", need_id, number) for number in changed_numbers]
                bound += await decision_names(connection, need_id, changed_numbers)
            await write_entry(connection, own_actor, f"{kind}.redacted", about, now, detail=why, about=bound)


def _reference(found: FoundData, now: datetime) -> UUID:
    """The id for the person in journal entries: that of the first person found, else a new one."""
    return found.persons[0].id if found.persons else new_id(now)
