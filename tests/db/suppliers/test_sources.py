"""Daily counts of suppliers of known trade: what changed is stored, and read as of a day."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select

from db.core.engine import Connection
from db.schema.supplier_tables import trade_counts
from db.suppliers.sources import directory_history, is_counted, trades_since, write_trade_counts
from domain.suppliers.known_trades import KindTrades
from domain.supply import ALL_KINDS, EVERYWHERE, PlaceTrades

FIRST, SECOND, THIRD = date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 5)
VANNES, AURAY = "56260", "56007"


def counts(*places: tuple[str, int, int]) -> Sequence[PlaceTrades]:
    """Counts of ESAT alone, of these communes and of everywhere."""
    every = (EVERYWHERE, sum(place[1] for place in places), sum(place[2] for place in places))
    return [PlaceTrades(commune, kind, *n) for commune, *n in (every, *places) for kind in (ALL_KINDS, "ESAT")]


async def test_a_day_is_told_as_it_was_counted(connection: Connection) -> None:
    """Of a day between, the last one before; before the first day, the first; whom a later day has no more, no more."""
    assert await trades_since(connection, FIRST, [VANNES]) is None
    await write_trade_counts(connection, FIRST, counts((VANNES, 10, 2), (AURAY, 4, 0)))
    await write_trade_counts(connection, SECOND, counts((VANNES, 10, 2), (AURAY, 4, 1)))
    await write_trade_counts(connection, SECOND, counts((VANNES, 99, 99)))  # another server, at the same time
    await write_trade_counts(connection, THIRD, counts((AURAY, 4, 3)))
    told = [
        await trades_since(connection, day, [VANNES, AURAY]) for day in (date(2020, 1, 1), FIRST, date(2026, 10, 4))
    ]
    assert [each and (each.on, each.suppliers, each.with_trade) for each in told] == [
        (FIRST, 14, 2), (FIRST, 14, 2), (date(2026, 10, 4), 14, 3),
    ]  # fmt: skip
    last = await trades_since(connection, THIRD, [VANNES, AURAY])
    assert last is not None
    assert (last.suppliers, last.share, last.by_kind) == (4, 0.75, (KindTrades("ESAT", 4, 3),))
    assert [(each.on, each.with_trade) for each in await directory_history(connection, FIRST)] == [
        (FIRST, 2), (SECOND, 3), (THIRD, 3),
    ]  # fmt: skip
    assert await is_counted(connection, SECOND)
    assert not await is_counted(connection, date(2026, 10, 4))
    # two kinds: of everywhere on three days, of Vannes when it came and went, of Auray on three
    assert await connection.scalar(select(func.count()).select_from(trade_counts)) == 2 * (3 + 2 + 3)
