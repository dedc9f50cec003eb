"""Query of the suppliers to whom payments were made, by the SIRET and by the SIREN of their legal units."""

from collections.abc import Iterable, Iterator

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.core.engine import Connection
from domain.decoding.stored import stored_decoder
from domain.spending.payment import Payee

AT_ONCE = 500
MOST_OF_A_UNIT = 100
"""Establishments of one legal unit that are read beside those that were paid: some have thousands."""
# As a lateral join: each legal unit is a range of the index on SIRETs.
_OF_UNITS = sa.text("""
    SELECT found.siret, s.document::text AS document
    FROM unnest(:sirens) AS k(siren) CROSS JOIN LATERAL (
        SELECT DISTINCT r.siret, r.supplier_id FROM records r
        WHERE r.siret BETWEEN k.siren || '00000' AND k.siren || '99999' AND r.supplier_id IS NOT NULL
        ORDER BY r.siret LIMIT :most
    ) found JOIN suppliers s ON s.id = found.supplier_id WHERE NOT s.deleted
""").bindparams(sa.bindparam("sirens", type_=ARRAY(sa.Text)), most=MOST_OF_A_UNIT)
_OF_SIRETS = sa.text("""
    SELECT DISTINCT ON (r.siret, r.supplier_id) r.siret, s.document::text AS document
    FROM records r JOIN suppliers s ON s.id = r.supplier_id
    WHERE r.siret = ANY(:sirets) AND NOT s.deleted
    ORDER BY r.siret, r.supplier_id
""").bindparams(sa.bindparam("sirets", type_=ARRAY(sa.Text)))


_decode = stored_decoder(Payee)


async def payees_of(connection: Connection, sirets: Iterable[str], sirens: Iterable[str]) -> list[Payee]:
    """The suppliers with one of these SIRETs, and of these legal units, each under the SIRET of its record.

    Also those that are not active any more: they may have been when they were paid.
    """
    found, known = list[Payee](), set[str]()
    for some in _in_parts(sirets):
        for siret, document in await connection.execute(_OF_SIRETS, {"sirets": some}):
            found.append(msgspec.structs.replace(_decode(document), siret=siret))
            known.add(siret)
    for some in _in_parts(sirens):
        for siret, document in await connection.execute(_OF_UNITS, {"sirens": some}):
            if siret not in known:
                found.append(msgspec.structs.replace(_decode(document), siret=siret))
    return found


def _in_parts(numbers: Iterable[str]) -> Iterator[list[str]]:
    """The numbers, each once and in order, in lists that one query takes."""
    ordered = sorted(set(numbers))
    yield from (ordered[first : first + AT_ONCE] for first in range(0, len(ordered), AT_ONCE))
