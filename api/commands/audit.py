"""`vivier audit`: check that the journals are what was written in them."""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from api.commands.console import plain
from api.commands.database import attached
from api.commands.errors import FAILED, USAGE, CommandFailed
from api.settings import Settings
from db.audit import journals, stored_entries
from db.core.engine import Connection, Engine, engine, transaction
from domain.audit import Break, Chain

_ANCHOR = re.compile(r"(?P<organisation>.+):(?P<number>[0-9]{1,18}):(?P<hash>[0-9a-fA-F]{64})")
_LISTED = 20


class Anchor(msgspec.Struct, frozen=True):
    """An entry that was noted elsewhere. `organisation`: its id or its name."""

    organisation: str
    number: int
    hash: bytes


class Verdict(msgspec.Struct, frozen=True):
    """What a journal turned out to be; `number` and `hash` are those of its last entry."""

    organisation_id: UUID
    organisation: str
    status: Literal["intact", "broken"]
    number: int
    hash: str
    anchor: str
    breaks: tuple[Break, ...]


def _anchor(text: str) -> Anchor:
    """An anchor as it was printed. Raises CommandFailed."""
    found = _ANCHOR.fullmatch(text)
    if found is None:
        raise CommandFailed(f"{text!r} is not ORGANISATION:NUMBER:HASH, with the 64 digits of a SHA-256", USAGE)
    return Anchor(found["organisation"], int(found["number"]), bytes.fromhex(found["hash"]))


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Check the journals; the status is that of a failure where one is broken."""
    anchors = [_anchor(text) for text in options.anchor]
    with attached(settings) as url:
        verdicts = asyncio.run(_verify(engine(url, pool_size=0), options.organisation, anchors))
    if options.json:
        sys.stdout.write(msgspec.json.encode(verdicts).decode() + "\n")
    else:
        for verdict in verdicts:
            _show(verdict)
    return FAILED if any(verdict.breaks for verdict in verdicts) else 0


async def _verify(database: Engine, organisation: str | None, anchors: Sequence[Anchor]) -> list[Verdict]:
    async with transaction(database) as connection:
        known = await journals(connection)
        for named in (*(each.organisation for each in anchors), *([organisation] if organisation else [])):
            if not any(_is(named, *each) for each in known):
                raise CommandFailed(f"there is no organisation {plain(named)}", USAGE)
        wanted = [each for each in known if organisation is None or _is(organisation, *each)]
        return [
            await _checked(connection, *each, [one for one in anchors if _is(one.organisation, *each)])
            for each in wanted
        ]


def _is(named: str, organisation_id: UUID, name: str) -> bool:
    return named in {str(organisation_id), name}


async def _checked(connection: Connection, organisation_id: UUID, name: str, anchors: Sequence[Anchor]) -> Verdict:
    chain = Chain(organisation_id)
    sought = {(each.number, each.hash) for each in anchors if each.number}
    async for some in stored_entries(connection, organisation_id):
        for stored in some:
            chain.follow(stored.number, stored.hash, stored.entry)
            sought.discard((stored.number, stored.hash))
    chain.close()
    breaks = (*chain.breaks, *(Break(number, "lost_anchor") for number, _ in sorted(sought)))
    digest = chain.hash.hex()
    return Verdict(
        organisation_id=organisation_id,
        organisation=name,
        status="broken" if breaks else "intact",
        number=chain.number,
        hash=digest,
        anchor=f"{organisation_id}:{chain.number}:{digest}",
        breaks=breaks,
    )


def _show(verdict: Verdict) -> None:
    write = sys.stdout.write
    write(f"{plain(verdict.organisation)}: {verdict.number} entries, {verdict.status}\n")
    for each in verdict.breaks[:_LISTED]:
        write(f"  {_told(each, verdict.number)}\n")
    if len(verdict.breaks) > _LISTED:
        write(f"  and {len(verdict.breaks) - _LISTED} more; --json lists them all\n")
    write(f"  note elsewhere: {verdict.anchor}\n")


def _told(found: Break, last: int) -> str:
    number = found.number
    if found.code == "gap":
        missing = (
            f"entry {number - 1} is" if found.missing == 1 else f"entries {number - found.missing} to {number - 1} are"
        )
        return f"gap: {missing} missing before entry {number}"
    if found.code == "altered_entry":
        return f"altered entry: entry {number} is not what was written, or entry {number - 1} was replaced"
    if found.code == "broken_link":
        return f"broken link: the hash of entry {number} is not the one that entry {number + 1} carries on"
    if number > last:
        return f"lost anchor: the journal ends at entry {last}; entry {number} was noted and is cut off"
    return f"lost anchor: entry {number} is not the one that was noted"
