"""The key of the demonstration: kept in a private file, since it is shown at every run and stored only as a digest."""

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
    kept = _kept(home)
    async with transaction(engine) as connection:
        if kept and await find_client(connection, kept):
            return kept
        secret, _ = await create_key(connection, name=NAME, organisation=NAME, scopes=SCOPES, now=now)
    _keep(home, secret)
    return secret


def _kept(home: Path) -> str | None:
    try:
        return (home / FILE).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _keep(home: Path, secret: str) -> None:
    # without a home to write to, the next run makes another key
    with suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        (home / FILE).unlink(missing_ok=True)
        with os.fdopen(os.open(home / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as private:
            private.write(f"{secret}\n")
