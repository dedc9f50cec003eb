"""`vivier campaigns`: what became of an organisation's campaigns, and the recipients of one as CSV."""

import argparse
import sys
from uuid import UUID

from api.campaigns.routes import recipients_as_csv
from api.commands.command import CommandFailed, run_in_transaction
from api.commands.console import Col, Rows, console, write_parts
from api.settings import Settings
from db.api_keys import find_by_name_or_id
from db.campaigns.campaigns import select_campaign, select_campaigns
from db.core.engine import Connection

MOST_LISTED = 200


def run(options: argparse.Namespace, settings: Settings) -> int:
    """List campaigns, or write the recipients of one, as `options.action` says."""
    act = {"list": _list_campaigns, "recipients": _write_recipients}[options.action]
    shown = run_in_transaction(settings, lambda connection: act(connection, options))
    if isinstance(shown, Rows):
        write_parts([shown], console())
    else:
        sys.stdout.buffer.write(shown)
    return 0


async def organisation_id(connection: Connection, name: str) -> UUID:
    """The id of the organisation with this name or id. Raises CommandFailed."""
    found = await find_by_name_or_id(connection, name)
    if found is None:
        raise CommandFailed(f"there is no organisation {name[:100]}")
    return found.id


async def _list_campaigns(connection: Connection, options: argparse.Namespace) -> bytes | Rows:
    owner = await organisation_id(connection, options.organisation)
    campaigns = await select_campaigns(connection, owner, None, MOST_LISTED)
    if not campaigns:
        return b"There are no campaigns.\n"
    columns = (
        Col("Id"),
        Col("Title", 1),
        Col("Status"),
        Col("Recipients"),
        Col("Sent"),
        Col("Declared"),
        Col("Silent"),
    )
    rows = [
        (
            str(each.id),
            each.title,
            each.status,
            *map(str, (each.recipients, each.counts.sent, each.counts.declared, each.counts.silent)),
        )
        for each in campaigns
    ]
    return Rows(columns, rows)


async def _write_recipients(connection: Connection, options: argparse.Namespace) -> bytes:
    """The recipients of a campaign as CSV. Raises CommandFailed where the organisation has none of this id."""
    owner = await organisation_id(connection, options.organisation)
    if await select_campaign(connection, owner, options.campaign) is None:
        raise CommandFailed(f"there is no campaign {options.campaign}; `vivier campaigns list` shows their ids")
    return await recipients_as_csv(connection, options.campaign, "plain")
