"""`vivier people`: invite people to an organisation by e-mail, list who signs in without a key, end their access."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from api.admin.people import InvitationRequest, store_invitation, withdraw_access
from api.commands.command import USAGE, CommandFailed, run_in_transaction
from api.commands.console import Col, Rows, console, write_parts
from api.settings import Settings
from db.api_keys import find_by_name_or_id
from db.core.engine import Connection
from db.persons import find_account, list_accounts
from domain.errors import InvalidContent
from domain.journal import Actor


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Invite, list or remove people, as `options.action` says."""
    if options.action == "invite" and settings.smtp is None:
        raise CommandFailed("VIVIER_SMTP_URL is not set: no e-mail would be sent")
    act = {"invite": _invite, "list": _list, "remove": _remove}[options.action]
    shown = run_in_transaction(settings, lambda connection: act(connection, options, datetime.now(UTC)))
    if isinstance(shown, Rows):
        write_parts([shown], console())
    else:
        sys.stdout.write(shown)
    return 0


async def _invite(connection: Connection, options: argparse.Namespace, now: datetime) -> str | Rows:
    """Invite an address; returns the words to print. Raises CommandFailed."""
    organisation = await find_by_name_or_id(connection, options.organisation)
    if organisation is None:
        raise CommandFailed(f"there is no organisation {options.organisation}")
    asked = {"email": options.address, "name": options.name or options.address, "scopes": options.right}
    try:
        request = msgspec.convert(asked, InvitationRequest)
        person_id = await store_invitation(
            connection, organisation, request, Actor(organisation.id, "command"), "fr", now
        )
    except (msgspec.ValidationError, InvalidContent) as refused:
        raise CommandFailed(str(refused), USAGE) from None
    return f"{request.name} ({person_id}) is invited to {organisation.name}; a running server sends the e-mail.\n"


async def _list(connection: Connection, _: argparse.Namespace, now: datetime) -> str | Rows:
    rows = list[Sequence[str | Sequence[str]]]()
    for each in await list_accounts(connection, None, now):
        rights = "by an identity provider" if each.invited is None else ", ".join(each.invited)
        seen = "invited" if each.seen_at is None else f"{each.seen_at:%Y-%m-%d}"
        rows.append(((each.name, str(each.id)), each.email or "", each.organisation, rights, seen))
    columns = Col("Name, id"), Col("E-mail", 1), Col("Organisation", 1), Col("Rights", 1), Col("Seen")
    return Rows(columns, rows) if rows else "Nobody signs in without a key yet; `vivier people invite` invites.\n"


async def _remove(connection: Connection, options: argparse.Namespace, now: datetime) -> str | Rows:
    """End the access of the invited person with this id; returns the words to print. Raises CommandFailed."""
    person = await find_account(connection, options.person, now)
    if person is None or person.invited is None:
        raise CommandFailed(f"nobody with the id {options.person} was invited; `vivier people list` shows the ids")
    await withdraw_access(connection, person, Actor(person.organisation_id, "command"), now)
    return f"The access of {person.name} to {person.organisation} is ended.\n"
