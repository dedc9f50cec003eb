"""Advisory locks on sources, records and suppliers, held until the transaction ends."""

from enum import IntEnum

from sqlalchemy import func, select

from db.core.engine import Connection


class Subject(IntEnum):
    """The kind of a lock; its number keeps apart locks of the same name.

    IMPORT: one import, held while it runs. SOURCE: held by its import, shared by those who write single records.
    RECORD: one record of a source. IDENTITY: which records are one supplier, one lock for all. MOVE: held by who moves
    records of others to another supplier, shared by who notes that a whole source was received, lest each wait for rows
    of the other. AUDIT: the last entry of an organisation's journal. Locks are taken in this order.
    """

    IMPORT = 1
    SOURCE = 2
    RECORD = 3
    IDENTITY = 4
    MOVE = 5
    AUDIT = 6


async def lock(connection: Connection, subject: Subject, name: str) -> None:
    """Take the lock for this transaction alone, after all others that hold or share it."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, int(subject)))))


async def share(connection: Connection, subject: Subject, name: str) -> None:
    """Take the lock together with others that share it, after whoever holds it alone."""
    await connection.execute(select(func.pg_advisory_xact_lock_shared(func.hashtextextended(name, int(subject)))))


async def lock_if_free(connection: Connection, subject: Subject, name: str) -> bool:
    """Take the lock if it is free; False, without waiting, if it is not."""
    attempt = select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, int(subject))))
    return bool((await connection.execute(attempt)).scalar_one())
