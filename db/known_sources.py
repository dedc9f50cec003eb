"""The sources that records come from, and their settings."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from db.connect import Connection
from db.identity import hold_identities
from db.suppliers import begin_change, publish, rewrite
from db.tables import imports, records, sources
from domain.source import Mapping, Source, SourceSummary


async def ensure_source(connection: Connection, name: str, now: datetime) -> None:
    """Make the source known if it is not yet: writing to it is enough, its settings can follow."""
    row = {"name": name, "mapping": Mapping(), "created_at": now}
    await connection.execute(insert(sources).values(row).on_conflict_do_nothing())


async def put_source(connection: Connection, source: Source, now: datetime) -> bool:
    """Set all that can be set on a source; True if it was not known before. The caller commits.

    With another rank, the suppliers that it describes together with other sources are written anew.
    """
    settings = {"label": source.label, "url": source.url, "mapping": source.mapping, "rank": source.rank}
    write = insert(sources).values(name=source.name, created_at=now, **settings)
    added = await connection.execute(write.on_conflict_do_nothing().returning(sources.c.name))
    if added.first() is not None:
        return True
    await hold_identities(connection)
    before = await connection.scalar(select(sources.c.rank).where(sources.c.name == source.name))
    await connection.execute(sources.update().where(sources.c.name == source.name).values(**settings))
    if before != source.rank:
        await _rewrite_shared(connection, source.name, now)
    return False


async def _rewrite_shared(connection: Connection, name: str, now: datetime) -> None:
    other = records.alias()
    shared = (
        select(records.c.supplier_id)
        .where(
            records.c.source == name,
            exists().where(other.c.supplier_id == records.c.supplier_id, other.c.source != name),
        )
        .distinct()
    )
    if found := (await connection.execute(shared)).scalars().all():
        change_set = await begin_change(connection)
        await rewrite(connection, found, change_set, now)
        await publish(connection, change_set)


async def get_source(connection: Connection, name: str) -> Source | None:
    """The source's settings; None if nothing was ever written to it or about it."""
    row = (await connection.execute(select(sources).where(sources.c.name == name))).first()
    return None if row is None else Source(row.name, row.label, row.url, row.mapping, row.rank)


async def list_sources(connection: Connection) -> Sequence[SourceSummary]:
    """Every source by name, with how many records it holds and when it last sent some."""
    counted = (
        select(records.c.source, func.count().label("records"), func.max(records.c.received_at).label("received"))
        .group_by(records.c.source)
        .subquery()
    )
    completed = (
        select(imports.c.source, imports.c.id, imports.c.finished_at)
        .where(imports.c.status == "done")
        .ext(distinct_on(imports.c.source))
        .order_by(imports.c.source, imports.c.id.desc())
        .subquery()
    )
    query = (
        select(
            sources.c.name,
            sources.c.label,
            sources.c.url,
            func.coalesce(counted.c.records, 0).label("records"),
            counted.c.received,
            completed.c.id,
            completed.c.finished_at,
        )
        .outerjoin(counted, counted.c.source == sources.c.name)
        .outerjoin(completed, completed.c.source == sources.c.name)
        .order_by(sources.c.name)
    )
    return [SourceSummary(*row) for row in await connection.execute(query)]
