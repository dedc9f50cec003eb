"""`vivier keys`: create, list and revoke the keys that clients call the API with."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from rich import box
from rich.table import Table

from api.commands.console import console, plain
from api.commands.database import attached
from api.commands.errors import USAGE, CommandFailed
from api.settings import Settings
from db.api_keys import create_key, ensure_organisation, list_keys, revoke_key
from db.audit import write_entry
from db.core.engine import Connection, engine, transaction
from domain.audit import Actor, Detail
from domain.client import Key

Answer = TypeVar("Answer")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Do what `options.action` says."""
    actions: dict[str, Callable[[argparse.Namespace, Settings], None]]
    actions = {"create": _create, "list": _list, "revoke": _revoke}
    actions[options.action](options, settings)
    return 0


def _create(options: argparse.Namespace, settings: Settings) -> None:
    if options.source and "sync" not in options.scope:
        raise CommandFailed("--source says what a key of scope sync may write; add --scope sync", USAGE)
    if "sync" in options.scope and not options.source:
        raise CommandFailed("a key of scope sync names the sources it may write; add --source NAME", USAGE)

    async def create(connection: Connection) -> tuple[str, Key]:
        made = await create_key(
            connection,
            name=options.name,
            organisation=options.organisation,
            scopes=options.scope,
            sources=options.source,
            now=datetime.now(UTC),
        )
        await _note(connection, "key.created", made[1])
        return made

    with attached(settings) as url:
        secret, key = asyncio.run(_in_transaction(url, create))
    sys.stdout.write(
        f"Key {key.id} of {key.organisation}, for {', '.join(key.scopes)}; it is shown this once:\n{secret}\n"
    )


def _list(_: argparse.Namespace, settings: Settings) -> None:
    with attached(settings) as url:
        keys = asyncio.run(_in_transaction(url, list_keys))
    if not keys:
        sys.stdout.write("There are no keys yet; `vivier keys create` makes one.\n")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Begins with, id", no_wrap=True)
    for heading in ("Name", "Organisation", "Scopes, sources"):
        table.add_column(heading, overflow="fold")
    table.add_column("Made", no_wrap=True)
    table.add_column("Revoked", no_wrap=True)
    for key in keys:
        may = "\n".join((", ".join(key.scopes), *(f"→ {plain(source)}" for source in key.sources)))
        revoked = "" if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d}"
        named = plain(key.name), plain(key.organisation)
        table.add_row(f"{key.prefix}…\n{key.id}", *named, may, f"{key.created_at:%Y-%m-%d}", revoked)
    console().print(table)


def _revoke(options: argparse.Namespace, settings: Settings) -> None:
    async def revoke(connection: Connection) -> Key:
        key = _named(options.key, await list_keys(connection))
        if not await revoke_key(connection, key.id, datetime.now(UTC)):
            raise CommandFailed(f"the key {key.id} was revoked before")
        await _note(connection, "key.revoked", key)
        return key

    with attached(settings) as url:
        key = asyncio.run(_in_transaction(url, revoke))
    sys.stdout.write(f"Key {key.id} ({key.name}, {key.organisation}) is revoked.\n")


def _named(text: str, keys: Sequence[Key]) -> Key:
    """The key whose id or shown beginning is `text`; a whole key is found by its beginning. Raises CommandFailed."""
    found = [key for key in keys if text == str(key.id) or text.startswith(key.prefix)]
    if len(found) != 1:
        why = "there is no key" if not found else "there are several keys"
        raise CommandFailed(f"{why} {text[: len(str(UUID(int=0)))]}; `vivier keys list` shows their ids")
    return found[0]


async def _note(connection: Connection, action: str, key: Key) -> None:
    """Leave an entry in the journal of the key's organisation."""
    now = datetime.now(UTC)
    actor = Actor(await ensure_organisation(connection, key.organisation, now), "command")
    detail: Detail = {"scopes": list(key.scopes), "sources": list(key.sources)}
    await write_entry(connection, actor, action, f"key:{key.id}", now, detail=detail)


async def _in_transaction(url: str, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    async with transaction(engine(url, pool_size=0)) as connection:
        return await work(connection)
