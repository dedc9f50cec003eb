"""Format `directory`: flags of legal units and establishments from the Annuaire des entreprises (CSV).

The data behind the State's directory come in two tables, told apart by their header: legal units (`siren` and flags
such as `est_ess`, `est_qualiopi`) and establishments (`siret` and lists such as `liste_rge`). A row makes no supplier
but adds to those with its number: that it is of the ESS (never that it is not: no list is complete), labels, and offers
by licences and certificates. Other columns, and who directs a legal unit, are not read.
"""

from collections.abc import Iterator
from typing import BinaryIO

from domain.errors import Problem
from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Offer, nameless
from domain.text.bilingual import Text
from sources.formats.csv_cells import known
from sources.formats.csv_records import rows_of
from sources.formats.csv_table import read_table
from sources.formats.register_numbers import number_of, siret_in
from sources.rows import Context, Document, UnreadableFile
from sources.trades.licences import Licence, licensed

LICENCE_COLUMNS: dict[str, Licence] = {
    "est_qualiopi": "training",
    "est_organisme_formation": "training",
    "est_entrepreneur_spectacle": "live_show",
    "liste_rge": "rge",
    "liste_id_bio": "organic",
}
LABEL_COLUMNS = {"est_societe_mission": "Société à mission", "est_qualiopi": "Qualiopi", "liste_rge": "RGE"}
ESS_COLUMN = "est_ess"

_EMPTY = frozenset({"", "false", "f", "0", "non", "no", "n", "none", "null", "nan", "[]", "{}", "['']", '[""]'})
_NO_NUMBER = Text("Une colonne « siret » ou « siren » est obligatoire", "A column “siret” or “siren” is required")


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per legal unit or establishment; raises UnreadableFile where neither number has a column."""
    table = read_table(stream, as_published=True)
    if not {"siret", "siren"} & set(table.columns):
        raise UnreadableFile((Problem("/siren", "missing_column", _NO_NUMBER),))

    def document(cells: dict[str, str]) -> Document:
        number = _number(cells)
        return {
            "name": nameless(number),
            "siret": siret_in(number),
            "ess": True if _is_set(cells, ESS_COLUMN) else None,
            "labels": tuple(label for column, label in LABEL_COLUMNS.items() if _is_set(cells, column)),
            "offers": _offers(cells, context.source),
        }

    return rows_of(table, context, _key, document, _number)


def _offers(cells: dict[str, str], source: str | None) -> tuple[Offer, ...]:
    licences = dict.fromkeys(licence for column, licence in LICENCE_COLUMNS.items() if _is_set(cells, column))
    return tuple(licensed(licence, source) for licence in licences)


def _is_set(cells: dict[str, str], column: str) -> bool:
    return cells.get(column, "").strip().lower() not in _EMPTY


def _number(cells: dict[str, str]) -> str:
    return number_of(cells.get("siret", ""), cells.get("siren", ""))


def _key(cells: dict[str, str]) -> str | None:
    return known(cells.get("siret", "")) or known(cells.get("siren", ""))
