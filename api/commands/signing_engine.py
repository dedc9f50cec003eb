"""The database of commands that write to journals, and the name under which they do: what they write is signed."""

from datetime import datetime

from api.journal.signing_key import journal_key
from api.settings import Settings
from db.api_keys import ensure_organisation
from db.core.engine import Engine, engine, transaction
from domain.audit import Actor
from domain.organisation import DEFAULT_ORGANISATION


def signing_engine(settings: Settings, url: str, pool_size: int = 0) -> Engine:
    """An engine for a command that writes to journals; `pool_size`: see `db.core.engine.engine`."""
    key = journal_key(settings)
    return engine(url, pool_size, signer=key.sign if key else None)


async def operator(database: Engine, now: datetime) -> Actor:
    """The command line as the author of what all organisations share, in the journal of the organisation `default`."""
    async with transaction(database) as connection:
        return Actor(await ensure_organisation(connection, DEFAULT_ORGANISATION, now), "command")
