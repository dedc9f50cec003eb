"""Declarations of suppliers, stored beside the records that they make in the directory, read, withdrawn and ended.

A declaration belongs to the supplier whose id it bears; that of a supplier which became part of another one speaks for
the whole until that says something itself. `db.suppliers.regroup` has its record follow its supplier.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    Date,
    DateTime,
    Row,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection, is_above
from db.declarations.links import emails_of, revoked_among
from db.schema.campaign_tables import declaration_links, declarations, unsolicited_suppliers
from db.schema.supplier_tables import organisations, records, sources, suppliers
from db.suppliers.records import delete_record, lock_record, put_record
from db.suppliers.write import ids_of
from domain.declarations.declaration import DeclarationByLink, StoredDeclaration, Withdrawal
from domain.declarations.record import ListedDeclaration
from domain.suppliers.deduplication import NameSimilarity
from domain.suppliers.source import SourceMapping
from domain.suppliers.supplier import DECLARATIONS, Placement, SupplierRecord
from domain.text.bilingual import PARIS

LABEL = "Ce que les fournisseurs déclarent eux-mêmes"
KEPT_AFTER_END = timedelta(days=365)
"""The time for which a declaration that ended, and a link, stay for the supplier to read and to renew."""
MOST_OTHERS = 10
"""The earlier words that are kept beside what stands, of each organisation's links."""


KEPT_TAKEN_BACK = timedelta(days=90)
"""The time for which an operator can restore what was taken back, or replaced by its own link."""


_FORGET_OTHERS = text("""
    UPDATE declarations SET others = (
        SELECT json_agg(each) FROM json_array_elements(others) each WHERE (each->>'valid_until')::date >= :today
        AND coalesce((each->>'withdrawn_at')::timestamptz >= :before, true)
    ) WHERE EXISTS (SELECT FROM json_array_elements(others) each
        WHERE (each->>'valid_until')::date < :today OR (each->>'withdrawn_at')::timestamptz < :before)
""").bindparams(bindparam("today", type_=Date), bindparam("before", type_=DateTime(timezone=True)))


class Sending(NamedTuple):
    """The way by which a declaration came: an organisation's link, or, with `exchange_id`, its reply link.

    `sent_from`: a keyed digest of the network address; None where a release before stored none.
    """

    organisation_id: UUID
    link_id: UUID | None
    exchange_id: UUID | None = None
    sent_from: bytes | None = None


class DeclarationOf(NamedTuple):
    """The declaration of a supplier that stands, or was withdrawn, and the way by which it came.

    `replaced_at`: when it took the place of what the link that is followed had said; None where it did not.
    """

    sending: Sending
    declaration: StoredDeclaration | None
    withdrawal: Withdrawal | None
    replaced_at: datetime | None


async def store_declaration(
    connection: Connection,
    supplier_id: UUID,
    said: DeclarationByLink,
    record: SupplierRecord,
    placement: Placement,
    *,
    now: datetime,
    similarity: NameSimilarity,
) -> tuple[int, DeclarationByLink | None]:
    """Store what a living supplier says of itself by a link, in place of all it said before.

    Returns a directory version with it, and what stood until then, None for nothing. Earlier words are kept beside it:
    those of other links stand again after it, those of its own only if an operator says so. `record`: what it makes in
    the directory. The caller commits. Raises as `put_record`.
    """
    await lock_record(connection, DECLARATIONS, str(supplier_id))  # before its rows, as all who write them
    source = {"name": DECLARATIONS, "label": LABEL, "mapping": SourceMapping(), "created_at": now}
    await connection.execute(insert(sources).values(source).on_conflict_do_nothing())
    rows = await _rows_of(connection, supplier_id)
    for former_id in sorted({row.supplier_id for row in rows} - {supplier_id}):
        await connection.execute(delete(declarations).where(declarations.c.supplier_id == former_id))
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
    words = [
        msgspec.structs.replace(each, withdrawn_at=each.withdrawn_at or now) if each.link == said.link else each
        for each in _words_of(rows)
        if (each.link, each.declared_at) != (said.link, said.declared_at) and (each.content or each.reason)
    ]
    row = {"supplier_id": supplier_id, **msgspec.structs.asdict(said), "others": _kept_words(words, now) or None}
    write = insert(declarations).values(row)
    await connection.execute(write.on_conflict_do_update(index_elements=["supplier_id"], set_=row))
    before = _word_of(rows[0]) if rows and rows[0].content is not None else None
    return written.data_version, before


async def select_declaration(
    connection: Connection, supplier_id: UUID, today: date, link: Sending | None = None
) -> DeclarationOf | None:
    """The declaration of a living supplier, or its withdrawal; None where it never said anything.

    `link`: the one that is followed, whose own word may have been withdrawn or replaced.
    """
    rows = await _rows_of(connection, supplier_id)
    if not rows:
        return None
    stands = _word_of(rows[0])
    own = next((each for each in reversed(_words_of(rows)) if link and each.link == link[:3]), stands)
    is_replaced = own.link != stands.link and own.content and own.withdrawn_at is None and stands.content
    replaced_at = stands.declared_at if is_replaced else None
    sending, declaration = Sending(*stands.link, stands.sent_from), _stored_declaration(rows[0], today)
    return DeclarationOf(sending, declaration, own.withdrawal or stands.withdrawal, replaced_at)


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


async def withdraw_declaration(
    connection: Connection,
    supplier_id: UUID,
    reason: str | None,
    alike: Collection[str],
    *,
    now: datetime,
    today: date,
    restore: datetime | None = None,
) -> tuple[UUID, DeclarationByLink | None] | None:
    """Take back the declaration of a supplier that stands, by itself or, with a `reason`, by an operator.

    Returns the id of its record, which the caller has removed or written anew, and what stands again in its place, None
    for nothing; None where no declaration stood. It is kept among the earlier words. `alike`: the columns by which
    others are withdrawn with it; one that is equal in one of them does not stand again. `restore`: the moment of the
    earlier word that does, whoever took that back. The caller commits.
    """
    await lock_record(connection, DECLARATIONS, str(supplier_id))
    rows = await _rows_of(connection, supplier_id)
    restored = [each for each in _words_of(rows) if each.declared_at == restore and each.valid_until >= today]
    if not rows or not (restored if restore else rows[0].content):
        return None
    if rows[0].content is not None:
        kept = msgspec.structs.replace(_word_of(rows[0]), withdrawn_at=now, reason=reason)
        gone = update(declarations).where(declarations.c.supplier_id == rows[0].supplier_id)
        others = _kept_words([*(rows[0].others or ()), kept], now)
        await connection.execute(gone.values(content=None, withdrawn_at=now, reason=reason, others=others))
    if restored:
        return rows[0].supplier_id, msgspec.structs.replace(restored[0], withdrawn_at=None, reason=None)
    return rows[0].supplier_id, await _stands_again(connection, rows[0], rows[1:], today, alike)


async def select_listed(
    connection: Connection, organisation_id: UUID | None, after: UUID | None, limit: int, today: date
) -> list[ListedDeclaration]:
    """Up to `limit` declarations after that of a supplier, by supplier: those by links of an organisation, or all."""
    own = declarations.c
    document = suppliers.c.document.label("supplier")
    query = (
        select(declarations, document)
        .outerjoin(suppliers, suppliers.c.id == own.supplier_id)
        .where(is_above(own.supplier_id, after))
    )
    if organisation_id is not None:
        query = query.where(own.organisation_id == organisation_id)
    rows = (await connection.execute(query.order_by(own.supplier_id).limit(limit))).all()
    whose = {each.organisation_id for row in rows for each in (row, *(row.others or ()))}
    names = select(organisations.c.id, organisations.c.name).where(organisations.c.id.in_(whose))
    if organisation_id is not None:
        names = names.where(organisations.c.id == organisation_id)
    told = {row.id: row.name for row in await connection.execute(names)}
    return [_listed_declaration(row, today, told) for row in rows]


async def due_to_end(connection: Connection, today: date, limit: int) -> list[UUID]:
    """The ids of up to `limit` declarations that are past their last day and still have a record in the directory."""
    own = declarations.c
    is_its_record = and_(records.c.source == DECLARATIONS, records.c.external_id == cast(own.supplier_id, Text))
    query = select(own.supplier_id).where(own.valid_until < today, exists().where(is_its_record)).limit(limit)
    return list((await connection.execute(query)).scalars())


async def end_declaration(
    connection: Connection, supplier_id: UUID, today: date
) -> tuple[UUID, DeclarationByLink | None] | None:
    """End a declaration past its last day; returns whose link it came by, and what stands again in its place.

    None where it is not past it. The caller removes its record, or writes it anew.
    """
    await lock_record(connection, DECLARATIONS, str(supplier_id))
    rows = await _rows_of(connection, supplier_id)
    ended = next((row for row in rows if row.supplier_id == supplier_id and row.valid_until < today), None)
    if ended is None:
        return None
    return ended.organisation_id, await _stands_again(connection, ended, [row for row in rows if row != ended], today)


async def _stands_again(
    connection: Connection, gone: Row[Any], rest: Sequence[Row[Any]], today: date, alike: Collection[str] = ()
) -> DeclarationByLink | None:
    """The latest word of another link that still holds, once that of `gone` does not; None where there is none.

    `rest`: the supplier's other rows. `alike`: columns; a word that is equal in one of them does not stand again.
    """
    if any(row.content for row in rest):
        return None  # what another supplier said that became part of this one has a record of its own
    others = [
        each for each in _words_of((gone, *rest)) if each.withdrawn_at is None and each.link != _word_of(gone).link
    ]
    revoked = await revoked_among(connection, [each.link_id for each in others])
    still = [
        each
        for each in others
        if each.content and each.valid_until >= today and each.link_id not in revoked
        if all(getattr(each, name) != getattr(gone, name) for name in alike)
    ]
    return max(still, key=lambda each: each.declared_at, default=None)


class ToRenew(NamedTuple):
    """A declaration that will soon expire: whose, by whose link; `email`: None where the supplier is not reached."""

    supplier_id: UUID
    organisation_id: UUID
    email: str | None


async def take_to_renew(
    connection: Connection, today: date, before: date, now: datetime, limit: int, but: Collection[UUID] = ()
) -> list[ToRenew]:
    """Up to `limit` declarations that end from today to `before`, each once, of suppliers that may be asked again.

    Reached at the address that they declared, else at the one that other sources have. Who declared by a link that was
    revoked since would get another one, and is not reached. `but`: organisations whose links' declarations are left for
    another day.
    """
    own, links, refused = declarations.c, declaration_links.c, unsolicited_suppliers.c
    refuses = exists().where(refused.organisation_id == own.organisation_id, refused.supplier_id == own.supplier_id)
    is_revoked = exists().where(links.id == own.link_id, links.revoked_at.is_not(None))
    due = (
        select(own.supplier_id)
        .where(own.valid_until.between(today, before), own.content.is_not(None), own.reminded_at.is_(None))
        .where(own.organisation_id.not_in(list(but)))
    )
    take = update(declarations).where(own.supplier_id.in_(due.limit(limit).with_for_update(skip_locked=True)))
    columns = own.supplier_id, own.organisation_id, own.content, (is_revoked | refuses).label("is_left_out")
    taken = take.values(reminded_at=now).returning(*columns)
    found = list[ToRenew]()
    for row in (await connection.execute(taken)).all():
        emails = [] if row.is_left_out else await emails_of(connection, row.supplier_id, row.content)
        found.append(ToRenew(row.supplier_id, row.organisation_id, next(iter(emails), None)))
    return found


async def renew_later(connection: Connection, supplier_ids: Collection[UUID]) -> None:
    """Leave declarations that were taken to be renewed for another day."""
    left = update(declarations).where(declarations.c.supplier_id == func.any(list(supplier_ids)))
    await connection.execute(left.values(reminded_at=None))


async def remove_old(connection: Connection, now: datetime) -> int:
    """Remove links and declarations that ended or were withdrawn more than a year ago; returns how many.

    Earlier words are removed after their own last day, and `KEPT_TAKEN_BACK` after they were taken back.
    """
    before, ends = (now - KEPT_AFTER_END).astimezone(PARIS), declaration_links.c
    await connection.execute(_FORGET_OTHERS, {"today": now.astimezone(PARIS).date(), "before": now - KEPT_TAKEN_BACK})
    links = delete(declaration_links).where(func.least(ends.expires_at, ends.revoked_at) < before)
    over = delete(declarations).where(
        or_(declarations.c.valid_until < before.date(), declarations.c.withdrawn_at < before)
    )
    return (await connection.execute(links)).rowcount + (await connection.execute(over)).rowcount


async def _rows_of(connection: Connection, supplier_id: UUID) -> Sequence[Row[Any]]:
    """The rows of a living supplier, by all its ids: first what stands, the latest of several."""
    own = declarations.c
    query = select(declarations).where(own.supplier_id.in_(await ids_of(connection, supplier_id)))
    rows = await connection.execute(query.order_by(own.content.is_(None), own.declared_at.desc(), own.supplier_id))
    return rows.all()


def _word_of(row: Row[Any]) -> DeclarationByLink:
    return msgspec.convert(row, DeclarationByLink, from_attributes=True)


def _words_of(rows: Sequence[Row[Any]]) -> list[DeclarationByLink]:
    """The words that these rows tell of, the latest last; one that was withdrawn is as it was kept, if it was."""
    told = {(each.link, each.declared_at): each for row in rows for each in (_word_of(row), *(row.others or ()))}
    return sorted(told.values(), key=lambda each: each.declared_at)


def _kept_words(words: Sequence[DeclarationByLink], now: datetime) -> tuple[DeclarationByLink, ...]:
    """Returns what is kept of earlier words, the latest last, until their last day: a few of each organisation.

    Of too many, first those of the address that sent most of them go, and of these the one that stood the shortest:
    whoever sends one false word after another does not have a true one forgotten.
    """
    kept = defaultdict[UUID, list[tuple[timedelta, DeclarationByLink]]](list)
    moments = pairwise([*(each.declared_at for each in words), now])
    for each, (declared_at, replaced_at) in zip(words, moments, strict=True):
        kept[each.organisation_id].append((replaced_at - declared_at, each))
    for some in kept.values():
        while len(some) > MOST_OTHERS:
            sent = Counter(each.sent_from for _, each in some)
            some.remove(min(some, key=lambda one: (-sent[one[1].sent_from], one[0])))
    return tuple(each for some in kept.values() for _, each in some)


def _stored_declaration(row: Row[Any], today: date) -> StoredDeclaration | None:
    if row.content is None:
        return None
    said = msgspec.structs.asdict(row.content) | {"valid_until": row.valid_until}
    said["ask_again"] = row.content.ask_again is not False
    return StoredDeclaration(**said, declared_at=row.declared_at, expired=row.valid_until < today)


def _listed_declaration(row: Row[Any], today: date, names: Mapping[UUID, str]) -> ListedDeclaration:
    """A declaration as operators see it. `names`: of the organisations by whose links earlier ones are shown."""
    shared = {"supplier_id": row.supplier_id, "name": row.supplier and row.supplier.name}
    shared["siret"] = row.supplier and row.supplier.siret

    def listed(word: DeclarationByLink) -> ListedDeclaration:
        own = {name: getattr(word, name) for name in ListedDeclaration.__struct_fields__ if hasattr(word, name)}
        own |= {"sent_from": word.sent_from and word.sent_from.hex(), "expired": word.valid_until < today}
        return ListedDeclaration(**own, **shared, declaration=word.content, organisation=names[word.organisation_id])

    earlier = [each for each in reversed(row.others or ()) if each.content and each.organisation_id in names]
    return msgspec.structs.replace(listed(_word_of(row)), earlier=tuple(map(listed, earlier)))
