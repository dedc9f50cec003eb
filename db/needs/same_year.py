"""The other markets of a buyer in one calendar year, with no more than their values are added up from."""

from uuid import UUID

import msgspec
from sqlalchemy import Uuid, text

from db.core.engine import Connection
from db.schema.supplier_tables import Document
from domain.needs.need import Need
from domain.needs.same_year import OtherNeed

# places and territories stay behind: one need may hold megabytes of them
_OTHERS = text("""
    SELECT needs.id, buyer_siret, json_strip_nulls(json_build_object(
        'reference', it.reference,
        'title', it.title,
        'estimated_total_eur', it.estimated_total_eur,
        'lots', (
            SELECT json_agg(lot)
            FROM json_to_recordset(it.lots)
                AS lot (id text, title text, segments json, cpv json, keywords json, nature text, value_eur json)
        )
    )) AS need
    FROM needs, json_to_record(content)
        AS it (reference text, title text, contract text, estimated_total_eur json, lots json)
    WHERE organisation_id = :organisation_id
        AND year = :year
        AND needs.id <> :besides
        AND status <> 'abandoned'
        AND it.contract IS DISTINCT FROM 'concession'
        AND coalesce(buyer_siret = cast(:siret AS text), true)
    ORDER BY needs.id
""").columns(id=Uuid, need=Document(Need))


async def needs_of_year(
    connection: Connection, organisation_id: UUID, year: int, siret: str | None, besides: UUID
) -> tuple[OtherNeed, ...]:
    """The organisation's markets of the year, without the need `besides`, the abandoned and those of another buyer.

    `siret`: the buyer's; where it is not known, or not that of a need, the buyer is taken for the same.
    """
    given = {"organisation_id": organisation_id, "year": year, "siret": siret, "besides": besides}
    rows = await connection.execute(_OTHERS, given)
    return msgspec.convert(rows.all(), tuple[OtherNeed, ...], from_attributes=True)
