"""Daily counts of suppliers whose trade is known, by commune and kind: what has been learnt since a day.

A commune and kind have a row for each day on which their counts became others; the whole directory has one each day.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from sqlalchemy import ARRAY, Integer, Text, bindparam, func, select, text

from db.core.engine import Connection, read_grouped
from db.schema.supplier_tables import trade_counts
from domain.supply import EVERYWHERE, PlaceTrades, TradesOnDay, trades_on_day

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
