"""Format `ess-france`: lists of the ESS, as ESS France and the chambers of regions publish them (CSV).

A row is a legal unit; it makes no supplier but says of those with its SIREN that they are of the ESS, and of which
family. Of names, places and codes nothing is read: other records know them better. Columns may have the names of the
national list or of a chamber's; a SIREN that lost its first zeros has them again.
"""

from collections.abc import Iterator
from typing import BinaryIO

from domain.errors import Problem
from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import LegalForm, nameless
from domain.text.bilingual import Text
from domain.text.normalise import fold
from sources.formats.csv_cells import BadCell
from sources.formats.csv_records import column_of, rows_of
from sources.formats.csv_table import read_table
from sources.formats.register_numbers import siren_of
from sources.rows import Context, Document, UnreadableFile

SIREN_COLUMNS = ("SIREN", "NoSIREN", "siren")
FAMILY_COLUMNS = ("Famille juridique de l'entreprise", "STATUT_JURIDIQUE", "famille")

_FAMILIES: dict[str, LegalForm] = {
    "association": "association",
    "cooperative": "cooperative",
    "mutuelle": "mutual",
    "fondation": "foundation",
}
_NO_SIREN_COLUMN = Text("La colonne « SIREN » est obligatoire", "The column “SIREN” is required")


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per legal unit; raises UnreadableFile where no column has its SIREN."""
    table = read_table(stream, as_published=True)
    column, family = column_of(table, *SIREN_COLUMNS), column_of(table, *FAMILY_COLUMNS)
    if column is None:
        raise UnreadableFile((Problem("/SIREN", "missing_column", _NO_SIREN_COLUMN),))

    def document(cells: dict[str, str]) -> Document:
        siren = siren_of(cells[column], column)
        named = fold(cells[family]).rstrip("s") if family else ""
        return {"name": nameless(siren), "ess": True, "legal_form": _FAMILIES.get(named)}

    def number(cells: dict[str, str]) -> str | None:
        try:
            return siren_of(cells[column], column)
        except BadCell:
            return None

    return rows_of(table, context, number, document, number)
