"""`vivier retention`: data past its retention period, shown and removed."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from typing import TextIO
from uuid import UUID

import msgspec

from api.commands.console import agreed, plain
from api.commands.database import attached
from api.commands.errors import FAILED
from api.runtime.auth import DEFAULT_ORGANISATION
from api.settings import Settings
from db.core.engine import engine, transaction
from db.privacy.purge import plan, purge
from domain.privacy.retention import Kind, Periods, Plan

_WHAT: dict[Kind, str] = {
    "needs": "needs",
    "persons": "persons become a pseudonym",
    "reply_links": "reply links",
    "import_errors": "rejected rows of imports",
    "answers": "answers kept for what is sent twice",
    "deliveries": "deliveries to webhooks",
}


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Do what `options.action` says."""
    with attached(settings) as url:
        planned = asyncio.run(_plan(url, settings.periods, options.spare))
        if options.action == "show":
            _write(options, planned, "would be removed")
            return 0
        if not options.yes:
            _show(planned, "will be removed", sys.stderr if options.json else sys.stdout)
            if (planned.needs or planned.others) and not agreed("Remove this for good?"):
                sys.stderr.write("vivier: nothing was removed\n")
                return FAILED
        _write(options, asyncio.run(purge(engine(url, pool_size=0), planned, DEFAULT_ORGANISATION)), "removed")
        return 0


async def _plan(url: str, periods: Periods, spared: list[UUID]) -> Plan:
    async with transaction(engine(url, pool_size=0)) as connection:
        return await plan(connection, periods, datetime.now(UTC), spared)


def _write(options: argparse.Namespace, removal: Plan, verb: str) -> None:
    if options.json:
        sys.stdout.write(msgspec.json.encode(removal).decode() + "\n")
    else:
        _show(removal, verb, sys.stdout)


def _show(removal: Plan, verb: str, stream: TextIO) -> None:
    for need in removal.needs:
        goes = (
            f"{need.shortlists} shortlists, {need.exchanges} exchanges, {need.meetings} meetings, {need.awards} awards"
        )
        stream.write(f"need:{need.id} ({plain(need.organisation)}), ended {need.ended_at:%Y-%m-%d}: {goes}\n")
    for each in removal.others:
        whose = f" ({plain(each.organisation)})" if each.organisation else ""
        stream.write(f"{each.count} {_WHAT[each.kind]}{whose}, up to {each.before:%Y-%m-%d}\n")
    others = sum(each.count for each in removal.others)
    stream.write(f"{len(removal.needs)} needs with all that goes with them, and {others} other things, {verb}\n")
