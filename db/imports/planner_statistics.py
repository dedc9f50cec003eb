"""Statistics of the planner on records and suppliers, refreshed where an import changed too much for the old ones."""

from sqlalchemy import Table, text

from db.core.engine import Connection
from db.schema.supplier_tables import records, suppliers

# After so many changes they are not left to the next automatic round, up to minutes away.
MANY = 5_000


def _looked_up(table: Table) -> str:
    indexed = [*table.primary_key.columns, *(column for index in table.indexes for column in index.columns)]
    columns = dict.fromkeys(column.name for column in indexed)
    return f"{table.name} ({', '.join(columns)})"


# A sample of a fifth of the usual size serves until then.
_ROUGHLY = text("SET LOCAL default_statistics_target TO 20")
# Only of what indexes are on: sampling and sorting the rest takes most of the time, and nothing is looked up by it.
_ANALYZE = text(f"ANALYZE {_looked_up(records)}, {_looked_up(suppliers)}")


async def refresh_statistics(connection: Connection) -> None:
    """Refresh them, in the transaction of the connection; others that do wait until it ends."""
    await connection.execute(_ROUGHLY)
    await connection.execute(_ANALYZE)
