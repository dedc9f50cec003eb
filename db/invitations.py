"""People who are invited to an organisation: the mails that bring them a link or a code, and their passkeys.

Each is a person with an account, like one whom a provider knows (`db.persons`); the account has their rights. The
database stores digests of links and codes, never these, and of a code besides the digest of the browser that asked for
it: whoever takes a copy of the database cannot use a code that is short enough to be found.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection, bind, read_all, read_first
from db.delivery.outbox import ClaimedRow, queue_rows
from db.persons import INVITATION, AccountKey, insert_person_of_account
from db.schema.person_tables import desk_accounts, passkeys, persons, sign_in_mails
from db.schema.supplier_tables import organisations
from domain.organisation import Scope
from domain.webhooks import Result

LINK_LIFE, CODE_LIFE = timedelta(days=7), timedelta(minutes=10)
MOST_TRIES, MOST_CODES, CODES_WITHIN = 5, 5, timedelta(hours=1)
"""Codes typed in vain in a browser while its codes live; codes that a browser has sent to a person in a time, and
invitations sent to them."""
MOST_CODES_IN_ALL = 50
"""Codes sent to a person in that time, whatever browser asks: more than an outsider asks for from one address."""
MOST_PASSKEYS = 10


class InvitedPerson(msgspec.Struct, frozen=True):
    """A person who was invited to an organisation, with the rights that were given."""

    id: UUID
    organisation_id: UUID
    organisation: str
    name: str
    email: str
    scopes: tuple[Scope, ...]


_INVITED = (
    sa.select(
        persons.c.id,
        persons.c.organisation_id,
        organisations.c.name.label("organisation"),
        persons.c.name,
        desk_accounts.c.subject.label("email"),
        desk_accounts.c.scopes,
    )
    .join(desk_accounts, desk_accounts.c.person_id == persons.c.id)
    .join(organisations, organisations.c.id == persons.c.organisation_id)
    .where(desk_accounts.c.issuer == INVITATION)
)


async def find_invited(connection: Connection, person_id: UUID) -> InvitedPerson | None:
    """The invited person with this id; None where there is none, or their access was ended."""
    return await read_first(connection, _INVITED.where(persons.c.id == person_id), InvitedPerson)


async def invite(
    connection: Connection, organisation_id: UUID, email: str, name: str, scopes: Collection[Scope], now: datetime
) -> UUID:
    """Give an address these rights in an organisation, in place of those that it had; returns the person's id.

    `email`: in the form in which addresses are compared. Someone known by it keeps their name.
    """
    key = AccountKey(organisation_id, INVITATION, email)
    own = sa.update(desk_accounts).filter_by(**key._asdict()).values(scopes=scopes)
    known: UUID | None = await connection.scalar(own.returning(desk_accounts.c.person_id))
    if known is not None:
        bind(connection, f"person:{known}")
        return known
    person_id = await insert_person_of_account(connection, key, name, email, now)
    await connection.execute(
        insert(desk_accounts).values(**key._asdict(), person_id=person_id, scopes=scopes, created_at=now, seen_at=now)
    )
    bind(connection, f"person:{person_id}")
    return person_id


async def queue_invitation(connection: Connection, person_id: UUID, language: str, now: datetime) -> None:
    """Queue an e-mail with a link that lets a person in once, in place of those sent before."""
    await _end_links(connection, sign_in_mails.c.person_id == person_id)
    await _queue(connection, [{"person_id": person_id, "language": language}], now)


async def was_invited_often(connection: Connection, person_id: UUID, now: datetime) -> bool:
    """Whether so many invitations were sent to a person of late that the next would be a nuisance."""
    own = sa.select(sa.func.count()).select_from(sign_in_mails).filter_by(person_id=person_id, browser=None)
    return (await connection.scalar(own.where(sign_in_mails.c.queued_at > now - CODES_WITHIN)) or 0) >= MOST_CODES


async def _end_links(connection: Connection, is_meant: sa.ColumnElement[bool]) -> bool:
    """Let nobody in by invitations any more, whose rows stay to be counted; False where none of them did."""
    own = is_meant & sign_in_mails.c.browser.is_(None)
    waiting = sa.update(sign_in_mails).where(own, sign_in_mails.c.status == "waiting")
    await connection.execute(waiting.values(status="cancelled", due_at=None, lease=None))
    ended = sa.update(sign_in_mails).where(own, sign_in_mails.c.digest.is_not(None)).values(digest=None)
    return (await connection.execute(ended.returning(sign_in_mails.c.id))).first() is not None


async def queue_codes(connection: Connection, email: str, browser: bytes, language: str, now: datetime) -> None:
    """Queue an e-mail with a code for each organisation to which an address was invited.

    None is queued where the browser had MOST_CODES for that person, or all browsers together MOST_CODES_IN_ALL.
    """
    known = sa.select(desk_accounts.c.person_id).filter_by(issuer=INVITATION, subject=email)
    # one request after the other: codes that are asked for at once count each other
    in_order = known.order_by(desk_accounts.c.organisation_id).with_for_update()
    ids = (await connection.execute(in_order)).scalars().all()
    recent = sa.select(sign_in_mails.c.person_id, sign_in_mails.c.browser).where(
        sign_in_mails.c.person_id.in_(ids),
        sign_in_mails.c.browser.is_not(None),
        sign_in_mails.c.queued_at > now - CODES_WITHIN,
    )
    had = [(row.person_id, row.browser) for row in await connection.execute(recent)]
    here, in_all = Counter(had), Counter(person_id for person_id, _ in had)
    rows = [
        {"person_id": each, "language": language, "browser": browser}
        for each in ids
        if here[each, browser] < MOST_CODES and in_all[each] < MOST_CODES_IN_ALL
    ]
    await _queue(connection, rows, now)


async def _queue(connection: Connection, rows: Sequence[dict[str, object]], now: datetime) -> None:
    await connection.execute(sa.delete(sign_in_mails).where(sign_in_mails.c.queued_at < now - LINK_LIFE))
    await queue_rows(connection, sign_in_mails, rows, now)


async def select_mail_to_send(
    connection: Connection, mail: ClaimedRow, digest: bytes, now: datetime
) -> InvitedPerson | None:
    """The receiver of a queued e-mail, whose secret now has this digest.

    None where it is late, a later one takes its place, or access ended.
    """
    life = CODE_LIFE if mail.row["browser"] else LINK_LIFE
    if mail.queued_at + life <= now:
        return None
    waiting = sa.update(sign_in_mails).where(sign_in_mails.c.id == mail.id, sign_in_mails.c.status == "waiting")
    made = waiting.values(digest=digest, expires_at=now + life).returning(sign_in_mails.c.person_id)
    person_id: UUID | None = await connection.scalar(made)
    return await find_invited(connection, person_id) if person_id else None


def outcome_columns(result: Result) -> dict[str, Any]:
    """The columns that say what came of an attempt to send an e-mail, for the administrator to see."""
    return {"failure": result.outcome.failure, "failure_code": result.outcome.code}


async def invitation_failure(connection: Connection, person_id: UUID) -> str | None:
    """The reason why the latest invitation of a person is not sent so far; None where it is, or there is none."""
    latest = sa.select(sign_in_mails.c.failure).filter_by(person_id=person_id, browser=None)
    return await connection.scalar(latest.order_by(sign_in_mails.c.id.desc()).limit(1))


async def find_by_link(connection: Connection, token: str, now: datetime) -> InvitedPerson | None:
    """The person whom the link with this token invites; None where it is unknown, used or expired."""
    is_it = (sign_in_mails.c.digest == secret_digest(token)) & sign_in_mails.c.browser.is_(None)
    opened = sa.select(sign_in_mails.c.person_id).where(is_it, sign_in_mails.c.expires_at > now)
    return await read_first(connection, _INVITED.where(persons.c.id.in_(opened)), InvitedPerson)


async def redeem_link(connection: Connection, token: str, now: datetime) -> InvitedPerson | None:
    """The person whom the link with this token invites, which lets nobody in again; None where it did before."""
    person = await find_by_link(connection, token, now)
    return person if await _end_links(connection, sign_in_mails.c.digest == secret_digest(token)) else None


async def redeem_code(connection: Connection, browser: bytes, code: str, now: datetime) -> InvitedPerson | None:
    """The person to whom this code was sent for this browser; None, and one more try counted, where it is no such code.

    A code works once, within its life, and none does after MOST_TRIES in vain.
    """
    own = (sign_in_mails.c.browser == browser) & (sign_in_mails.c.expires_at > now)
    query = sa.select(sign_in_mails.c.id, sign_in_mails.c.digest, sign_in_mails.c.person_id, sign_in_mails.c.tries)
    rows = (await connection.execute(query.where(own).order_by(sign_in_mails.c.id).with_for_update())).all()
    wanted = code_digest(browser, code)
    fitting = [row for row in rows if row.digest == wanted and row.tries < MOST_TRIES]
    if not fitting:
        ids = [row.id for row in rows]
        tried = sa.update(sign_in_mails).where(sign_in_mails.c.id.in_(ids))
        await connection.execute(tried.values(tries=sign_in_mails.c.tries + 1))
        return None
    # the row stays, and counts among the codes that were sent
    used = sa.update(sign_in_mails).where(own, sign_in_mails.c.person_id == fitting[0].person_id)
    await connection.execute(used.values(digest=None))
    return await find_invited(connection, fitting[0].person_id)


async def note_seen(connection: Connection, person_id: UUID, language: str, now: datetime) -> None:
    """Note that an invited person signed in, with a browser of that language."""
    own = sa.update(desk_accounts).filter_by(person_id=person_id, issuer=INVITATION)
    await connection.execute(own.values(seen_at=now, language=language))


class Passkey(msgspec.Struct, frozen=True):
    """A passkey of a person, with which a browser proves who they are. `sign_count`: as the device last told it."""

    credential_id: bytes
    person_id: UUID
    public_key: bytes
    sign_count: int
    created_at: datetime
    used_at: datetime | None = None


async def insert_passkey(connection: Connection, passkey: Passkey) -> bool:
    """Store a passkey; False, and nothing stored, where it is known, or its person has MOST_PASSKEYS."""
    if len(await list_passkeys(connection, passkey.person_id)) >= MOST_PASSKEYS:
        return False
    bind(connection, f"person:{passkey.person_id}")
    made = insert(passkeys).values(msgspec.structs.asdict(passkey)).on_conflict_do_nothing()
    return (await connection.execute(made.returning(passkeys.c.person_id))).first() is not None


async def list_passkeys(connection: Connection, person_id: UUID) -> Sequence[Passkey]:
    """The passkeys of a person, the oldest first."""
    own = sa.select(passkeys).filter_by(person_id=person_id)
    return await read_all(connection, own.order_by(passkeys.c.created_at, passkeys.c.credential_id), Passkey)


async def find_passkey(connection: Connection, credential_id: bytes) -> Passkey | None:
    """The passkey with this id, locked until the transaction ends; None where there is none."""
    return await read_first(
        connection, sa.select(passkeys).filter_by(credential_id=credential_id).with_for_update(), Passkey
    )


async def note_passkey_used(connection: Connection, credential_id: bytes, sign_count: int, now: datetime) -> None:
    """Note when a passkey was last used, and the count that its device told."""
    own = sa.update(passkeys).filter_by(credential_id=credential_id)
    await connection.execute(own.values(sign_count=sign_count, used_at=now))


async def delete_passkey(connection: Connection, person_id: UUID, credential_id: bytes) -> bool:
    """Delete a passkey of a person; False where they have none of that id."""
    bind(connection, f"person:{person_id}")
    own = sa.delete(passkeys).filter_by(person_id=person_id, credential_id=credential_id)
    return (await connection.execute(own.returning(passkeys.c.person_id))).first() is not None


def secret_digest(token: str) -> bytes:
    """The SHA-256 by which a random token is stored."""
    return sha256(token.encode(errors="replace")).digest()


def code_digest(browser: bytes, code: str) -> bytes:
    """The digest by which a code is stored, which differs for each browser."""
    return sha256(browser + code.encode(errors="replace")).digest()
