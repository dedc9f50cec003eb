"""Use cases of people who sign in without a key: seen by their administrators, signed out, and forgotten."""

from datetime import datetime
from uuid import UUID

import msgspec

from api.admin.edit_organisation import own_organisation
from api.runtime.actor import actor_of_client
from db.core.engine import Connection
from db.journal.entries import write_entry
from db.meetings import revoke_feed
from db.persons import Account, delete_sessions_of_person, erase_persons, find_account
from domain.audit import Detail
from domain.errors import NotFound
from domain.organisation import Client
from domain.text.bilingual import Text

NO_PERSON = Text("Personne de cet identifiant ne se connecte ici", "Nobody with this id signs in here")


async def visible_person(connection: Connection, client: Client, person_id: UUID, now: datetime) -> Account:
    """Somebody who signs in to the administrator's organisation, or to any for `platform`. Raises NotFound."""
    found = await find_account(connection, person_id, now)
    if found is None or own_organisation(client) not in {None, found.organisation_id}:
        raise NotFound(NO_PERSON)
    return found


async def sign_person_out(connection: Connection, client: Client, person_id: UUID, now: datetime) -> None:
    """End all sessions of somebody, and the address of their calendar; they may sign in again. Raises NotFound."""
    person = await visible_person(connection, client, person_id, now)
    ended = await delete_sessions_of_person(connection, person_id)
    await revoke_feed(connection, person_id)
    actor = msgspec.structs.replace(actor_of_client(client), organisation_id=person.organisation_id)
    await write_entry(connection, actor, "person.signed_out", f"person:{person_id}", now, detail={"sessions": ended})


async def forget_person(connection: Connection, client: Client, person_id: UUID, now: datetime) -> None:
    """Leave a pseudonym of somebody, whose account and sessions end; another person if they come back.

    Texts that name them stay: `POST /privacy/erase` searches these too. Raises NotFound.
    """
    person = await visible_person(connection, client, person_id, now)
    await erase_persons(connection, [person_id], now)
    actor = msgspec.structs.replace(actor_of_client(client), organisation_id=person.organisation_id)
    about = f"person:{person_id}"
    detail: Detail = {"persons": [str(person_id)]}
    await write_entry(connection, actor, "person.erased", about, now, detail=detail)
