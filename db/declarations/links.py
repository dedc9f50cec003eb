"""Links to suppliers' own pages: the right to speak for one supplier, for who holds a secret of the link.

A link has several secrets: a long token, a short code to be typed, and a token for each e-mail that brings it. Only
their digests are stored. A code is short enough to be searched for in a copy of the database: its digest takes
`CODE_ROUNDS` times as long, and it has 31 to the power of twelve values, of which an address may try some each hour.
Those of former codes, of ten letters, take ten times as long again: the search of all codes is a hundred times as long
since, and the digests of a campaign of thousands are made in a second.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from hashlib import pbkdf2_hmac
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, case, exists, func, insert, select, update

from db.core.engine import Connection, bind, is_below, read_all, read_first
from db.core.uuid7 import increasing_ids
from db.delivery.outbox import ClaimedRow, mail_columns, queue_rows
from db.exchanges.reply_links import digest
from db.schema.campaign_tables import campaign_recipients, declaration_links, declaration_mails, declaration_secrets
from db.schema.supplier_tables import organisations, records
from db.suppliers.write import survivors
from domain.declarations.declaration import CODE_LENGTH, FORMER_LENGTH, Declaration, DeclarationLink, MailKind
from domain.suppliers.supplier import DECLARATIONS
from domain.webhooks import Result

CODE_ROUNDS = {CODE_LENGTH: 500, FORMER_LENGTH: 5_000}
"""Rounds of the digest of a code, by its length."""
_COLUMNS = [
    declaration_links.c[name]
    for name in ("id", "organisation_id", "supplier_id", "created_at", "expires_at", "revoked_at", "opened_at")
]


class NewLink(NamedTuple):
    """A link to be stored: whose page it opens, and its secrets; `code`: None for one that is not typed."""

    supplier_id: UUID
    token: str
    code: str | None = None


class FollowedLink(msgspec.Struct, frozen=True):
    """A link in force, followed. `supplier_id`: the living supplier that it speaks for, whatever its id was then."""

    id: UUID
    organisation_id: UUID
    organisation: str
    supplier_id: UUID
    expires_at: datetime
    opened_at: datetime | None


def secret_digest(secret: str) -> bytes:
    """The digest by which a token or a code is stored."""
    if len(secret) in CODE_ROUNDS:
        return pbkdf2_hmac("sha256", secret.encode(), b"vivier declaration code", CODE_ROUNDS[len(secret)])
    return digest(secret)


def digests_of(link: NewLink) -> list[bytes]:
    """The digests of a link's secrets; that of a code takes some milliseconds."""
    return [secret_digest(secret) for secret in (link.token, link.code) if secret is not None]


async def insert_links(
    connection: Connection,
    organisation_id: UUID,
    links: Sequence[NewLink],
    now: datetime,
    expires_at: datetime,
    *,
    campaign_id: UUID | None = None,
    digests: Sequence[Sequence[bytes]] | None = None,
) -> list[UUID]:
    """Store links made by an organisation; returns their ids, in the order of `links`.

    `campaign_id`: the campaign that brings them. `digests`: those of each link (`digests_of`), where they are made.
    """
    ids = list(increasing_ids(now, range(len(links))))
    common = {"organisation_id": organisation_id, "created_at": now, "expires_at": expires_at}
    common |= {"campaign_id": campaign_id}
    made = [digests_of(each) for each in links] if digests is None else digests
    rows = [{"id": id_, "supplier_id": each.supplier_id, **common} for id_, each in zip(ids, links, strict=True)]
    secrets = [{"digest": each, "link_id": id_} for id_, some in zip(ids, made, strict=True) for each in some]
    if rows:
        await connection.execute(insert(declaration_links), rows)
        await connection.execute(insert(declaration_secrets), secrets)
        bind(connection, *(f"supplier_link:{each}" for each in ids))
    return ids


async def issued_digests(connection: Connection, digests: Collection[bytes]) -> set[bytes]:
    """The digests among these of secrets that are stored, in force or not."""
    stored = select(declaration_secrets.c.digest).where(declaration_secrets.c.digest == func.any(list(digests)))
    return set((await connection.execute(stored)).scalars())


async def follow(connection: Connection, secret: str, now: datetime, *, lock: bool = False) -> FollowedLink | None:
    """The link in force with this token or code; None where it is unknown, expired, revoked, or its supplier is gone.

    `lock`: nobody else writes by it, or revokes it, before the end of the transaction.
    """
    query = (
        select(*_COLUMNS, organisations.c.name.label("organisation"))
        .join(declaration_secrets, declaration_secrets.c.link_id == declaration_links.c.id)
        .join(organisations, organisations.c.id == declaration_links.c.organisation_id)
        .where(declaration_secrets.c.digest == secret_digest(secret), _is_in_force(now))
    )
    if lock:
        query = query.with_for_update(of=declaration_links)
    link = await read_first(connection, query, FollowedLink)
    living = (await survivors(connection, [link.supplier_id])).get(link.supplier_id) if link else None
    return msgspec.structs.replace(link, supplier_id=living) if link and living else None


async def count_send(connection: Connection, link_id: UUID, today: date) -> int:
    """Count one more declaration sent by a link on this day; returns how many there are."""
    links = declaration_links.c
    sends = case((links.sent_on == today, links.sends + 1), else_=1)
    counted = update(declaration_links).where(links.id == link_id).values(sends=sends, sent_on=today)
    sent: int = (await connection.execute(counted.returning(links.sends))).scalar_one()
    return sent


async def extend_link(connection: Connection, link_id: UUID, until: datetime) -> None:
    """Have a link last at least until a moment, as what was declared by it does."""
    own = declaration_links.c
    later = update(declaration_links).where(own.id == link_id, own.expires_at < until).values(expires_at=until)
    if (await connection.execute(later)).rowcount:
        bind(connection, f"supplier_link:{link_id}")


async def revoked_among(connection: Connection, link_ids: Iterable[UUID | None]) -> set[UUID | None]:
    """The links among these that were revoked."""
    own = declaration_links.c
    query = select(own.id).where(own.id.in_(list(filter(None, link_ids))), own.revoked_at.is_not(None))
    return {*(await connection.execute(query)).scalars()}


async def select_links(
    connection: Connection, organisation_id: UUID, supplier_ids: Iterable[UUID], before: UUID | None, limit: int
) -> Sequence[DeclarationLink]:
    """Up to `limit` links that an organisation made for a supplier, by any of its ids; the latest first."""
    own = declaration_links.c
    query = select(*_COLUMNS).where(
        own.organisation_id == organisation_id, own.supplier_id.in_(list(supplier_ids)), is_below(own.id, before)
    )
    return await read_all(connection, query.order_by(own.id.desc()).limit(limit), DeclarationLink)


async def revoke_link(
    connection: Connection, organisation_id: UUID | None, supplier_ids: Iterable[UUID], link_id: UUID, now: datetime
) -> UUID | None:
    """Revoke a link to a supplier, and cancel its waiting e-mails; returns whose it was, None where none was in force.

    `organisation_id`: the one that made it; None: whoever did.
    """
    own = declaration_links.c
    wanted = (own.id == link_id) & own.supplier_id.in_(list(supplier_ids)) & _is_in_force(now)
    if organisation_id is not None:
        wanted &= own.organisation_id == organisation_id
    gone = update(declaration_links).where(wanted).values(revoked_at=now).returning(own.organisation_id)
    whose: UUID | None = await connection.scalar(gone)
    if whose is None:
        return None
    bind(connection, f"supplier_link:{link_id}")
    stop = update(declaration_mails).filter_by(link_id=link_id, status="waiting")
    await connection.execute(stop.values(status="cancelled", due_at=None, lease=None, ended_at=now))
    return whose


def _is_in_force(now: datetime) -> ColumnElement[bool]:
    return declaration_links.c.revoked_at.is_(None) & (declaration_links.c.expires_at > now)


async def insert_mail(
    connection: Connection, link_id: UUID, kind: MailKind, address: str, language: str, now: datetime
) -> None:
    """Queue an e-mail that brings a link."""
    row = {"link_id": link_id, "kind": kind, "address": address, "language": language}
    await queue_rows(connection, declaration_mails, [row], now)


async def was_mailed_to(
    connection: Connection, supplier_id: UUID, moment: datetime, kind: MailKind | None = None
) -> bool:
    """Whether an e-mail, if given of a kind, that brings a link to a supplier's page was queued after a moment."""
    query = (
        select(declaration_mails.c.id)
        .join(declaration_links, declaration_links.c.id == declaration_mails.c.link_id)
        .where(declaration_links.c.supplier_id == supplier_id, declaration_mails.c.queued_at > moment)
    )
    if kind is not None:
        query = query.where(declaration_mails.c.kind == kind)
    return (await connection.execute(query.limit(1))).first() is not None


async def was_sent(connection: Connection, link_id: UUID) -> bool:
    """Whether a link went to its supplier by e-mail, and was not shown to who made it."""
    own, theirs = declaration_links.c, campaign_recipients.c
    is_its = (theirs.campaign_id == own.campaign_id) & (theirs.supplier_id == own.supplier_id)
    by_mail = exists().where(declaration_mails.c.link_id == own.id) | exists().where(is_its, theirs.linked_at.is_(None))
    return (await connection.execute(select(own.id).where(own.id == link_id, by_mail))).first() is not None


async def emails_of(connection: Connection, supplier_id: UUID, declaration: Declaration | None) -> list[str]:
    """The e-mail addresses of a supplier: the one that it declared, then the latest of another source."""
    own, living = records.c, (await survivors(connection, [supplier_id])).get(supplier_id, supplier_id)
    query = select(own.payload).where(own.supplier_id == living, own.source != DECLARATIONS)
    found = (await connection.execute(query.order_by(own.received_at.desc(), own.source))).scalars().all()
    told = [(each.contact.email or "").strip() if each and each.contact else "" for each in (declaration, *found)]
    return [*filter(None, dict.fromkeys((told[0], next(filter(None, told[1:]), ""))))]


class MailToSend(msgspec.Struct, frozen=True):
    """The content of an e-mail with a link: who asks, whom, and the last moment of the link."""

    organisation_id: UUID
    organisation: str
    supplier_id: UUID
    expires_at: datetime


async def select_mail_to_send(connection: Connection, mail: ClaimedRow, token: str, now: datetime) -> MailToSend | None:
    """The content of a queued e-mail, with `token` as a new secret of its link; None where that ended meanwhile."""
    link_id = mail.row["link_id"]
    query = (
        select(
            organisations.c.id, organisations.c.name, declaration_links.c.supplier_id, declaration_links.c.expires_at
        )
        .join(organisations, organisations.c.id == declaration_links.c.organisation_id)
        .where(declaration_links.c.id == link_id, _is_in_force(now))
        .with_for_update(read=True, of=declaration_links)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    await connection.execute(insert(declaration_secrets).values(digest=secret_digest(token), link_id=link_id))
    bind(connection, f"supplier_link:{link_id}")
    return MailToSend(*row)


def link_mail_columns(result: Result) -> dict[str, Any]:
    """The columns that say what came of an attempt to send a link; its address goes with the last attempt."""
    return mail_columns(result) | ({"address": ""} if result.due_at is None else {})
