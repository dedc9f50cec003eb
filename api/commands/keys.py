"""`vivier keys`: create, list and revoke the keys that clients call the API with.

`vivier people`: invite people to an organisation by e-mail, list who signs in without a key, end their access.
"""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import msgspec

from api.admin.issue_keys import KeyRequest, issue_key, require_name_unlike_id, withdraw_key
from api.commands.command import USAGE, CommandFailed, own_organisation, run_in_transaction
from api.commands.console import Col, Rows, write_told
from api.settings import Settings
from db.api_keys import find_by_name_or_id, list_keys
from db.core.engine import Connection
from db.persons import find_account, list_accounts
from domain.errors import InvalidContent
from domain.journal import Actor
from domain.text.bilingual import PARIS

Action = Callable[[Connection, argparse.Namespace, datetime], Awaitable[str | Rows]]


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Create, list or revoke keys, as `options.action` says."""
    act: Action = {"create": _create_key, "list": _list_keys, "revoke": _revoke_key}[options.action]
    return _carry_out(act, options, settings)


def _carry_out(act: Action, options: argparse.Namespace, settings: Settings) -> int:
    """Do an act in a transaction, and print what it returns; returns 0."""
    return write_told(run_in_transaction(settings, lambda connection: act(connection, options, datetime.now(UTC))))


async def _create_key(connection: Connection, options: argparse.Namespace, now: datetime) -> str:
    """Create a key; returns the words to print, with the key on their last line. Raises CommandFailed."""
    asked = {
        "name": options.name,
        "scopes": options.scope,
        "sources": options.source,
        # the end of the day in France
        "expires_at": options.expires and datetime.combine(options.expires + timedelta(days=1), time(), PARIS),
        "rate_per_minute": options.rate,
    }
    try:
        request = msgspec.convert(asked, KeyRequest)
        found = await find_by_name_or_id(connection, options.organisation)
        if found is None:
            require_name_unlike_id(options.organisation)
        name = options.organisation if found is None else found.name
        secret, key = await issue_key(connection, request, name, now)
    except msgspec.ValidationError as refused:
        raise CommandFailed(str(refused), USAGE) from None
    except InvalidContent as refused:
        problem = refused.problems[0]
        option = {"/sources": "--source", "/expires_at": "--expires"}.get(problem.pointer, "")
        raise CommandFailed(f"{option}: {problem.detail.en}", USAGE) from None
    return f"Key {key.id} of {key.organisation}, for {', '.join(key.scopes)}; it is shown this once:\n{secret}\n"


async def _list_keys(connection: Connection, _: argparse.Namespace, __: datetime) -> str | Rows:
    keys = await list_keys(connection)
    if not keys:
        return "There are no keys yet; `vivier keys create` makes one.\n"
    columns = Col("Begins with, id"), Col("Name", 1), Col("Organisation", 1), Col("Scopes, sources", 1)
    rows = list[Sequence[str | Sequence[str]]]()
    for key in keys:
        quota = () if key.rate_per_minute is None else (f"{key.rate_per_minute}/min",)
        rights = ", ".join(key.scopes), *(f"→ {source}" for source in key.sources), *quota
        end = key.revoked_at or key.expires_at
        ends = "" if end is None else f"{end:%Y-%m-%d}{' revoked' if key.revoked_at else ''}"
        names = (f"{key.prefix}…", str(key.id)), key.name, key.organisation
        rows.append((*names, rights, f"{key.created_at:%Y-%m-%d}", ends))
    return Rows((*columns, Col("Made"), Col("Ends")), rows)


async def _revoke_key(connection: Connection, options: argparse.Namespace, now: datetime) -> str:
    """Revoke the key given by its id, its first characters or as a whole; returns the words to print."""
    text: str = options.key
    found = [key for key in await list_keys(connection) if text == str(key.id) or text.startswith(key.prefix)]
    if len(found) != 1:
        why = "there is no key" if not found else "there are several keys"
        raise CommandFailed(f"{why} {text[: len(str(UUID(int=0)))]}; `vivier keys list` shows their ids")
    (key,) = found
    if not await withdraw_key(connection, key, now):
        raise CommandFailed(f"the key {key.id} was revoked before")
    return f"Key {key.id} ({key.name}, {key.organisation}) is revoked.\n"


def run_people(options: argparse.Namespace, settings: Settings) -> int:
    """Invite, list or remove people, as `options.action` says."""
    if options.action == "invite" and settings.smtp is None:
        raise CommandFailed("VIVIER_SMTP_URL is not set: no e-mail would be sent")
    act: Action = {"invite": _invite_person, "list": _list_people, "remove": _remove_person}[options.action]
    return _carry_out(act, options, settings)


async def _invite_person(connection: Connection, options: argparse.Namespace, now: datetime) -> str | Rows:
    """Invite an address; returns the words to print. Raises CommandFailed."""
    from api.people.invite import InvitationRequest, store_invitation  # noqa: PLC0415 - much of a server

    organisation = await own_organisation(connection, options.organisation)
    asked = {"email": options.address, "name": options.name or options.address, "scopes": options.right}
    try:
        request = msgspec.convert(asked, InvitationRequest)
        person_id = await store_invitation(
            connection, organisation, request, Actor(organisation.id, "command"), "fr", now
        )
    except (msgspec.ValidationError, InvalidContent) as refused:
        raise CommandFailed(str(refused), USAGE) from None
    return f"{request.name} ({person_id}) is invited to {organisation.name}; a running server sends the e-mail.\n"


async def _list_people(connection: Connection, _: argparse.Namespace, now: datetime) -> str | Rows:
    rows = list[Sequence[str | Sequence[str]]]()
    for each in await list_accounts(connection, None, now):
        rights = "by an identity provider" if each.invited is None else ", ".join(each.invited)
        seen = "invited" if each.seen_at is None else f"{each.seen_at:%Y-%m-%d}"
        rows.append(((each.name, str(each.id)), each.email or "", each.organisation, rights, seen))
    columns = Col("Name, id"), Col("E-mail", 1), Col("Organisation", 1), Col("Rights", 1), Col("Seen")
    return Rows(columns, rows) if rows else "Nobody signs in without a key yet; `vivier people invite` invites.\n"


async def _remove_person(connection: Connection, options: argparse.Namespace, now: datetime) -> str | Rows:
    """End the access of the invited person with this id; returns the words to print. Raises CommandFailed."""
    from api.people.invite import withdraw_access  # noqa: PLC0415 - much of a server

    person = await find_account(connection, options.person, now)
    if person is None or person.invited is None:
        raise CommandFailed(f"nobody with the id {options.person} was invited; `vivier people list` shows the ids")
    await withdraw_access(connection, person, Actor(person.organisation_id, "command"), now)
    return f"The access of {person.name} to {person.organisation} is ended.\n"
