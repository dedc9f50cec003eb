"""`vivier audit`: verify the hash chain of the journals."""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from typing import Literal, NamedTuple
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


class Anchor(NamedTuple):
    """An entry that was noted outside of Vivier. `organisation`: its id or its name."""

    organisation: str
    number: int
    hash: bytes


class Verdict(msgspec.Struct, frozen=True):
    """The result for one journal; `number` and `hash` are those of its last entry."""

    organisation_id: UUID
    organisation: str
    status: Literal["intact", "broken"]
    number: int
    hash: str
    anchor: str
    breaks: tuple[Break, ...]


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Verify the journals; returns 1 where one is broken."""
    anchors = [_anchor(text) for text in options.anchor]
    with attached(settings) as url:
        verdicts = asyncio.run(_verify(engine(url, pool_size=0), options.organisation, anchors))
    if options.json:
        sys.stdout.write(msgspec.json.encode(verdicts).decode() + "\n")
    else:
        for verdict in verdicts:
            _show(verdict)
    return FAILED if any(verdict.breaks for verdict in verdicts) else 0


def _anchor(text: str) -> Anchor:
    """An anchor as it was printed. Raises CommandFailed."""
    found = _ANCHOR.fullmatch(text)
    if found is None:
        raise CommandFailed(f"{text!r} is not ORGANISATION:NUMBER:HASH, with the 64 digits of a SHA-256", USAGE)
    return Anchor(found["organisation"], int(found["number"]), bytes.fromhex(found["hash"]))


async def _verify(database: Engine, organisation: str | None, anchors: Sequence[Anchor]) -> list[Verdict]:
    """The verdicts on the journals asked for. Raises CommandFailed where an organisation is unknown."""
    async with transaction(database) as connection:
        known = await journals(connection)
        names = {name for organisation_id, name in known} | {str(organisation_id) for organisation_id, _ in known}
        for wanted in (*(anchor.organisation for anchor in anchors), *filter(None, [organisation])):
            if wanted not in names:
                raise CommandFailed(f"there is no organisation {plain(wanted)}", USAGE)
        return [
            await _verify_one(connection, organisation_id, name, anchors)
            for organisation_id, name in known
            if organisation in {None, str(organisation_id), name}
        ]


async def _verify_one(
    connection: Connection, organisation_id: UUID, organisation: str, anchors: Sequence[Anchor]
) -> Verdict:
    chain = Chain(organisation_id)
    own = [anchor for anchor in anchors if anchor.organisation in {str(organisation_id), organisation}]
    lost = {(anchor.number, anchor.hash) for anchor in own if anchor.number}
    async for page in stored_entries(connection, organisation_id):
        for stored in page:
            chain.follow(stored.number, stored.hash, stored.entry)
            lost.discard((stored.number, stored.hash))
    chain.close()
    breaks = (*chain.breaks, *(Break(number, "lost_anchor") for number, _ in sorted(lost)))
    digest = chain.hash.hex()
    anchor = f"{organisation_id}:{chain.number}:{digest}"
    return Verdict(
        organisation_id, organisation, "broken" if breaks else "intact", chain.number, digest, anchor, breaks
    )


def _show(verdict: Verdict) -> None:
    lines = [f"{plain(verdict.organisation)}: {verdict.number} entries, {verdict.status}"]
    lines += [f"  {_explanation(each, verdict.number)}" for each in verdict.breaks[:_LISTED]]
    if len(verdict.breaks) > _LISTED:
        lines.append(f"  and {len(verdict.breaks) - _LISTED} more; --json lists them all")
    sys.stdout.write("\n".join([*lines, f"  note elsewhere: {verdict.anchor}\n"]))


def _explanation(found: Break, last: int) -> str:
    number = found.number
    if found.code == "gap":
        missing = f"entry {number - 1} is"
        if found.missing > 1:
            missing = f"entries {number - found.missing} to {number - 1} are"
        return f"gap: {missing} missing before entry {number}"
    if found.code == "altered_entry":
        return f"altered entry: entry {number} is not what was written, or entry {number - 1} was replaced"
    if found.code == "broken_link":
        return f"broken link: the hash of entry {number} is not the one that entry {number + 1} carries on"
    if number > last:
        return f"lost anchor: the journal ends at entry {last}; entry {number} was noted and is cut off"
    return f"lost anchor: entry {number} is not the one that was noted"
