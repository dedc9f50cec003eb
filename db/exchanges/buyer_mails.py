"""E-mails to buyers on their way: that suppliers answered, that new ones fit their needs; and who wants none.

A row names what it is about and who gets it, without text or address: both are read at each attempt. Who wants none is
known by the keyed digest of an address.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.delivery.outbox import ClaimedRow, queue_rows
from db.exchanges.reply_links import digest
from db.persons import SEEN_DAYS, may_see_needs
from db.schema.organisation_tables import audit_entries, buyer_mails, exchanges, needs, unwanted_mails
from db.schema.person_tables import desk_accounts, persons
from db.schema.supplier_tables import organisations
from db.suppliers.suppression_list import address_digest
from domain.exchanges.letter import KINDS, MailKind
from domain.needs.status import OPEN
from domain.privacy import email_key
from domain.text.bilingual import Language
from domain.webhooks import Result

_OWN = buyer_mails.c
EVERYBODY = b""
"""What stands for all addresses of an organisation."""
KEPT_FOR = timedelta(days=90)


async def queue_answer_mail(connection: Connection, organisation_id: UUID, exchange_id: UUID, now: datetime) -> None:
    """Queue an e-mail that an exchange has an answer: to its contact, else to who opened it; once while one waits.

    None is queued where neither has an address.
    """
    opened = (audit_entries.c.organisation_id == organisation_id, audit_entries.c.object == f"exchange:{exchange_id}")
    opener = (
        sa.select(persons.c.id)
        .join(audit_entries, audit_entries.c.actor_id == persons.c.id)
        .where(*opened, audit_entries.c.action == "exchange.opened", persons.c.email.is_not(None))
        .where(may_see_needs(persons.c.id, now))
        .limit(1)
    )
    contact = await connection.scalar(sa.select(exchanges.c.contact).where(exchanges.c.id == exchange_id))
    person_id = None if contact and contact.email else await connection.scalar(opener)
    waits = sa.select(_OWN.id).where(_OWN.exchange_id == exchange_id, _OWN.status == "waiting", _OWN.lease.is_(None))
    if (person_id is None and not (contact and contact.email)) or await connection.scalar(waits.limit(1)):
        return
    row = {"organisation_id": organisation_id, "exchange_id": exchange_id, "person_id": person_id}
    await queue_rows(connection, buyer_mails, [row], now)


_QUEUE_DIGESTS = sa.text("""
    WITH kept AS (
        SELECT needs.id, needs.organisation_id, persons.id AS person_id
        FROM needs
        LEFT JOIN audit_entries ON audit_entries.organisation_id = needs.organisation_id
            AND audit_entries.object = 'need:' || needs.id AND audit_entries.action = 'need.created'
            AND audit_entries.means = 'person'
        LEFT JOIN persons ON persons.id = audit_entries.actor_id AND persons.email IS NOT NULL
            AND EXISTS (
                SELECT FROM desk_accounts
                WHERE person_id = persons.id AND (scopes IS NULL OR 'needs' = ANY(scopes)) AND seen_at > :seen_since
            )
        WHERE needs.status = ANY(:open) AND needs.shortlists > 0
            AND (persons.id IS NOT NULL OR needs.content ->> 'answers_email' IS NOT NULL)
    )
    INSERT INTO buyer_mails (id, organisation_id, person_id, need_id, week, queued_at, due_at)
    SELECT gen_random_uuid(), organisation_id, person_id, need_id, :week, :now, :now
    FROM (
        SELECT DISTINCT organisation_id, person_id, CASE WHEN person_id IS NULL THEN id END AS need_id FROM kept
    ) AS receivers
    ON CONFLICT DO NOTHING
""").bindparams(
    sa.bindparam("open", type_=sa.ARRAY(sa.Text)),
    sa.bindparam("week", type_=sa.Date),
    *(sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("now", "seen_since")),
)


async def queue_digests(connection: Connection, week: date, now: datetime) -> None:
    """Queue the week's digest for each person who keeps open needs, else for the address that a need names; once.

    Rows that ended long ago go.
    """
    seen_since = now - timedelta(days=SEEN_DAYS)  # as `may_see_needs` has it
    values = {"open": sorted(OPEN), "week": week, "now": now, "seen_since": seen_since}
    await connection.execute(_QUEUE_DIGESTS, values)
    await connection.execute(sa.delete(buyer_mails).where(_OWN.ended_at < now - KEPT_FOR))


class BuyerMail(NamedTuple):
    """The content of an e-mail to a buyer that is to be sent. `since`: when the digest before was made, if any."""

    kind: MailKind
    organisation_id: UUID
    organisation: str
    address: str
    exchange_id: UUID | None
    needs: tuple[UUID, ...]
    since: datetime | None
    language: Language


MOST_NEEDS = 50


async def select_buyer_mail(connection: Connection, mail_id: UUID) -> BuyerMail | None:
    """The e-mail of a row; None where its address is known no more, or wants none."""
    found = await _row_and_address(connection, mail_id)
    if found is None:
        return None
    row, named = found
    kind: MailKind = "digest" if row.exchange_id is None else "answers"
    if kind in await unwanted_kinds(connection, row.organisation_id, named):
        return None
    of_reader = (
        sa.select(desk_accounts.c.language)
        .join(persons, persons.c.id == desk_accounts.c.person_id)
        .where(persons.c.organisation_id == row.organisation_id, persons.c.email_key == email_key(named))
        .order_by(desk_accounts.c.seen_at.desc())
    )
    language: Language = "en" if await connection.scalar(of_reader.limit(1)) == "en" else "fr"
    if kind == "answers":
        about = (row.need_of_exchange,)
        return BuyerMail(kind, row.organisation_id, row.organisation, named, row.exchange_id, about, None, language)
    of_person = row.need_id is None
    ids = await _open_needs_of(connection, row.organisation_id, row.person_id) if of_person else [row.need_id]
    same = _OWN.person_id == row.person_id if of_person else _OWN.need_id == row.need_id
    before = sa.select(sa.func.max(_OWN.queued_at)).where(same, _OWN.week < row.week, _OWN.status == "delivered")
    since = await connection.scalar(before)
    return BuyerMail(kind, row.organisation_id, row.organisation, named, None, tuple(ids), since, language)


async def _row_and_address(connection: Connection, mail_id: UUID) -> tuple[sa.Row[Any], str] | None:
    """The row of an e-mail with what it is about, and its address; None without a row or an address.

    That is the address of the exchange's contact, else of the person, else the one that the need names.
    """
    query = (
        sa.select(
            buyer_mails,
            organisations.c.name.label("organisation"),
            exchanges.c.contact,
            exchanges.c.need_id.label("need_of_exchange"),
            persons.c.email,
            needs.c.content,
        )
        .join(organisations, organisations.c.id == _OWN.organisation_id)
        .outerjoin(exchanges, exchanges.c.id == _OWN.exchange_id)
        .outerjoin(persons, (persons.c.id == _OWN.person_id) & may_see_needs(persons.c.id, _OWN.queued_at))
        .outerjoin(needs, needs.c.id == _OWN.need_id)
    )
    row = (await connection.execute(query.where(_OWN.id == mail_id))).first()
    if row is None:
        return None
    named = (row.contact and row.contact.email) or row.email or (row.content and row.content.answers_email)
    return (row, named) if named else None


async def _open_needs_of(connection: Connection, organisation_id: UUID, person_id: UUID) -> list[UUID]:
    """The ids of the open needs that a person stored, the latest first."""
    stored = sa.exists().where(
        audit_entries.c.organisation_id == organisation_id,
        audit_entries.c.object == sa.func.concat("need:", needs.c.id),
        audit_entries.c.action == "need.created",
        audit_entries.c.actor_id == person_id,
    )
    open_needs = sa.select(needs.c.id).where(needs.c.organisation_id == organisation_id, needs.c.status.in_(OPEN))
    rows = await connection.execute(open_needs.where(stored).order_by(needs.c.id.desc()).limit(MOST_NEEDS))
    return list(rows.scalars())


async def write_stop_token(connection: Connection, mail_id: UUID, token: str, address: str) -> None:
    """Store the digest of the token by which the receiver of an e-mail asks for no more, and that of their address."""
    own = digest(token) + await address_digest(connection, address)
    await connection.execute(sa.update(buyer_mails).where(_OWN.id == mail_id).values(stop_digest=own))


async def write_mail_outcome(connection: Connection, mail: ClaimedRow, result: Result) -> None:
    """Store the outcome of an attempt to send an e-mail."""
    ended_at = result.at if result.due_at is None else None
    write = sa.update(buyer_mails).where(_OWN.id == mail.id)
    await connection.execute(write.values(failure=result.outcome.failure, ended_at=ended_at))


class Stop(NamedTuple):
    """The e-mails that a link can stop. `address`: the digest of whose they are; `is_unwanted`: stopped already."""

    organisation_id: UUID
    organisation: str
    kind: MailKind
    address: bytes
    is_unwanted: bool


async def select_stop(connection: Connection, token: str) -> Stop | None:
    """The e-mails that a token can stop: those to the address that got it. None where it is of no e-mail."""
    own = digest(token)
    query = sa.select(buyer_mails, organisations.c.name.label("organisation"))
    query = query.join(organisations, organisations.c.id == _OWN.organisation_id)
    row = (await connection.execute(query.where(_OWN.stop_digest.between(own + b"\0", own + b"\xff" * 33)))).first()
    if row is None:
        return None
    kind: MailKind = "digest" if row.exchange_id is None else "answers"
    address = row.stop_digest[len(own) :]
    unwanted = await _unwanted_by(connection, row.organisation_id, address)
    return Stop(row.organisation_id, row.organisation, kind, address, kind in unwanted)


async def unwanted_kinds(connection: Connection, organisation_id: UUID, address: str | None) -> set[MailKind]:
    """The kinds of e-mail that an address of an organisation wants none of, or all of it; None: that alone."""
    return await _unwanted_by(
        connection, organisation_id, await address_digest(connection, address) if address else EVERYBODY
    )


async def _unwanted_by(connection: Connection, organisation_id: UUID, address: bytes) -> set[MailKind]:
    query = sa.select(unwanted_mails.c.kind).where(
        unwanted_mails.c.organisation_id == organisation_id, unwanted_mails.c.address_digest.in_([EVERYBODY, address])
    )
    return set((await connection.execute(query)).scalars())


async def write_unwanted_kinds(
    connection: Connection,
    organisation_id: UUID,
    address: bytes,
    kinds: Collection[MailKind],
    now: datetime,
    among: Collection[MailKind] = KINDS,
) -> None:
    """Store that an address of an organisation wants none of these kinds of e-mail, and those others of `among`."""
    key: dict[str, Any] = {"organisation_id": organisation_id, "address_digest": address}
    wanted = [each for each in among if each not in kinds]
    await connection.execute(sa.delete(unwanted_mails).filter_by(**key).where(unwanted_mails.c.kind.in_(wanted)))
    rows = [key | {"kind": each, "created_at": now} for each in kinds]
    if rows:
        await connection.execute(insert(unwanted_mails).on_conflict_do_nothing(), rows)
