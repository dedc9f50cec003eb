"""Format `rna`: purposes of associations, from the national register of associations (RNA, `waldec` files; CSV).

A row makes no supplier but adds to those with its SIRET, or the SIREN in a column `siren` that joins the RNA to Sirene
(the RNA itself seldom has one): an offer where the purpose names a trade, and the purpose as a description. Read are
`id`, `siret`, `siren`, `objet`, `objet_social1`, `objet_social2` and `position`; never addresses, telephones, e-mail
and who manages. Dissolved and deleted associations are rejected. UTF-8 or ISO-8859-1.
"""

from collections.abc import Iterator
from typing import BinaryIO

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import nameless
from domain.text.bilingual import Text
from sources.formats.award_cells import legible
from sources.formats.csv_cells import BadCell, known
from sources.formats.csv_records import missing_columns, rows_of
from sources.formats.csv_table import read_table
from sources.formats.register_numbers import number_of, siret_in
from sources.rows import Context, Document, UnreadableFile
from sources.trades.purpose import PurposeReader

COLUMNS = ("id", "siret", "objet", "objet_social1", "objet_social2", "position")

_ACTIVE = "A"
_NOT_ACTIVE = Text("Cette association est dissoute ou supprimée", "This association is dissolved or deleted")


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per association; raises UnreadableFile where a column of `COLUMNS` is missing."""
    table = read_table(stream, as_published=True)
    if missing := tuple(missing_columns(table, COLUMNS)):
        raise UnreadableFile(missing)
    purposes = PurposeReader(context.taxonomy, context.source)
    return rows_of(table, context, lambda cells: known(cells["id"]), lambda cells: _document(cells, purposes), _number)


def _document(cells: dict[str, str], purposes: PurposeReader) -> Document:
    if cells["position"].strip() not in ("", _ACTIVE):
        raise BadCell(("position",), "not_active", _NOT_ACTIVE)
    number = number_of(cells["siret"], cells.get("siren", ""))
    codes = (cells["objet_social1"].strip(), cells["objet_social2"].strip())
    text = cells["objet"].strip()
    return {
        "name": nameless(number),
        "siret": siret_in(number),
        "legal_form": "association",
        "offers": purposes.offers(codes, legible(text)),
        "description": text or None,
    }


def _number(cells: dict[str, str]) -> str | None:
    return number_of(cells["siret"], cells.get("siren", ""))
