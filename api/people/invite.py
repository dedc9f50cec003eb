"""The people who sign in to an organisation without a key: invited, let in by e-mail, signed out, and forgotten."""

from datetime import datetime
from functools import partial
from secrets import randbelow, token_urlsafe
from typing import Annotated
from uuid import UUID

import msgspec

from api.admin.organisations import actor_in_journal_of, own_organisation
from api.declarations.link_pages import TOKEN_BYTES, last_day
from api.exchanges.email import EmailSender, kind_of_mail, require_email_quota
from api.people_settings import comparable_address
from api.runtime.actor import Acting
from api.runtime.auth import require_scope
from db.api_keys import find_by_name_or_id
from db.core.engine import Connection, transaction
from db.delivery.outbox import ClaimedRow
from db.invitations import (
    CODE_LIFE,
    LINK_LIFE,
    code_digest,
    invite,
    outcome_columns,
    queue_invitation,
    secret_digest,
    select_mail_to_send,
    was_invited_often,
)
from db.journal.entries import write_entry
from db.meetings import revoke_feed
from db.persons import Account, delete_sessions_of_person, end_access, erase_persons, find_account
from db.schema.person_tables import sign_in_mails
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.exchanges.letter import code_letter, invitation_letter
from domain.journal import Actor, Detail
from domain.organisation import RIGHTS_OF_PEOPLE, Client, Name, Organisation, RightOfPerson
from domain.text.bilingual import Language, Text, said_by
from domain.webhooks import Outcome

_SAID = said_by(__name__)

NO_PERSON = Text("Personne de cet identifiant ne se connecte ici", "Nobody with this id signs in here")


class InvitationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to be invited to an organisation."""

    email: Annotated[str, msgspec.Meta(max_length=254)]
    """The address to which the invitation goes, and later the codes to sign in"""
    name: Name
    """The name by which the journal calls the person"""
    scopes: Annotated[tuple[RightOfPerson, ...], msgspec.Meta(min_length=1, max_length=4)]
    """The rights that the person gets, in place of those of an invitation before"""
    organisation: Name | None = None
    """Its name or id; null: the caller's own"""


async def invite_person(connection: Connection, client: Client, acting: Acting, request: InvitationRequest) -> UUID:
    """Invite somebody to the client's organisation (with scope `platform`, to any); returns the person's id.

    Raises Refusal (403, 429), Conflict where no e-mail is sent from here, InvalidContent.
    """
    if acting.services.settings.smtp is None:
        raise Conflict("no_mail_server", _SAID["no_mail_server"])
    for scope in request.scopes:
        require_scope(client, scope)
    found = await find_by_name_or_id(connection, request.organisation or str(client.organisation_id))
    if found is None or own_organisation(client) not in {None, found.id}:
        raise InvalidContent((Problem("/organisation", "unknown_organisation", _SAID["no_organisation"]),))
    await require_email_quota(connection, acting, 1)
    actor = actor_in_journal_of(client, found.id)
    return await store_invitation(connection, found, request, actor, acting.language, acting.now())


async def store_invitation(
    connection: Connection,
    organisation: Organisation,
    request: InvitationRequest,
    actor: Actor,
    language: Language,
    now: datetime,
) -> UUID:
    """Store an invitation and queue its e-mail; returns the person's id. Raises InvalidContent, Conflict."""
    email = comparable_address(request.email.strip())
    if email is None:
        raise InvalidContent((Problem("/email", "not_an_address", _SAID["no_address"]),))
    scopes = [each for each in RIGHTS_OF_PEOPLE if each in request.scopes]
    person_id = await invite(connection, organisation.id, email, request.name, scopes, now)
    if await was_invited_often(connection, person_id, now):
        raise Conflict("invited_often", _SAID["often"])
    await queue_invitation(connection, person_id, language, now)
    detail: Detail = {"scopes": list(scopes)}
    await write_entry(connection, actor, "person.invited", f"person:{person_id}", now, detail=detail)
    return person_id


async def remove_person(connection: Connection, client: Client, person_id: UUID, now: datetime) -> None:
    """End the access of somebody who was invited, with their sessions and passkeys; the journal still names them.

    Raises NotFound.
    """
    person = await visible_person(connection, client, person_id, now)
    if person.invited is None:
        raise NotFound(NO_PERSON)
    await withdraw_access(connection, person, actor_in_journal_of(client, person.organisation_id), now)


async def withdraw_access(connection: Connection, person: Account, actor: Actor, now: datetime) -> None:
    """End the access of an invited person."""
    await end_access(connection, [person.id])
    about = f"person:{person.id}"
    await write_entry(connection, actor, "person.removed", about, now, about=(about,))


async def visible_person(connection: Connection, client: Client, person_id: UUID, now: datetime) -> Account:
    """A person who may sign in to the client's organisation, or to any for the scope `platform`. Raises NotFound."""
    found = await find_account(connection, person_id, now)
    if found is None or own_organisation(client) not in {None, found.organisation_id}:
        raise NotFound(NO_PERSON)
    return found


async def sign_person_out(connection: Connection, client: Client, person_id: UUID, now: datetime) -> None:
    """End a person's sessions and revoke their calendar address; they may sign in again. Raises NotFound."""
    person = await visible_person(connection, client, person_id, now)
    ended = await delete_sessions_of_person(connection, person_id)
    await revoke_feed(connection, person_id)
    actor, about = actor_in_journal_of(client, person.organisation_id), f"person:{person_id}"
    await write_entry(connection, actor, "person.signed_out", about, now, detail={"sessions": ended})


async def forget_person(connection: Connection, client: Client, person_id: UUID, now: datetime) -> None:
    """Replace a person by a pseudonym, and end their account and sessions; a later sign-in makes a new person.

    Texts that name them stay: `POST /privacy/erase` searches these too. Raises NotFound.
    """
    person = await visible_person(connection, client, person_id, now)
    await erase_persons(connection, [person_id], now)
    actor, about = actor_in_journal_of(client, person.organisation_id), f"person:{person_id}"
    detail: Detail = {"persons": [str(person_id)]}
    await write_entry(connection, actor, "person.erased", about, now, detail=detail, about=(about,))


CODE_DIGITS = 8


async def send_link_or_code(sender: EmailSender, mail: ClaimedRow) -> Outcome:
    """Try once to send a queued e-mail with a new link or code, which replaces that of an earlier attempt."""
    language: Language = mail.row["language"]
    now, browser = sender.now(), mail.row["browser"]
    token, code = token_urlsafe(TOKEN_BYTES), f"{randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    digest = code_digest(browser, code) if browser else secret_digest(token)
    async with transaction(sender.engine) as connection:
        person = await select_mail_to_send(connection, mail, digest, now)
    if person is None:
        return Outcome(failure="link_revoked", final=True)
    if browser:
        minutes = int(CODE_LIFE.total_seconds()) // 60
        text = code_letter(person.organisation, person.name, code, minutes, language)
    else:
        address = f"{sender.base}/invitation/{token}"
        text = invitation_letter(person.organisation, person.name, address, last_day(now + LINK_LIFE), language)
    addressed = mail._replace(row={**mail.row, "address": person.email})
    return await sender.send_letter(addressed, person.organisation, text, language)


sign_in_mail_kind = partial(kind_of_mail, outbox=sign_in_mails, attempt=send_link_or_code, columns=outcome_columns)
"""The kind of delivery that lets people in."""
