"""The other needs of an organisation in one calendar year, with no more than their values are added up from."""

from uuid import UUID

import msgspec
from sqlalchemy import Uuid, text

from db.core.engine import Connection
from db.schema.supplier_tables import Document
from domain.needs.need import Need
from domain.needs.same_year import OtherNeed

# places and territories stay behind: one need may hold megabytes of them
_OTHERS = text("""
    SELECT needs.id, json_strip_nulls(json_build_object(
        'reference', it.reference,
        'title', it.title,
        'contract', it.contract,
        'estimated_total_eur', it.estimated_total_eur,
        'buyer', json_build_object('siret', it.buyer ->> 'siret'),
        'lots', (
            SELECT json_agg(lot)
            FROM json_to_recordset(it.lots)
                AS lot (id text, segments json, cpv json, keywords json, nature text, value_eur json)
        )
    )) AS need
    FROM needs, json_to_record(content)
        AS it (reference text, title text, contract text, estimated_total_eur json, buyer json, lots json)
    WHERE organisation_id = :organisation_id
        AND needs.id <> :besides
        AND status <> 'abandoned'
        AND coalesce(
            left(content ->> 'planned_publication_on', 4)::integer,
            extract(year FROM created_at AT TIME ZONE 'Europe/Paris')::integer
        ) = :year
    ORDER BY needs.id
""").columns(id=Uuid, need=Document(Need))


async def needs_of_year(
    connection: Connection, organisation_id: UUID, year: int, besides: UUID
) -> tuple[OtherNeed, ...]:
    """The organisation's needs of the year (as `year_of` counts it), without the need `besides` and the abandoned."""
    given = {"organisation_id": organisation_id, "year": year, "besides": besides}
    return msgspec.convert(
        (await connection.execute(_OTHERS, given)).all(), tuple[OtherNeed, ...], from_attributes=True
    )
