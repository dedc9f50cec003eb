"""The key of the demonstration: in a private file, since every run shows it and the database stores only a digest."""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from db.api_keys import create_key, find_client
from db.core.engine import Engine, transaction
from domain.client import Scope

FILE = "demo-key"
NAME = "Démonstration"
SCOPES: tuple[Scope, ...] = ("match", "needs", "read")


async def demo_key(engine: Engine, home: Path, now: datetime) -> str:
    """The key of the last run where this database still knows it, else a new one."""
    last = _read(home / FILE)
    async with transaction(engine) as connection:
        if last and await find_client(connection, last):
            return last
        secret, _ = await create_key(connection, name=NAME, organisation=NAME, scopes=SCOPES, now=now)
    with suppress(OSError):  # without a home to write to, the next run makes another key
        _write(home / FILE, secret)
    return secret


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _write(file: Path, secret: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as private:
        private.write(f"{secret}\n")
