"""`vivier keys`: create, list and revoke the keys that clients call the API with."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from rich import box
from rich.table import Column, Table

from api.commands.console import console, plain
from api.commands.database import attached
from api.commands.errors import USAGE, CommandFailed
from api.commands.signing_engine import signing_engine
from api.settings import Settings
from db.api_keys import create_key, ensure_organisation, list_keys, revoke_key
from db.audit import write_entry
from db.core.engine import Connection, Engine, transaction
from domain.audit import Actor, Detail
from domain.client import Key

Action = Callable[[Connection, argparse.Namespace, datetime], Awaitable[str | Table]]


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Create, list or revoke keys, as `options.action` says."""
    if options.action == "create" and ("sync" in options.scope) != bool(options.source):
        raise CommandFailed(
            "--source says what a key of scope sync may write; add --scope sync"
            if options.source
            else "a key of scope sync names the sources it may write; add --source NAME",
            USAGE,
        )
    actions: dict[str, Action] = {"create": _create, "list": _list, "revoke": _revoke}
    with attached(settings) as url:
        # shown only once it is committed
        shown = asyncio.run(_in_transaction(signing_engine(settings, url), actions[options.action], options))
    if isinstance(shown, Table):
        console().print(shown)
    else:
        sys.stdout.write(shown)
    return 0


async def _in_transaction(database: Engine, action: Action, options: argparse.Namespace) -> str | Table:
    async with transaction(database) as connection:
        return await action(connection, options, datetime.now(UTC))


async def _create(connection: Connection, options: argparse.Namespace, now: datetime) -> str:
    secret, key = await create_key(
        connection,
        name=options.name,
        organisation=options.organisation,
        scopes=options.scope,
        sources=options.source,
        now=now,
    )
    await _write_entry(connection, "key.created", key, now)
    return f"Key {key.id} of {key.organisation}, for {', '.join(key.scopes)}; it is shown this once:\n{secret}\n"


async def _list(connection: Connection, _: argparse.Namespace, __: datetime) -> str | Table:
    keys = await list_keys(connection)
    if not keys:
        return "There are no keys yet; `vivier keys create` makes one.\n"
    folded = [Column(heading, overflow="fold") for heading in ("Name", "Organisation", "Scopes, sources")]
    first, made, revoked_on = (Column(heading, no_wrap=True) for heading in ("Begins with, id", "Made", "Revoked"))
    table = Table(first, *folded, made, revoked_on, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for key in keys:
        may = "\n".join((", ".join(key.scopes), *(f"→ {plain(source)}" for source in key.sources)))
        revoked = "" if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d}"
        names = plain(key.name), plain(key.organisation)
        table.add_row(f"{key.prefix}…\n{key.id}", *names, may, f"{key.created_at:%Y-%m-%d}", revoked)
    return table


async def _revoke(connection: Connection, options: argparse.Namespace, now: datetime) -> str:
    key = _find(options.key, await list_keys(connection))
    if not await revoke_key(connection, key.id, now):
        raise CommandFailed(f"the key {key.id} was revoked before")
    await _write_entry(connection, "key.revoked", key, now)
    return f"Key {key.id} ({key.name}, {key.organisation}) is revoked.\n"


def _find(text: str, keys: Sequence[Key]) -> Key:
    """The key whose id or shown beginning is `text`; a whole key is found by its beginning. Raises CommandFailed."""
    found = [key for key in keys if text == str(key.id) or text.startswith(key.prefix)]
    if len(found) != 1:
        why = "there is no key" if not found else "there are several keys"
        raise CommandFailed(f"{why} {text[: len(str(UUID(int=0)))]}; `vivier keys list` shows their ids")
    return found[0]


async def _write_entry(connection: Connection, action: str, key: Key, now: datetime) -> None:
    """Write an entry in the journal of the key's organisation."""
    actor = Actor(await ensure_organisation(connection, key.organisation, now), "command")
    detail: Detail = {"scopes": list(key.scopes), "sources": list(key.sources)}
    await write_entry(connection, actor, action, f"key:{key.id}", now, detail=detail)
