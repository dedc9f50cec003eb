"""`vivier privacy`: a copy of the data about a person, and their erasure."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TextIO, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from api.commands.console import agreed, plain
from api.commands.database import attached
from api.commands.errors import FAILED, USAGE, CommandFailed
from api.runtime.auth import DEFAULT_ORGANISATION
from api.settings import Settings
from api.web.request_body import JsonBody
from db.api_keys import ensure_organisation
from db.audit import journals
from db.core.engine import Engine, engine, transaction
from db.privacy.erase import erase_person, export_person
from domain.audit import Actor
from domain.privacy.data_subject import DataSubject, traces_of
from domain.privacy.holdings import Erasure, Holding, PersonalData

T = TypeVar("T")
UseCase: TypeAlias = Callable[[Engine, DataSubject, Sequence[UUID], Actor, datetime], Awaitable[T]]


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Do what `options.action` says."""
    subject = _subject(options)
    with attached(settings) as url:
        if options.action == "export":
            _write(options, asyncio.run(_carry_out(url, options.organisation, subject, export_person)))
            return 0
        return _erase(options, url, subject)


def _subject(options: argparse.Namespace) -> DataSubject:
    """Who is meant. Raises InvalidContent where nobody can be."""
    subject = JsonBody(DataSubject).decode(msgspec.json.encode({"email": options.email, "name": options.name}))
    traces_of(subject)
    return subject


def _erase(options: argparse.Namespace, url: str, subject: DataSubject) -> int:
    """Show first, ask, then do it."""

    def carried_out(*, dry_run: bool) -> Erasure:
        erase = partial(erase_person, dry_run=dry_run)
        return asyncio.run(_carry_out(url, options.organisation, subject, erase))

    if options.dry_run or not options.yes:
        planned = carried_out(dry_run=True)
        if options.dry_run:
            _write(options, planned)
            return 0
        _show(planned.changed, sys.stderr if options.json else sys.stdout)
        if planned.changed and not agreed("Erase this for good?"):
            sys.stderr.write("vivier: nothing was changed\n")
            return FAILED
    _write(options, carried_out(dry_run=False))
    return 0


async def _reach(database: Engine, organisation: str | None, now: datetime) -> tuple[Sequence[UUID], Actor]:
    """Whose data, and on whose behalf: the named organisation's, or everybody's as the operator."""
    async with transaction(database) as connection:
        if organisation is None:
            home = await ensure_organisation(connection, DEFAULT_ORGANISATION, now)
            return [each for each, _ in await journals(connection)], Actor(home, "command")
        found = [each for each, name in await journals(connection) if organisation in {str(each), name}]
    if not found:
        raise CommandFailed(f"there is no organisation {plain(organisation)}", USAGE)
    return found, Actor(found[0], "command")


async def _carry_out(url: str, organisation: str | None, subject: DataSubject, use_case: UseCase[T]) -> T:
    database, now = engine(url, pool_size=0), datetime.now(UTC)
    organisation_ids, actor = await _reach(database, organisation, now)
    return await use_case(database, subject, organisation_ids, actor, now)


def _write(options: argparse.Namespace, result: PersonalData | Erasure) -> None:
    if options.json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    elif isinstance(result, PersonalData):
        _show(result.holdings, sys.stdout)
    else:
        _show_erasure(result)


def _show(holdings: Iterable[Holding], stream: TextIO) -> None:
    listed = list(holdings)
    for each in listed:
        since = "" if each.since is None else f", since {each.since:%Y-%m-%d}"
        whose = f" ({plain(each.organisation)})" if each.organisation else ""
        stream.write(f"{plain(each.where)}{whose}, {each.field}{since}: {each.fate}\n    {plain(each.text)}\n")
    if not listed:
        stream.write("Nothing is held about this person.\n")


def _show_erasure(done: Erasure) -> None:
    if done.dry_run:
        _show((*done.changed, *done.kept), sys.stdout)
    counts = Counter(each.fate for each in (*done.changed, *done.kept))
    summary = ", ".join(f"{count} {_FATES[fate]}" for fate, count in counts.items())
    sys.stdout.write(f"{'Would be' if done.dry_run else 'Done'}: {summary or 'nothing'}\n")
    for each in done.kept:
        sys.stdout.write(f"  kept: {plain(each.where)}, {each.field} ({_REASONS[each.why or 'append_only']})\n")
    if done.reference is not None:
        sys.stdout.write(f"  in the journal: person:{done.reference}\n")


_FATES = {"erased": "erased", "pseudonym": "under a pseudonym", "kept": "kept"}
_REASONS = {
    "append_only": "said in an exchange, which nobody can alter before the time for keeping the need is over",
    "text_of_source": "a text of the source's own, to be put right there",
}
