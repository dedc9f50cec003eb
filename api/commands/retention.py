"""`vivier retention`: shows what is due for removal, and removes it."""

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
from api.commands.signing_engine import signing_engine
from api.settings import Settings
from db.core.engine import engine, transaction
from db.privacy.purge import plan, purge
from domain.organisation import DEFAULT_ORGANISATION
from domain.privacy.retention import Kind, RetentionPeriods, RetentionPlan

_NAMES: dict[Kind, str] = {
    "needs": "needs",
    "persons": "persons become a pseudonym",
    "reply_links": "reply links",
    "import_errors": "rejected rows of imports",
    "answers": "answers kept for what is sent twice",
    "deliveries": "deliveries to webhooks",
}


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Show what is due, or remove it once the user agrees."""
    with attached(settings) as url:
        planned = asyncio.run(_planned(url, settings.periods, options.spare))
        done, verb = planned, "would be removed"
        if options.action != "show":
            if not options.yes:
                _show(planned, "will be removed", sys.stderr if options.json else sys.stdout)
                if (planned.needs or planned.others) and not agreed("Remove this for good?"):
                    sys.stderr.write("vivier: nothing was removed\n")
                    return FAILED
            done, verb = asyncio.run(purge(signing_engine(settings, url), planned, DEFAULT_ORGANISATION)), "removed"
        if options.json:
            sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
        else:
            _show(done, verb, sys.stdout)
        return 0


async def _planned(url: str, periods: RetentionPeriods, spared: list[UUID]) -> RetentionPlan:
    async with transaction(engine(url, pool_size=0)) as connection:
        return await plan(connection, periods, datetime.now(UTC), spared)


def _show(shown: RetentionPlan, verb: str, stream: TextIO) -> None:
    for need in shown.needs:
        counts = {kind: getattr(need, kind) for kind in ("shortlists", "exchanges", "meetings", "awards")}
        goes = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        stream.write(f"need:{need.id} ({plain(need.organisation)}), ended {need.ended_at:%Y-%m-%d}: {goes}\n")
    for each in shown.others:
        whose = f" ({plain(each.organisation)})" if each.organisation else ""
        stream.write(f"{each.count} {_NAMES[each.kind]}{whose}, up to {each.before:%Y-%m-%d}\n")
    others = sum(each.count for each in shown.others)
    stream.write(f"{len(shown.needs)} needs with all that goes with them, and {others} other things, {verb}\n")
