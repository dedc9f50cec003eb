"""`vivier networks`: the table of networks and facilitators, kept by the operator."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from api.admin.networks import keep_networks, networks_in_table
from api.commands.command import CommandFailed, run_in_transaction
from api.settings import Settings
from db.api_keys import ensure_organisation
from db.core.engine import Connection
from domain.errors import InvalidContent
from domain.journal import Actor
from domain.organisation import DEFAULT_ORGANISATION
from domain.reference import territory


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Replace the table by that of a CSV file."""
    path: Path = options.file
    now = datetime.now(UTC)
    try:
        networks = networks_in_table(path.read_bytes())

        async def keep_table(connection: Connection) -> None:
            home = await ensure_organisation(connection, DEFAULT_ORGANISATION, now)
            await keep_networks(connection, territory.load(), networks, Actor(home, "command"), now)

        run_in_transaction(settings, keep_table)
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from None
    except InvalidContent as refused:
        raise CommandFailed("\n".join(f"{each.pointer}: {each.detail.en}" for each in refused.problems)) from None
    sys.stdout.write(f"{len(networks)} networks are kept.\n")
    return 0
