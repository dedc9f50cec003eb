"""The people who sign in to an organisation without a key: they are invited, signed out, and forgotten."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from api.admin.organisations import actor_in_journal_of, own_organisation
from api.exchanges.email import require_email_quota
from api.people_settings import comparable_address
from api.runtime.actor import Acting
from api.runtime.auth import require_scope
from db.api_keys import find_by_name_or_id
from db.core.engine import Connection
from db.invitations import invite, queue_invitation
from db.journal.entries import write_entry
from db.meetings import revoke_feed
from db.persons import Account, delete_sessions_of_person, end_access, erase_persons, find_account
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.journal import Actor, Detail
from domain.organisation import RIGHTS_OF_PEOPLE, Client, Name, Organisation, RightOfPerson
from domain.text.bilingual import Language, Text

NO_PERSON = Text("Personne de cet identifiant ne se connecte ici", "Nobody with this id signs in here")
_NO_ORGANISATION = Text("Aucune organisation de ce nom ou de cet identifiant", "No organisation with this name or id")
_NO_ADDRESS = Text("Ce n'est pas une adresse électronique", "This is no e-mail address")
_NO_MAIL_SERVER = Text(
    "Ce serveur n'envoie pas de courriel : l'exploitant doit d'abord régler VIVIER_SMTP_URL",
    "This server sends no e-mail: its operator has to set VIVIER_SMTP_URL first",
)


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
    """Invite somebody to the client's organisation, or to any for the scope `platform`; returns the person's id.

    Raises Refusal (403, 429), Conflict where no e-mail is sent from here, InvalidContent.
    """
    if acting.services.settings.smtp is None:
        raise Conflict("no_mail_server", _NO_MAIL_SERVER)
    for scope in request.scopes:
        require_scope(client, scope)
    found = await find_by_name_or_id(connection, request.organisation or str(client.organisation_id))
    if found is None or own_organisation(client) not in {None, found.id}:
        raise InvalidContent((Problem("/organisation", "unknown_organisation", _NO_ORGANISATION),))
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
    """Store an invitation and queue its e-mail; returns the person's id. Raises InvalidContent for no address."""
    email = comparable_address(request.email.strip())
    if email is None:
        raise InvalidContent((Problem("/email", "not_an_address", _NO_ADDRESS),))
    scopes = [each for each in RIGHTS_OF_PEOPLE if each in request.scopes]
    person_id = await invite(connection, organisation.id, email, request.name, scopes, now)
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
