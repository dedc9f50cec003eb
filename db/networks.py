"""The networks and facilitators that the operator keeps, replaced as a whole."""

from collections.abc import Sequence

import sqlalchemy as sa

from db.core.engine import Connection
from db.schema.supplier_tables import networks
from domain.networks import Network

_FIELDS = [networks.c[name] for name in Network.__struct_fields__]


async def all_networks(connection: Connection) -> tuple[Network, ...]:
    """All networks, as they stand in the table."""
    rows = await connection.execute(sa.select(*_FIELDS).order_by(networks.c.position))
    return tuple(
        Network(row.name, row.kind, tuple(row.territories), tuple(row.reserved), row.email, row.phone, row.url)
        for row in rows
    )


async def replace_networks(connection: Connection, kept: Sequence[Network]) -> None:
    """Store these networks in place of all others; the caller commits."""
    await connection.execute(sa.delete(networks))
    if kept:
        rows = [
            {"position": position}
            | {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in zip(
                    Network.__struct_fields__,
                    (getattr(each, field) for field in Network.__struct_fields__),
                    strict=True,
                )
            }
            for position, each in enumerate(kept)
        ]
        await connection.execute(sa.insert(networks), rows)
