"""The files of law that frozen shortlists were judged by, by the version that their stamp names."""

import zlib

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from db.core.engine import Connection
from db.schema.organisation_tables import law_files


async def keep_law_file(connection: Connection, version: str, content: bytes) -> None:
    """Store a file of law under its version, unless it is stored already."""
    known = select(law_files.c.version).where(law_files.c.version == version)
    if (await connection.execute(known)).first() is None:
        row = {"version": version, "content": zlib.compress(content)}
        await connection.execute(upsert(law_files).values(**row).on_conflict_do_nothing())


async def select_law_file(connection: Connection, version: str) -> bytes | None:
    """The file of law of a version; None where none was kept."""
    found = await connection.scalar(select(law_files.c.content).where(law_files.c.version == version))
    return None if found is None else zlib.decompress(found)
