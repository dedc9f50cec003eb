"""The other markets of a buyer in one calendar year, with no more than their values are added up from."""

from uuid import UUID

import msgspec
from sqlalchemy import Uuid, text

from db.core.engine import Connection
from db.schema.supplier_tables import Document
from domain.needs.need import Need, OtherNeed

MOST_NEEDS, MOST_BYTES = 1_000, 1 << 20
"""The newest needs of a year that are read, and the bytes of all of them together."""

_OTHERS = text("""
    SELECT id, buyer_siret, brief AS need
    FROM (
        SELECT id, buyer_siret, brief, sum(octet_length(cast(brief AS text))) OVER (ORDER BY id DESC) AS bytes
        FROM (
            SELECT id, buyer_siret, brief
            FROM needs
            WHERE organisation_id = :organisation_id
                AND year = :year
                AND id <> :besides
                AND status <> 'abandoned'
                AND brief ->> 'contract' IS DISTINCT FROM 'concession'
                AND brief IS NOT NULL
                AND coalesce(buyer_siret = cast(:siret AS text), true)
            ORDER BY id DESC
            LIMIT :most_needs
        ) AS newest
    ) AS added_up
    WHERE bytes <= :most_bytes
    ORDER BY id
""").columns(id=Uuid, need=Document(Need))


async def needs_of_year(
    connection: Connection, organisation_id: UUID, year: int, siret: str | None, besides: UUID
) -> tuple[OtherNeed, ...]:
    """The organisation's markets of the year, without the need `besides`, the abandoned and those of another buyer.

    `siret`: the buyer's; where it is not known, or not that of a need, the buyer is taken for the same. Of very many
    needs the newest, and none of which the words alone are more than 128 KiB.
    """
    given = {"organisation_id": organisation_id, "year": year, "siret": siret, "besides": besides}
    given |= {"most_needs": MOST_NEEDS, "most_bytes": MOST_BYTES}
    rows = await connection.execute(_OTHERS, given)
    return msgspec.convert(rows.all(), tuple[OtherNeed, ...], from_attributes=True)
