"""`vivier privacy` and `vivier retention`: a copy of what is held about a person, its erasure, and removal in time."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TextIO, TypeVar

import msgspec

from api.commands.command import FAILED, USAGE, CommandFailed, attached_database, run_in_transaction, signing_engine
from api.commands.console import is_agreed, plain
from api.settings import Settings
from api.web.request_body import JsonBody
from db.api_keys import ensure_organisation
from db.core.engine import transaction
from db.journal.entries import journals
from db.privacy.erase import erase_person, export_person
from db.privacy.purge import plan, purge
from domain.journal import Actor
from domain.organisation import DEFAULT_ORGANISATION
from domain.privacy import DataSubject, Erasure, Holding, Kind, PersonalData, RetentionPlan, Unreached, identifiers_of

Done = TypeVar("Done", PersonalData, Erasure)
_FATES = {"erased": "erased", "pseudonym": "under a pseudonym", "kept": "kept"}
_REASONS = {
    "append_only": "said in an exchange, which nobody can alter before the time for keeping the need is over",
    "text_of_source": "a text of the source's own, to be put right there",
}
_PLACES: dict[Unreached, str] = {
    "directory": "the directory of suppliers",
    "other_organisations": "the data of other organisations",
    "index_files": "the files of the index, made anew within a day",
    "sent_mail": "e-mail that was sent",
    "copies": "what others copied from the directory",
    "backups": "backups",
}


def erase_or_export(options: argparse.Namespace, settings: Settings) -> int:
    """Export what is held about the person that `options` name, or erase them once the user agrees."""
    asked = msgspec.json.encode({"email": options.email, "name": options.name, "phone": options.phone})
    subject = JsonBody(DataSubject).decode(asked)
    identifiers_of(subject)
    with attached_database(settings) as url:

        async def run_where_named(work: Callable[..., Awaitable[Done]]) -> Done:
            """Have `work` export or erase in the named organisation's data or, without a name, in the data of all."""
            database, named, now = signing_engine(settings, url), options.organisation, datetime.now(UTC)
            async with transaction(database) as connection:
                known = await journals(connection)
                found = [each for each, name in known if named is None or named in {str(each), name}]
                if not found and named is not None:
                    raise CommandFailed(f"there is no organisation {plain(named)}", USAGE)
                home = found[0] if named else await ensure_organisation(connection, DEFAULT_ORGANISATION, now)
            return await work(database, subject, found, Actor(home, "command"), now)

        if options.action == "export":
            done: PersonalData | Erasure = asyncio.run(run_where_named(export_person))
        else:
            if not (options.dry_run or options.yes):
                planned = asyncio.run(run_where_named(partial(erase_person, dry_run=True))).changed
                _print_holdings(planned, sys.stderr if options.json else sys.stdout)
                if planned and not is_agreed("Erase this for good?"):
                    sys.stderr.write("vivier: nothing was changed\n")
                    return FAILED
            done = asyncio.run(run_where_named(partial(erase_person, dry_run=options.dry_run)))
    if options.json:
        sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
    elif isinstance(done, PersonalData):
        _print_holdings(done.holdings, sys.stdout)
    else:
        _print_erasure(done)
    return 0


def _print_holdings(holdings: Sequence[Holding], stream: TextIO) -> None:
    for each in holdings:
        since = "" if each.since is None else f", since {each.since:%Y-%m-%d}"
        whose = f" ({plain(each.organisation)})" if each.organisation else ""
        stream.write(f"{plain(each.where)}{whose}, {each.field}{since}: {each.fate}\n    {plain(each.text)}\n")
    if not holdings:
        stream.write("Nothing is held about this person.\n")


def _print_erasure(done: Erasure) -> None:
    if done.dry_run:
        _print_holdings((*done.changed, *done.kept), sys.stdout)
    counts = Counter(each.fate for each in (*done.changed, *done.kept))
    summary = ", ".join(f"{count} {_FATES[fate]}" for fate, count in counts.items())
    sys.stdout.write(f"{'Would be' if done.dry_run else 'Done'}: {summary or 'nothing'}\n")
    for each in done.kept:
        sys.stdout.write(f"  kept: {plain(each.where)}, {each.field} ({_REASONS[each.why or 'append_only']})\n")
    sys.stdout.write(f"  {'complete' if done.complete else 'not complete'}; ")
    sys.stdout.write(f"not reached: {', '.join(_PLACES[each] for each in done.unreached)}\n")
    if done.reference is not None:
        sys.stdout.write(f"  in the journal: person:{done.reference}\n")


_NAMES: dict[Kind, str] = {
    "needs": "needs",
    "persons": "persons become a pseudonym",
    "reply_links": "reply links",
    "import_errors": "rejected rows of imports",
    "meetings": "meetings about a territory alone",
    "campaigns": "campaigns with their recipients",
    "answers": "answers kept for what is sent twice",
    "deliveries": "deliveries to webhooks",
}


def purge_or_show(options: argparse.Namespace, settings: Settings) -> int:
    """Show what is due for removal, or remove it once the user agrees."""
    planning = partial(plan, periods=settings.periods, now=datetime.now(UTC), spared=options.spare)
    with attached_database(settings) as url:
        done, verb = run_in_transaction(settings, planning), "would be removed"
        if options.action != "show":
            if not options.yes:
                _print_plan(done, "will be removed", sys.stderr if options.json else sys.stdout)
                if (done.needs or done.others) and not is_agreed("Remove this for good?"):
                    sys.stderr.write("vivier: nothing was removed\n")
                    return FAILED
            done, verb = asyncio.run(purge(signing_engine(settings, url), done, DEFAULT_ORGANISATION)), "removed"
    if options.json:
        sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
    else:
        _print_plan(done, verb, sys.stdout)
    return 0


def _print_plan(due: RetentionPlan, verb: str, stream: TextIO) -> None:
    for need in due.needs:
        counts = {kind: getattr(need, kind) for kind in ("shortlists", "exchanges", "meetings", "awards")}
        goes = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        stream.write(f"need:{need.id} ({plain(need.organisation)}), ended {need.ended_at:%Y-%m-%d}: {goes}\n")
    for each in due.others:
        whose = f" ({plain(each.organisation)})" if each.organisation else ""
        stream.write(f"{each.count} {_NAMES[each.kind]}{whose}, up to {each.before:%Y-%m-%d}\n")
    others = sum(each.count for each in due.others)
    stream.write(f"{len(due.needs)} needs with all that goes with them, and {others} other things, {verb}\n")
