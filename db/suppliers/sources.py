"""The sources that records come from, and their settings; how many suppliers' trades are known, day by day.

A commune and kind have a row for each day on which their counts became others; the whole directory has one each day.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Integer, Text, bindparam, exists, func, select, text, true
from sqlalchemy.dialects.postgresql import distinct_on, insert

from db.core.engine import Connection, document_with_later_members, read_all, read_first, read_grouped
from db.schema.supplier_tables import imports, records, sources, trade_counts
from db.suppliers.read import living_suppliers
from db.suppliers.regroup import lock_identities
from db.suppliers.write import begin_change, count_waiting, publish, rewrite_suppliers, suppliers_with_numbers
from domain.suppliers.assembly import source_of_each_field
from domain.suppliers.record_check import NO_EMAIL, NO_FLAGS, NO_SIRET
from domain.suppliers.source import QualityGap, QualityGaps, Source, SourceDocument, SourceMapping, SourceSummary
from domain.suppliers.supplier import DECLARATIONS
from domain.supply import EVERYWHERE, PlaceTrades, TradesOnDay, trades_on_day

_READ_AT_ONCE = 1_000
_LACKS = {"place": "no_place", "siret": NO_SIRET, "segment": "no_offer", "email": NO_EMAIL}

_UNMAPPED = text("""
    SELECT flag ->> 'detail', count(*) FROM records, json_array_elements(flags) AS flag
    WHERE source = :source AND 'unmapped_category' = ANY(doubts) AND flag ->> 'code' = 'unmapped_category'
    GROUP BY 1 ORDER BY 2 DESC, 1
""")
_LAST_IMPORTS = (
    select(imports.c.source, imports.c.id.label("last_import_id"), imports.c.finished_at.label("last_import_at"))
    .where(imports.c.status == "done")
    .ext(distinct_on(imports.c.source))
    .order_by(imports.c.source, imports.c.id.desc())
)


async def ensure_source(connection: Connection, name: str, now: datetime) -> None:
    """Insert a source with default settings if it is not known yet."""
    row = {"name": name, "mapping": SourceMapping(), "created_at": now}
    await connection.execute(insert(sources).values(row).on_conflict_do_nothing())


async def put_source(connection: Connection, source: Source, now: datetime) -> bool:
    """Store the settings of a source; True if the source is new. The caller commits.

    With another rank, the suppliers that it describes together with other sources are written anew.
    """
    settings = msgspec.structs.asdict(source)
    write = insert(sources).values(settings | {"created_at": now})
    del settings["name"]
    added = await connection.execute(write.on_conflict_do_nothing().returning(sources.c.name))
    if added.first() is not None:
        return True
    await lock_identities(connection)
    before = await connection.scalar(select(sources.c.rank).where(sources.c.name == source.name))
    own = sources.c.name == source.name
    settings["mapping"] = await document_with_later_members(connection, sources.c.mapping, own, source.mapping)
    await connection.execute(sources.update().where(own).values(settings))
    if before == source.rank:
        return False
    other = records.alias()
    has_others = exists().where(other.c.supplier_id == records.c.supplier_id, other.c.source != source.name)
    shared = select(records.c.supplier_id).where(records.c.source == source.name, has_others).distinct()
    adding = select(records.c.joins).where(records.c.source == source.name, records.c.joins.is_not(None)).distinct()
    found = {*(await connection.execute(shared)).scalars()}
    found.update(await suppliers_with_numbers(connection, (await connection.execute(adding)).scalars()))
    if found:
        change_set = await begin_change(connection)
        await rewrite_suppliers(connection, found, change_set, now)
        await publish(connection, change_set)
    return False


async def say_once(connection: Connection, source: Source) -> None:
    """Set the label, address and licence of a known source where none is set; the caller commits."""
    said = {name: func.coalesce(sources.c[name], getattr(source, name)) for name in ("label", "url", "licence")}
    await connection.execute(sources.update().where(sources.c.name == source.name).values(said))


async def get_source(connection: Connection, name: str) -> Source | None:
    """The settings of a source; None if the source is unknown."""
    return await read_first(connection, select(sources).where(sources.c.name == name), Source)


async def all_settings(connection: Connection) -> Sequence[Source]:
    """The settings of all sources, by name."""
    return await read_all(connection, select(sources).order_by(sources.c.name), Source)


async def source_labels(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The labels of these sources, by their names; where none is set, words around the name."""
    query = select(sources.c.name, sources.c.label).where(sources.c.name.in_(asked := list(names)))
    labels = {row.name: row.label for row in await connection.execute(query)}
    return {name: labels.get(name) or f"fichier «\u00a0{name}\u00a0»" for name in asked}


async def origins_of_addresses(
    connection: Connection, supplier_ids: Sequence[UUID], field: Literal["address", "contact.email"]
) -> dict[UUID, str]:
    """The sources, by their labels, that suppliers' postal or e-mail addresses come from; absent where not known.

    `declarations` where the supplier said it itself.
    """
    origins = dict[UUID, str]()
    for first in range(0, len(supplier_ids), _READ_AT_ONCE):
        known = await living_suppliers(connection, supplier_ids[first : first + _READ_AT_ONCE])
        origins |= {asked: source_of_each_field(one).get(field, "") for asked, one in known.items()}
    labels = await source_labels(connection, {*origins.values()} - {DECLARATIONS})
    return {asked: labels.get(source, source) for asked, source in origins.items() if source}


async def count_vertices(connection: Connection, name: str) -> int:
    """The total number of vertices of the areas that a source's records draw."""
    # as in the condition of the index, or it is not used
    drawn = select(func.sum(records.c.vertices)).where(records.c.source == name, text("vertices > 0"))
    return await connection.scalar(drawn) or 0


async def list_sources(connection: Connection, on: date) -> Sequence[SourceSummary]:
    """All sources, sorted by name, with the counts of their records on the day `on`."""
    return [SourceSummary(**row) for row in await _summaries(connection, on, true())]


async def describe_source(connection: Connection, name: str, on: date) -> SourceDocument | None:
    """A source with its settings and the counts of its records on the day `on`; None if it is unknown."""
    source = await get_source(connection, name)
    if source is None:
        return None
    (row,) = await _summaries(connection, on, sources.c.name == name)
    return SourceDocument(**row, mapping=source.mapping, rank=source.rank)


async def count_unmapped(connection: Connection, name: str) -> dict[str, int]:
    """The source's records by category that its mapping did not know when they came, as it is flagged; most first."""
    found = await connection.execute(_UNMAPPED, {"source": name})
    return {row[0]: row[1] for row in found}


async def last_imports(connection: Connection, names: Sequence[str]) -> dict[str, UUID]:
    """The id of the last finished import of each of these sources; a source without one is absent."""
    last = _LAST_IMPORTS.subquery()
    query = select(last.c.source, last.c.last_import_id).where(last.c.source.in_(names))
    return {row.source: row.last_import_id for row in await connection.execute(query)}


async def _summaries(connection: Connection, on: date, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    """The fields of a `SourceSummary` for each source that meets `which`; counts only where it has records."""
    last = _LAST_IMPORTS.subquery()
    columns = (
        sources.c.name,
        sources.c.label,
        sources.c.url,
        sources.c.licence,
        last.c.last_import_id,
        last.c.last_import_at,
    )
    query = select(*columns).outerjoin(last, last.c.source == sources.c.name).where(which).order_by(sources.c.name)
    counts = (
        func.count().label("records"),
        func.count().filter(records.c.approved_until < on).label("expired"),
        func.count(records.c.joins).label("additions"),
        func.max(records.c.received_at).label("received_at"),
    )
    alike = select(records.c.source, records.c.doubts, *counts).join(sources, sources.c.name == records.c.source)
    found = await read_grouped(connection, alike.where(which).group_by(records.c.source, records.c.doubts), "source")
    adding = [source for source, some in found.items() if any(row.additions for row in some)]
    waiting = await count_waiting(connection, adding) if adding else {}
    summaries = [dict(row) for row in (await connection.execute(query)).mappings()]
    for summary in summaries:
        if (some := found.get(summary["name"])) is None:
            continue
        total = sum(row.records for row in some)
        counted = Counter({"approval_expired": sum(row.expired for row in some)})
        for row in some:
            counted.update(dict.fromkeys(row.doubts, row.records))
        lacks = {name: QualityGap(counted[code], round(counted[code] / total, 4)) for name, code in _LACKS.items()}
        summary |= {
            "records": total,
            "last_received_at": max(row.received_at for row in some),
            "without": QualityGaps(**lacks),
            "flags": {code: counted[code] for code in sorted(counted) if code not in NO_FLAGS and counted[code]},
            "waiting": waiting.get(summary["name"], 0),
        }
    return summaries


_WRITE = text("""
    WITH counted AS (
        SELECT * FROM unnest(:communes, :kinds, :suppliers, :with_trade) AS c (commune, kind, suppliers, with_trade)
    ), last AS (
        SELECT DISTINCT ON (commune, kind) commune, kind, suppliers, with_trade
        FROM trade_counts ORDER BY commune, kind, counted_on DESC
    )
    INSERT INTO trade_counts (commune, kind, counted_on, suppliers, with_trade)
    SELECT commune, kind, :day, coalesce(c.suppliers, 0), coalesce(c.with_trade, 0)
    FROM counted c FULL JOIN last l USING (commune, kind)
    WHERE NOT EXISTS (SELECT FROM trade_counts WHERE commune = :everywhere AND counted_on = :day)
    AND (commune = :everywhere OR (coalesce(c.suppliers, 0), coalesce(c.with_trade, 0))
        IS DISTINCT FROM (coalesce(l.suppliers, 0), coalesce(l.with_trade, 0)))
    ON CONFLICT DO NOTHING
""").bindparams(
    *(bindparam(name, type_=ARRAY(Text)) for name in ("communes", "kinds")),
    *(bindparam(name, type_=ARRAY(Integer)) for name in ("suppliers", "with_trade")),
    everywhere=EVERYWHERE,
)
_STANDING_THEN = text("""
    SELECT kind, sum(suppliers)::int AS suppliers, sum(with_trade)::int AS with_trade FROM (
        SELECT DISTINCT ON (commune, kind) kind, suppliers, with_trade FROM trade_counts
        WHERE commune = ANY(:communes) AND counted_on <= :day
        ORDER BY commune, kind, counted_on DESC
    ) AS each GROUP BY kind
""").bindparams(bindparam("communes", type_=ARRAY(Text)))
_OF_ALL = trade_counts.c.commune == EVERYWHERE


async def is_counted(connection: Connection, day: date) -> bool:
    """Whether the directory was counted on the day."""
    found = select(trade_counts.c.kind).where(_OF_ALL, trade_counts.c.counted_on == day).limit(1)
    return (await connection.execute(found)).first() is not None


async def write_trade_counts(connection: Connection, day: date, counts: Iterable[PlaceTrades]) -> None:
    """Store the counts of a day, as far as they differ from the last ones; those of a day that has some stay."""
    columns: tuple[Sequence[object], ...] = tuple(zip(*counts, strict=True)) or ((), (), (), ())
    names = ("communes", "kinds", "suppliers", "with_trade")
    await connection.execute(_WRITE, {"day": day} | dict(zip(names, map(list, columns), strict=True)))


async def trades_since(connection: Connection, since: date, communes: Collection[str]) -> TradesOnDay | None:
    """The suppliers of these communes as counted on a day, or on the first day counted after it.

    None where the directory was never counted.
    """
    first = await connection.scalar(select(func.min(trade_counts.c.counted_on)).where(_OF_ALL))
    if first is None:
        return None
    day = max(since, first)
    rows = await connection.execute(_STANDING_THEN, {"communes": list(communes), "day": day})
    return trades_on_day(day, {row.kind: (row.suppliers, row.with_trade) for row in rows})


async def directory_history(connection: Connection, since: date) -> tuple[TradesOnDay, ...]:
    """The counts of the whole directory on each day from `since` on of which the total was another than before it."""
    total = trade_counts.c.suppliers, trade_counts.c.with_trade
    query = select(trade_counts.c.counted_on, trade_counts.c.kind, *total).where(
        _OF_ALL, trade_counts.c.counted_on >= since
    )
    found = await read_grouped(connection, query.order_by(trade_counts.c.counted_on), "counted_on")
    shown: list[TradesOnDay] = []
    for day, rows in found.items():
        counted = trades_on_day(day, {row.kind: (row.suppliers, row.with_trade) for row in rows})
        if not shown or counted.by_kind != shown[-1].by_kind or counted.with_trade != shown[-1].with_trade:
            shown.append(counted)
    return tuple(shown)
