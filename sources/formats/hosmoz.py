"""Format `hosmoz`: the list of ESAT and EA of the network Hosmoz (CSV, or a workbook), one establishment per row.

The SIRET is the external id. `Catégorie` becomes an approval without known dates; `Nombre de travailleurs…` are the
places of an ESAT, whose workers are no employees, else the employees; `Pôles de compétences` are offers, declared: by
the source's mapping, by `hosmoz_poles.toml`, else by their words. A row with a name makes a supplier; one without a
name adds to the supplier with its SIRET.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import BinaryIO

import msgspec

from domain.errors import Problem
from domain.suppliers.source import Row, RowError, reject
from domain.suppliers.supplier import Flag, name_by_number
from domain.text.bilingual import said_by
from domain.text.normalise import fold
from sources.file_types.csv_cells import BadCell, approval_kind, listed_kinds, number, siret_of, text_or_none
from sources.file_types.csv_table import FaultyRow, read_table
from sources.formats.spreadsheet import ActivityReader
from sources.postal_addresses import PHONE_DIGITS, PostalAddress, commune_names, with_first_zero
from sources.rows import Context, Document, UnreadableFile, row_of
from sources.trades.inference import label_of
from sources.validation import whole_siret

_SAID = said_by(__name__)

SIRET, CATEGORY, WORKERS, POLES = "siret", "categorie", "nombre de travailleurs", "poles de competences"
_OTHERS = ("raison sociale", "adresse", "code postal", "ville", "tel public", "email", "url")
_BETWEEN_POLES = re.compile(r"[;|\n]|,\s*(?=[A-ZÀ-Ý])")
"""A comma within a pole's name is followed by a small letter."""
_POLES: dict[str, tuple[str, ...]] = msgspec.toml.decode(
    (files("sources.formats") / "hosmoz_poles.toml").read_bytes(), type=dict[str, dict[str, tuple[str, ...]]]
)["poles"]


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read the list of the network; raises UnreadableFile where it has no column of SIRET or of poles."""
    table = read_table(stream, as_published=True)
    titles = {name: title for title in table.columns if (name := _column_of(title))}
    if not {SIRET, POLES} <= titles.keys():
        raise UnreadableFile((Problem("", "missing_column", _SAID["no_column"]),))
    establishments = _Establishments(context)
    for row in table.rows:
        if isinstance(row, FaultyRow):
            yield reject(row.line, None, (row.problem,), context.language)
            continue
        cells = {name: row.cells[title].strip() for name, title in titles.items()}
        if any(cells.values()):
            yield establishments.row(row.line, cells)


def _column_of(title: str) -> str | None:
    """The column that a title stands for; None for one that is not read."""
    folded = fold(title)
    if folded.startswith(WORKERS):
        return WORKERS
    return folded if folded in (SIRET, CATEGORY, POLES, *_OTHERS) else None


class _Establishments:
    """Makes records of the rows of one list."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._communes = commune_names(context.territories)
        self._poles = ActivityReader(context.taxonomy, context.mapping.categories, _POLES)

    def row(self, line: int, cells: dict[str, str]) -> Row | RowError:
        """The record of a row, or the error that says what is wrong with it."""
        siret = whole_siret(cells[SIRET])
        try:
            document, flags = self._document(siret, cells)
        except BadCell as bad:
            return reject(line, siret or None, bad.problems, self._context.language)
        made = row_of(line, siret or None, document, self._context, flags)
        return made._replace(joins=siret) if isinstance(made, Row) and not cells.get("raison sociale") else made

    def _document(self, siret: str, cells: dict[str, str]) -> tuple[Document, tuple[Flag, ...]]:
        """The document of a row's record, with flags for its poles without a segment. Raises BadCell."""
        pieces = [each.strip() for each in _BETWEEN_POLES.split(cells[POLES]) if each.strip()]
        segments, flags = self._poles.segments_in(";".join(pieces))
        offer = {"segments": segments, "label": label_of(", ".join(pieces))}
        address = PostalAddress(cells.get("adresse", ""), cells.get("code postal", ""), cells.get("ville", ""))
        kinds = [*dict.fromkeys(map(approval_kind, listed_kinds(cells.get(CATEGORY, ""))))]
        workers = round(number(cells[WORKERS], ("employees",))) if cells.get(WORKERS) else None
        is_esat = kinds == ["ESAT"]
        document = {
            "name": cells.get("raison sociale") or name_by_number(siret),
            "siret": siret_of(cells[SIRET]) or None,
            "approvals": [{"kind": kind} for kind in kinds] or None,
            "address": self._communes.document(address),
            "offers": [offer] if segments else [],
            "employees": None if is_esat else workers,
            "size": {"places": {"count": workers}} if is_esat and workers is not None else None,
            "contact": {
                "email": text_or_none(cells.get("email", "")),
                "phone": with_first_zero(cells.get("tel public", ""), PHONE_DIGITS) or None,
                "website": text_or_none(cells.get("url", "")),
            },
        }
        return document, flags
