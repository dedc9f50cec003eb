"""Declarations of suppliers, stored beside the records that they make in the directory, read, withdrawn and ended.

A declaration belongs to the supplier whose id it bears; that of a supplier which became part of another one speaks for
the whole until that says something itself. `db.suppliers.regroup` has its record follow its supplier.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Row, Text, and_, cast, delete, exists, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection, is_above
from db.schema.declaration_tables import declaration_links, declarations
from db.schema.supplier_tables import organisations, records, sources, suppliers
from db.suppliers.records import delete_record, lock_record, put_record
from db.suppliers.write import ids_of
from domain.declarations.declaration import Declaration, StoredDeclaration, Withdrawal
from domain.declarations.record import ListedDeclaration
from domain.suppliers.deduplication import NameSimilarity
from domain.suppliers.source import SourceMapping
from domain.suppliers.supplier import DECLARATIONS, Placement, SupplierRecord

LABEL = "Ce que les fournisseurs déclarent eux-mêmes"
KEPT_AFTER_END = timedelta(days=365)
"""The time for which a declaration that ended, and a link, stay for the supplier to read and to renew."""


class Sending(NamedTuple):
    """The way by which a declaration came: an organisation's link, or, with `exchange_id`, its reply link.

    `sent_from`: a keyed digest of the network address; None where a release before stored none.
    """

    organisation_id: UUID
    link_id: UUID | None
    exchange_id: UUID | None = None
    sent_from: bytes | None = None


class DeclarationOf(NamedTuple):
    """A declaration of a supplier, or one that was withdrawn, as stored, and the way by which it came."""

    supplier_id: UUID
    sending: Sending
    declaration: StoredDeclaration | None
    withdrawal: Withdrawal | None


async def store_declaration(  # noqa: PLR0913 - keywords that say what is known besides
    connection: Connection,
    supplier_id: UUID,
    sending: Sending,
    declaration: Declaration,
    record: SupplierRecord,
    placement: Placement,
    valid_until: date,
    *,
    now: datetime,
    similarity: NameSimilarity,
) -> int:
    """Store what a living supplier says of itself, in place of all it said before; returns a directory version with it.

    `record`: what it makes in the directory. The caller commits. Raises as `put_record`.
    """
    await lock_record(connection, DECLARATIONS, str(supplier_id))  # before its rows, as all who write them
    source = {"name": DECLARATIONS, "label": LABEL, "mapping": SourceMapping(), "created_at": now}
    await connection.execute(insert(sources).values(source).on_conflict_do_nothing())
    for former_id in sorted(await ids_of(connection, supplier_id) - {supplier_id}):
        gone = delete(declarations).where(declarations.c.supplier_id == former_id).returning(declarations.c.supplier_id)
        if (await connection.execute(gone)).first() is not None:
            await delete_record(connection, DECLARATIONS, str(former_id), now, similarity)
    written = await put_record(
        connection,
        DECLARATIONS,
        str(supplier_id),
        record,
        placement,
        now=now,
        similarity=similarity,
        of_supplier=supplier_id,
    )
    row: dict[str, Any] = {
        "supplier_id": supplier_id,
        **sending._asdict(),
        "content": declaration,
        "declared_at": now,
        "valid_until": valid_until,
        "reason": None,
        "withdrawn_at": None,
        "reminded_at": None,
    }
    write = insert(declarations).values(row)
    await connection.execute(write.on_conflict_do_update(index_elements=["supplier_id"], set_=row))
    return written.data_version


async def select_declaration(connection: Connection, supplier_id: UUID, today: date) -> DeclarationOf | None:
    """The declaration of a living supplier, or its withdrawal; None where it never said anything."""
    ids = await ids_of(connection, supplier_id)
    query = select(declarations).where(declarations.c.supplier_id.in_(ids))
    latest = query.order_by(declarations.c.declared_at.desc(), declarations.c.supplier_id).limit(1)
    row = (await connection.execute(latest)).first()
    if row is None:
        return None
    sending = Sending(*(getattr(row, name) for name in Sending._fields))
    return DeclarationOf(row.supplier_id, sending, _stored_declaration(row, today), _withdrawal(row))


async def declared_alike(
    connection: Connection,
    sending: Sending,
    organisation_id: UUID | None,
    *,
    same_sender: bool,
    same_organisation: bool,
) -> list[UUID]:
    """The suppliers whose declarations came from the same network address, or by links of the same organisation.

    `organisation_id`: only those by its links; None: by anybody's.
    """
    own, mark = declarations.c, sending.sent_from
    is_alike = or_(
        own.organisation_id == sending.organisation_id if same_organisation else false(),
        # none is like one whose address is not known
        own.sent_from == mark if same_sender and mark is not None else false(),
    )
    if organisation_id is not None:
        is_alike &= own.organisation_id == organisation_id
    query = select(own.supplier_id).where(is_alike, own.content.is_not(None)).order_by(own.supplier_id)
    return list((await connection.execute(query)).scalars())


async def email_known_by_others(connection: Connection, supplier_id: UUID) -> str | None:
    """The e-mail address of a supplier in the latest record of another source that has one; None where none has."""
    own = records.c
    query = select(own.payload).where(own.supplier_id == supplier_id, own.source != DECLARATIONS)
    found = (await connection.execute(query.order_by(own.received_at.desc(), own.source))).scalars()
    emails = ((each.contact.email or "").strip() for each in found if each.contact)
    return next(filter(None, emails), None)


async def came_by_revoked_link(connection: Connection, supplier_id: UUID) -> bool:
    """Whether what a living supplier says of itself came by a link that was revoked since."""
    own = declarations.c
    query = (
        select(own.supplier_id)
        .join(declaration_links, declaration_links.c.id == own.link_id)
        .where(own.supplier_id.in_(await ids_of(connection, supplier_id)), declaration_links.c.revoked_at.is_not(None))
    )
    return (await connection.execute(query)).first() is not None


async def withdraw_declaration(
    connection: Connection, supplier_id: UUID, reason: str | None, now: datetime, similarity: NameSimilarity
) -> int | None:
    """Take back what a supplier says of itself, by itself or, with a `reason`, by an operator.

    Returns a directory version without it; None where it says nothing. The caller commits.
    """
    await lock_record(connection, DECLARATIONS, str(supplier_id))
    ids, own = await ids_of(connection, supplier_id), declarations.c
    gone = update(declarations).where(own.supplier_id.in_(ids), own.content.is_not(None))
    withdrawn = (
        await connection.execute(gone.values(content=None, withdrawn_at=now, reason=reason).returning(own.supplier_id))
    ).scalars()
    version: int | None = None
    for each in sorted(withdrawn):
        version = await delete_record(connection, DECLARATIONS, str(each), now, similarity) or version or 0
    return version


async def select_listed(
    connection: Connection, organisation_id: UUID | None, after: UUID | None, limit: int, today: date
) -> list[ListedDeclaration]:
    """Up to `limit` declarations after that of a supplier, by supplier: those by links of an organisation, or all."""
    own = declarations.c
    document = suppliers.c.document.label("supplier")
    query = (
        select(declarations, organisations.c.name.label("organisation"), document)
        .join(organisations, organisations.c.id == own.organisation_id)
        .outerjoin(suppliers, suppliers.c.id == own.supplier_id)
        .where(is_above(own.supplier_id, after))
    )
    if organisation_id is not None:
        query = query.where(own.organisation_id == organisation_id)
    rows = await connection.execute(query.order_by(own.supplier_id).limit(limit))
    return [_listed_declaration(row, today) for row in rows]


async def due_to_end(connection: Connection, today: date, limit: int) -> list[UUID]:
    """The ids of up to `limit` declarations that are past their last day and still have a record in the directory."""
    own = declarations.c
    is_its_record = and_(records.c.source == DECLARATIONS, records.c.external_id == cast(own.supplier_id, Text))
    query = select(own.supplier_id).where(own.valid_until < today, exists().where(is_its_record)).limit(limit)
    return list((await connection.execute(query)).scalars())


async def end_declaration(
    connection: Connection, supplier_id: UUID, today: date, now: datetime, similarity: NameSimilarity
) -> UUID | None:
    """Remove the record of a declaration that is past its last day; returns whose link it came by, or None."""
    await lock_record(connection, DECLARATIONS, str(supplier_id))
    own = declarations.c
    query = select(own.organisation_id).where(own.supplier_id == supplier_id, own.valid_until < today)
    organisation_id: UUID | None = (await connection.execute(query.with_for_update())).scalar()
    if organisation_id is None:
        return None
    version = await delete_record(connection, DECLARATIONS, str(supplier_id), now, similarity)
    return None if version is None else organisation_id


class ToRenew(NamedTuple):
    """A declaration that will soon expire: whose, by whose link it came, and where the supplier can be reached."""

    supplier_id: UUID
    organisation_id: UUID
    email: str


class TakenToRenew(NamedTuple):
    """The number of declarations that were taken, and those of them whose suppliers can be reached."""

    taken: int
    reached: list[ToRenew]


async def take_to_renew(
    connection: Connection, today: date, before: date, now: datetime, limit: int, but: Collection[UUID] = ()
) -> TakenToRenew:
    """Up to `limit` declarations that end from today to `before`, each once, of suppliers that may be asked again.

    Who declared by a link that was revoked since would get another one, and is not reached. `but`: organisations whose
    links' declarations are left for another day.
    """
    own, links = declarations.c, declaration_links.c
    is_revoked = exists().where(links.id == own.link_id, links.revoked_at.is_not(None))
    due = (
        select(own.supplier_id)
        .where(own.valid_until.between(today, before), own.content.is_not(None), own.reminded_at.is_(None))
        .where(own.organisation_id.not_in(list(but)))
    )
    take = update(declarations).where(own.supplier_id.in_(due.limit(limit).with_for_update(skip_locked=True)))
    columns = own.supplier_id, own.organisation_id, own.content, is_revoked.label("is_revoked")
    taken = take.values(reminded_at=now).returning(*columns)
    rows = (await connection.execute(taken)).all()
    reached = [
        ToRenew(row.supplier_id, row.organisation_id, row.content.contact.email)
        for row in rows
        if row.content.ask_again and row.content.contact and row.content.contact.email and not row.is_revoked
    ]
    return TakenToRenew(len(rows), reached)


async def renew_later(connection: Connection, supplier_ids: Collection[UUID]) -> None:
    """Leave declarations that were taken to be renewed for another day."""
    left = update(declarations).where(declarations.c.supplier_id == func.any(list(supplier_ids)))
    await connection.execute(left.values(reminded_at=None))


async def remove_old(connection: Connection, now: datetime) -> int:
    """Remove links and declarations that ended more than a year ago; returns how many."""
    before = now - KEPT_AFTER_END
    links = delete(declaration_links).where(declaration_links.c.expires_at < before)
    over = delete(declarations).where(
        or_(declarations.c.valid_until < before.date(), declarations.c.withdrawn_at < before)
    )
    return (await connection.execute(links)).rowcount + (await connection.execute(over)).rowcount


def _stored_declaration(row: Row[Any], today: date) -> StoredDeclaration | None:
    if row.content is None:
        return None
    said = msgspec.structs.asdict(row.content) | {"valid_until": row.valid_until}
    return StoredDeclaration(**said, declared_at=row.declared_at, expired=row.valid_until < today)


def _withdrawal(row: Row[Any]) -> Withdrawal | None:
    return None if row.reason is None else Withdrawal(reason=row.reason, withdrawn_at=row.withdrawn_at)


def _listed_declaration(row: Row[Any], today: date) -> ListedDeclaration:
    return ListedDeclaration(
        supplier_id=row.supplier_id,
        name=row.supplier and row.supplier.name,
        siret=row.supplier and row.supplier.siret,
        organisation=row.organisation,
        link_id=row.link_id,
        exchange_id=row.exchange_id,
        sent_from=row.sent_from and row.sent_from.hex(),
        declaration=row.content,
        declared_at=row.declared_at,
        valid_until=row.valid_until,
        expired=row.valid_until < today,
        withdrawal=_withdrawal(row),
        withdrawn_at=row.withdrawn_at,
    )
