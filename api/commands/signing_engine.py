"""The database of commands that write to journals: what they write is signed."""

from api.journal.signing_key import journal_key
from api.settings import Settings
from db.core.engine import Engine, engine


def signing_engine(settings: Settings, url: str) -> Engine:
    """An engine for a command that writes to journals."""
    key = journal_key(settings)
    return engine(url, pool_size=0, signer=key.sign if key else None)
