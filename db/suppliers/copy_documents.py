"""All active suppliers as PostgreSQL sends them at its quickest: the text of their documents, undecoded.

Several connections may share the work: each copies some pages of what one of them sees.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from db.core.connect import connect
from db.core.engine import Engine

_DOCUMENTS = """
    SELECT document FROM suppliers
    WHERE NOT deleted AND active AND ctid >= '({first},0)'::tid AND ctid < '({end},0)'::tid
"""
_SNAPSHOT = """
    SELECT pg_export_snapshot() AS name, d.version, c.uid,
        pg_relation_size('suppliers') / current_setting('block_size')::int AS pages
    FROM (SELECT) AS one LEFT JOIN directory_version d ON true LEFT JOIN change_sets c ON c.version = d.version
"""
# the same for a copy that follows a server, whatever its address
_DATABASE = """
    SELECT to_hex(s.system_identifier) || '.' || to_hex(b.oid::bigint)
    FROM pg_control_system() s JOIN pg_database b ON b.datname = current_database()
"""
# PostgreSQL's binary format of COPY: a header, then of each row the number of fields, and of each field its length
_HEADER_BYTES = 19
_ROW = Struct(">hi")
_END = b"\xff\xff"

Pages = tuple[int, int]
"""The first page of a table, and the one behind the last."""


class DirectorySnapshot(NamedTuple):
    """The directory as one transaction sees it, by the `name` under which others may join.

    `database`: as in `database_id`. `uid`: of its version. `pages`: how many its suppliers are on.
    """

    name: str
    database: str
    version: int
    uid: UUID | None
    pages: int


@asynccontextmanager
async def shared_snapshot(url: str) -> AsyncIterator[DirectorySnapshot]:
    """The present directory; `copy_documents` may begin to copy from it as long as the block runs."""
    async with _reading(url) as connection:
        row, database = await connection.fetchrow(_SNAPSHOT), await connection.fetchval(_DATABASE)
        yield DirectorySnapshot(row["name"], database, row["version"] or 0, row["uid"], row["pages"])


async def database_id(engine: Engine) -> str:
    """Digits that no other database has, but for a copy of its whole server."""
    async with engine.connect() as connection:
        return str(await connection.scalar(text(_DATABASE)))


async def copy_documents(url: str, snapshot: str, pages: Iterable[Pages], receive: Callable[[bytes], object]) -> None:
    """Hand over the documents, in JSON, of the active suppliers on some pages as the transaction of that name sees
    them."""
    async with _reading(url, snapshot) as connection:
        for first, end in pages:
            query = _DOCUMENTS.format(first=first, end=end)
            await connection.copy_from_query(query, output=_field_reader(receive), format="binary")


@asynccontextmanager
async def _reading(url: str, snapshot: str | None = None) -> AsyncIterator[Any]:
    """A connection in a transaction that sees the directory as it is now, or as the one of that name does."""
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if snapshot is not None:
                await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            yield connection
    finally:
        await connection.close()


def _field_reader(receive: Callable[[bytes], object]) -> Callable[[bytes], Awaitable[None]]:
    """A reader of rows of one field from parts of what is copied, however these are cut; it hands over whole ones."""
    left, begins = b"", _HEADER_BYTES

    async def read(part: bytes) -> None:
        nonlocal left, begins
        content, at = left + part, begins
        while len(content) >= at + _ROW.size:
            _, length = _ROW.unpack_from(content, at)
            end = at + _ROW.size + length
            if len(content) < end:
                break
            receive(content[at + _ROW.size : end])
            at = end
        left, begins = (content[at:], 0) if at <= len(content) else (content, at)

    return read
