"""The networks and facilitators that the operator keeps, replaced as a whole."""

from collections.abc import Sequence

import msgspec
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


async def networks_to_replace(connection: Connection) -> tuple[Network, ...]:
    """All networks; nobody else may write them until the transaction ends."""
    await connection.execute(sa.text("LOCK TABLE networks IN SHARE ROW EXCLUSIVE MODE"))
    return await all_networks(connection)


async def replace_networks(connection: Connection, kept: Sequence[Network]) -> None:
    """Store these networks in place of all others; the caller commits."""
    await connection.execute(sa.delete(networks))
    if kept:
        rows = [
            msgspec.structs.asdict(each)
            | {"position": position, "territories": list(each.territories), "reserved": list(each.reserved)}
            for position, each in enumerate(kept)
        ]
        await connection.execute(sa.insert(networks), rows)
