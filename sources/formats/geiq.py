"""Format `geiq`: labelled groups of employers for integration and their branches (CSV).

`label_id` is the external id of a group. Branches (`branch_of`, the id of their group) are numbered apart from groups,
so that of a branch is both: "152/99". Every row is approved as GEIQ, without known dates. Many branches have no SIRET,
or that of the group, which they then are one supplier with. The commune is looked up by postal code and city. What a
GEIQ lends is people, in the trades of its members: nothing is inferred from its name.
"""

from collections.abc import Iterator
from typing import BinaryIO

from domain.suppliers.rows import Row, RowError
from sources.formats.csv_cells import known
from sources.formats.csv_records import missing_columns, rows_of
from sources.formats.csv_table import read_table
from sources.formats.postal_addresses import CommuneNames, commune_names, departement_of
from sources.rows import Context, Document, UnreadableFile

COLUMNS = ("label_id", "name", "siret", "postal_code", "city")


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per group or branch; raises UnreadableFile where a column of `COLUMNS` is missing."""
    table = read_table(stream, as_published=True)
    if missing := tuple(missing_columns(table, COLUMNS)):
        raise UnreadableFile(missing)
    communes = commune_names(context.territories)
    return rows_of(table, context, _key, lambda cells: _document(cells, communes))


def _key(cells: dict[str, str]) -> str | None:
    own, group = known(cells["label_id"]), known(cells.get("branch_of", ""))
    return f"{group}/{own}" if own and group else own


def _document(cells: dict[str, str], communes: CommuneNames) -> Document:
    postal_code, city = cells["postal_code"].strip(), cells["city"].strip()
    return {
        "name": cells["name"].strip(),
        "siret": known("".join(cells["siret"].split())),
        "approvals": [{"kind": "GEIQ"}],
        "address": {
            "postal_code": postal_code or None,
            "city": city or None,
            "commune": communes.find(postal_code, city, departement_of(postal_code)) if postal_code else None,
        },
    }
