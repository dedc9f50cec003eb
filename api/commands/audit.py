"""`vivier audit`: verify the journals, with what their entries are about; write the record of a need as a folder."""

import argparse
import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time
from functools import partial
from itertools import chain as joined
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from httpx import AsyncClient

from api.commands.command import FAILED, USAGE, CommandFailed, attached_database
from api.commands.console import plain
from api.journal.export_need import VERIFIER, ExportedNeed, read_need_to_export, write_exported_need
from api.journal.signing_key import JournalKey, journal_key, signature_checker
from api.settings import Settings
from db.core.engine import Connection, Engine, engine, transaction
from db.journal.content import content_digests, unrecorded_names
from db.journal.entries import journals, organisation_of, read_one_snapshot, signed_lines, stored_entries
from domain.journal import BoundContent, Break, Chain, MerkleTree, SignedHeads

_ANCHOR = re.compile(r"(?P<organisation>.+):(?P<number>[0-9]{1,18}):(?P<hash>[0-9a-fA-F]{64})")
_LISTED = 20
_EXPLANATIONS = {
    "gap": "{missing} missing before entry {number}",
    "altered_entry": "entry {number} is not what was written, or entry {before} was replaced",
    "lost_anchor": "entry {number} is not the one that was noted",
    "forged_entry": "the signature of entry {number} is not one of the journal's keys (see --public-key)",
    "unsigned_entry": "entry {number} has no signature (--signed-since says from when on entries have one)",
    "altered_content": "{about} is not as entry {number} says",
    "missing_content": "{about}, of which entry {number} tells, is gone",
    "unrecorded_content": "{about} is told of by none of {number} entries",
}
IsSignature = Callable[[bytes, bytes], bool]


class Anchor(NamedTuple):
    """An entry noted outside of Vivier: its organisation's id or name, number and hash; the tree's root if known."""

    organisation: str
    number: int
    hash: bytes
    root: bytes | None = None


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
    """Print the public key, write a need's record, or verify the journals; returns 1 where a journal is broken."""
    key = journal_key(settings)
    if options.action in {"key", "export"}:
        if key is None:
            raise CommandFailed(f"there is no key, and none can be made in {settings.home}")
        if options.action == "key":
            sys.stdout.write(f"{key.public}\n")
        else:
            _export(options.need, options.folder, settings, key)
        return 0
    trusted = [*([key.public] if key else []), *options.public_key]
    is_signature = signature_checker(trusted)
    anchors = list[Anchor]()
    for text in options.anchor:
        if (noted := _ANCHOR.fullmatch(text)) is None:
            raise CommandFailed(f"{text!r} is not ORGANISATION:NUMBER:HASH, with the 64 digits of a SHA-256", USAGE)
        anchors.append(Anchor(noted["organisation"], int(noted["number"]), bytes.fromhex(noted["hash"])))
    for path in options.heads:
        anchors += _anchors_in(path, is_signature)
    since = datetime.combine(options.signed_since, time.min, UTC) if trusted else None
    new_chain = partial(Chain, is_signature=is_signature, signed_since=since)
    with attached_database(settings) as url:
        verify = _verify_journals(engine(url, pool_size=0), options.organisation, anchors, is_signature, new_chain)
        verdicts = asyncio.run(verify)
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


def _export(need_id: UUID, folder: Path, settings: Settings, key: JournalKey) -> None:
    """Write the record of a need into a folder, stamped where an authority is set and answers. Raises CommandFailed."""
    now = datetime.now(UTC)

    async def read() -> ExportedNeed:
        async with transaction(engine(url, pool_size=0)) as connection:
            await read_one_snapshot(connection)
            organisation_id = await organisation_of(connection, f"need:{need_id}")
            if organisation_id is None:
                raise CommandFailed(f"no journal tells of a need {need_id}", USAGE)
            return await read_need_to_export(connection, organisation_id, need_id, now)

    async def stamp(statement: str) -> str | None:
        if settings.timestamp_url is None:
            return None
        from api.journal.send_heads import ANSWER_SECONDS, NoTimestamp, request_timestamp  # noqa: PLC0415 - loads all

        async with AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            try:
                return await request_timestamp(client, settings.timestamp_url, statement.encode())
            except NoTimestamp as failure:
                sys.stderr.write(f"without a time-stamp: the authority gave none ({failure})\n")
                return None

    with attached_database(settings) as url:
        need = asyncio.run(read())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise CommandFailed(f"{folder} is not empty", USAGE)
        write_exported_need(folder, need, key, asyncio.run(stamp(need.statement(stamped=True))))
    except OSError as error:
        raise CommandFailed(f"cannot write {folder}: {error.strerror}", USAGE) from None
    sys.stdout.write(
        f"{len(need.entries)} entries, {len(need.documents)} documents, {len(need.heads)} earlier heads\n"
        f"verify: python {plain(str(folder / VERIFIER))} {plain(str(folder))} --key {key.public}\n"
    )


def _anchors_in(path: Path, is_signature: IsSignature) -> Iterator[Anchor]:
    """Yield the entry that each signed head in a file names. Raises CommandFailed."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}", USAGE) from None
    for number, line in enumerate(lines, 1):
        try:
            noted = _anchors_of(line, is_signature)
        except ValueError:  # msgspec's errors are such
            raise CommandFailed(f"{path}, line {number}, is not a line of signed heads", USAGE) from None
        if noted is None:
            raise CommandFailed(f"{path}, line {number}, is not signed by a key of the journal (see --public-key)")
        yield from noted


def _anchors_of(line: str | bytes, is_signature: IsSignature) -> list[Anchor] | None:
    """The entries that a line of signed heads names; None where its signature is not valid. Raises ValueError."""
    signed = msgspec.json.decode(line, type=SignedHeads)
    if not is_signature(signed.heads.encode(), bytes.fromhex(signed.signature)):
        return None
    return [
        Anchor(str(each.organisation_id), each.number, bytes.fromhex(each.hash), bytes.fromhex(each.root or "") or None)
        for each in signed.read().heads
    ]


async def _verify_journals(
    database: Engine,
    organisation: str | None,
    anchors: Sequence[Anchor],
    is_signature: IsSignature,
    new_chain: Callable[[UUID], Chain],
) -> list[JournalVerdict]:
    """Verify an organisation's journal (None: all), its `anchors` and the signed heads that the database still has.

    Raises CommandFailed for no such organisation.
    """
    async with transaction(database) as connection:
        await read_one_snapshot(connection)
        known = await journals(connection)
        names = {name for organisation_id, name in known} | {str(organisation_id) for organisation_id, _ in known}
        for wanted in (*(each.organisation for each in anchors), *filter(None, [organisation])):
            if wanted not in names:
                raise CommandFailed(f"there is no organisation {plain(wanted)}", USAGE)
        stored = [_anchors_of(line, is_signature) or [] for line in await signed_lines(connection)]
        anchors = [*anchors, *joined.from_iterable(stored)]
        verdicts = []
        for own, name in known:
            if organisation in {None, str(own), name}:
                noted = [each for each in anchors if each.number and each.organisation in {str(own), name}]
                verdicts.append(await _verify_journal(connection, name, noted, new_chain(own)))
        return verdicts


async def _verify_journal(connection: Connection, name: str, noted: Sequence[Anchor], chain: Chain) -> JournalVerdict:
    """The verdict on one journal; `noted`: entries noted earlier, which must still be there."""
    bound, tree, roots = BoundContent(), MerkleTree(), {each.number: (b"", b"") for each in noted}
    async for page in stored_entries(connection, chain.organisation_id):
        for stored in page:
            chain.verify_entry(*stored)
            if stored.entry is not None:
                bound.collect_entry(stored.entry)
            tree.append(stored.hash)
            if stored.number in roots:
                roots[stored.number] = stored.hash, tree.root()
    lost = {each.number for each in noted if (each.hash, each.root or roots[each.number][1]) != roots[each.number]}
    missing = await unrecorded_names(connection, chain.organisation_id, bound.recorded)
    breaks = (
        *chain.breaks,
        *(Break(number, "lost_anchor") for number in sorted(lost)),
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
    told = {"before": number - 1, "about": plain(found.about or "")}
    return f"{found.code.replace('_', ' ')}: {said.format(number=number, missing=missing, last=last_number, **told)}"
