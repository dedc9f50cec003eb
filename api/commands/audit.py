"""`vivier audit`: verify the journals: their chain, their signatures, and what their entries are about."""

import argparse
import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from api.commands.command import FAILED, USAGE, CommandFailed, attached_database
from api.commands.console import plain
from api.journal.signing_key import journal_key, signature_checker
from api.settings import Settings
from db.core.engine import Connection, Engine, engine, transaction
from db.journal.content import content_digests, unrecorded_names
from db.journal.entries import journals, read_one_snapshot, stored_entries
from domain.journal import BoundContent, Break, Chain, JournalHeads, SignedHeads

_ANCHOR = re.compile(r"(?P<organisation>.+):(?P<number>[0-9]{1,18}):(?P<hash>[0-9a-fA-F]{64})")
_LISTED = 20
_EXPLANATIONS = {
    "gap": "{missing} missing before entry {number}",
    "altered_entry": "entry {number} is not what was written, or entry {before} was replaced",
    "broken_link": "the hash of entry {number} is not the one that entry {after} carries on",
    "lost_anchor": "entry {number} is not the one that was noted",
    "forged_entry": "the signature of entry {number} is not one of the journal's keys (see --public-key)",
    "unsigned_entry": "entry {number} has no signature (--signed-since says from when on entries have one)",
    "altered_content": "{about} is not as entry {number} says",
    "missing_content": "{about}, of which entry {number} tells, is gone",
    "unrecorded_content": "{about} is told of by none of {number} entries",
}
IsSignature = Callable[[bytes, bytes], bool]
Anchor = tuple[str, int, bytes]
"""An entry that was noted outside of Vivier: the id or the name of its organisation, its number and its hash."""


class JournalVerdict(msgspec.Struct, frozen=True):
    """The result of verifying a journal; `number` and `hash`: of its last entry, `signed`: its number of signatures."""

    organisation_id: UUID
    organisation: str
    status: Literal["intact", "broken"]
    number: int
    hash: str
    anchor: str
    signed: int
    breaks: tuple[Break, ...]


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print the public key, or verify the journals; returns 1 where a journal is broken."""
    key = journal_key(settings)
    if options.action == "key":
        if key is None:
            raise CommandFailed(f"there is no key, and none can be made in {settings.home}")
        sys.stdout.write(f"{key.public}\n")
        return 0
    trusted = [*([key.public] if key else []), *options.public_key]
    is_signature = signature_checker(trusted)
    anchors = list[Anchor]()
    for text in options.anchor:
        if (noted := _ANCHOR.fullmatch(text)) is None:
            raise CommandFailed(f"{text!r} is not ORGANISATION:NUMBER:HASH, with the 64 digits of a SHA-256", USAGE)
        anchors.append((noted["organisation"], int(noted["number"]), bytes.fromhex(noted["hash"])))
    for path in options.heads:
        anchors += _anchors_in(path, is_signature)
    since = datetime.combine(options.signed_since, time.min, UTC) if trusted else None
    new_chain = partial(Chain, is_signature=is_signature, signed_since=since)
    with attached_database(settings) as url:
        verdicts = asyncio.run(_verify_journals(engine(url, pool_size=0), options.organisation, anchors, new_chain))
    if options.json:
        sys.stdout.write(msgspec.json.encode(verdicts).decode() + "\n")
        return FAILED if any(verdict.breaks for verdict in verdicts) else 0
    for verdict in verdicts:
        lines = [f"{plain(verdict.organisation)}: {verdict.number} entries, {verdict.status}"]
        lines += [f"  {_break_in_words(each, verdict.number)}" for each in verdict.breaks[:_LISTED]]
        if len(verdict.breaks) > _LISTED:
            lines.append(f"  and {len(verdict.breaks) - _LISTED} more; --json lists them all")
        sys.stdout.write("\n".join([*lines, f"  note elsewhere: {verdict.anchor}\n"]))
    return FAILED if any(verdict.breaks for verdict in verdicts) else 0


def _anchors_in(path: Path, is_signature: IsSignature) -> Iterator[Anchor]:
    """Yield the entry (organisation id, number, hash) that each signed head in a file names. Raises CommandFailed."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}", USAGE) from None
    for number, line in enumerate(lines, 1):
        try:
            signed = msgspec.json.decode(line, type=SignedHeads)
            known = msgspec.json.decode(signed.heads, type=JournalHeads)
            is_signed = is_signature(signed.heads.encode(), bytes.fromhex(signed.signature))
        except ValueError:  # msgspec's errors are such
            raise CommandFailed(f"{path}, line {number}, is not a line of signed heads", USAGE) from None
        if not is_signed:
            raise CommandFailed(f"{path}, line {number}, is not signed by a key of the journal (see --public-key)")
        for head in known.heads:
            yield str(head.organisation_id), head.number, bytes.fromhex(head.hash)


async def _verify_journals(
    database: Engine, organisation: str | None, anchors: Sequence[Anchor], new_chain: Callable[[UUID], Chain]
) -> list[JournalVerdict]:
    """Verify an organisation's journal (None: all) and its `anchors`. Raises CommandFailed for no such organisation."""
    async with transaction(database) as connection:
        await read_one_snapshot(connection)
        known = await journals(connection)
        names = {name for organisation_id, name in known} | {str(organisation_id) for organisation_id, _ in known}
        for wanted in (*(of for of, _, _ in anchors), *filter(None, [organisation])):
            if wanted not in names:
                raise CommandFailed(f"there is no organisation {plain(wanted)}", USAGE)
        verdicts = []
        for own, name in known:
            if organisation in {None, str(own), name}:
                noted = {(number, digest) for of, number, digest in anchors if of in {str(own), name}}
                verdicts.append(await _verify_journal(connection, name, noted, new_chain(own)))
        return verdicts


async def _verify_journal(
    connection: Connection, name: str, noted: set[tuple[int, bytes]], chain: Chain
) -> JournalVerdict:
    """The verdict on one journal; `noted`: entries (number, hash) noted earlier, which must still be there."""
    bound, lost = BoundContent(), {(number, digest) for number, digest in noted if number}
    async for page in stored_entries(connection, chain.organisation_id):
        for stored in page:
            chain.verify_entry(*stored)
            if stored.entry is not None:
                bound.collect_entry(stored.entry)
            lost.discard((stored.number, stored.hash))
    chain.close()
    missing = await unrecorded_names(connection, chain.organisation_id, bound.recorded)
    breaks = (
        *chain.breaks,
        *(Break(number, "lost_anchor") for number, _ in sorted(lost)),
        *bound.breaks(await content_digests(connection, bound.names)),
        *(Break(chain.number, "unrecorded_content", about=each) for each in missing),
    )
    digest = chain.hash.hex()
    return JournalVerdict(
        chain.organisation_id,
        name,
        "broken" if breaks else "intact",
        chain.number,
        digest,
        f"{chain.organisation_id}:{chain.number}:{digest}",
        chain.signed,
        breaks,
    )


def _break_in_words(found: Break, last_number: int) -> str:
    number, missing = found.number, f"entry {found.number - 1} is"
    if found.missing > 1:
        missing = f"entries {number - found.missing} to {number - 1} are"
    said = _EXPLANATIONS[found.code]
    if found.code == "lost_anchor" and number > last_number:
        said = "the journal ends at entry {last}; entry {number} was noted and is cut off"
    told = {"before": number - 1, "after": number + 1, "about": plain(found.about or "")}
    return f"{found.code.replace('_', ' ')}: {said.format(number=number, missing=missing, last=last_number, **told)}"
