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
from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import name_by_number
from domain.text.bilingual import said_by
from domain.text.normalise import fold
from sources.file_types.csv_cells import approval_kind, listed_kinds, siret_of, staff_fields, text_or_none
from sources.file_types.csv_table import read_table, rows_of
from sources.formats.spreadsheet import ActivityReader
from sources.postal_addresses import PHONE_DIGITS, PostalAddress, commune_names, with_first_zero
from sources.rows import Context, Document, UnreadableFile
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
    table = read_table(stream, also=(SIRET, CATEGORY, POLES, *_OTHERS))
    if not {SIRET, POLES} <= {*table.columns}:
        raise UnreadableFile((Problem("", "missing_column", _SAID["no_column"]),), table.columns)
    workers = next((title for title in table.columns if fold(title).startswith(WORKERS)), WORKERS)
    communes = commune_names(context.territories)
    poles = ActivityReader(context.taxonomy, context.mapping.categories, _POLES)

    def establishment_record(written: dict[str, str]) -> Document:
        cells = {name: cell.strip() for name, cell in written.items()}
        pieces = [each.strip() for each in _BETWEEN_POLES.split(cells[POLES]) if each.strip()]
        segments, flags = poles.segments_in(";".join(pieces))
        address = PostalAddress(cells.get("adresse", ""), cells.get("code postal", ""), cells.get("ville", ""))
        kinds = [*dict.fromkeys(map(approval_kind, listed_kinds(cells.get(CATEGORY, ""))))]
        staff = staff_fields(cells[workers]) if cells.get(workers) else {}
        if kinds == ["ESAT"] and "flags" not in staff:
            staff = {"size": {"places": {"count": staff["employees"]}}} if "employees" in staff else {}
        return {
            "name": cells.get("raison sociale") or name_by_number(whole_siret(cells[SIRET])),
            "siret": siret_of(cells[SIRET]) or None,
            "approvals": [{"kind": kind} for kind in kinds] or None,
            "address": communes.document(address),
            "offers": [{"segments": segments, "label": label_of(", ".join(pieces))}] if segments else [],
            "contact": {
                "email": text_or_none(cells.get("email", "")),
                "phone": with_first_zero(cells.get("tel public", ""), PHONE_DIGITS) or None,
                "website": text_or_none(cells.get("url", "")),
            },
            **staff,
            "flags": (*flags, *staff.get("flags", ())),
        }

    def joins(cells: dict[str, str]) -> str | None:
        return None if cells.get("raison sociale", "").strip() else whole_siret(cells[SIRET]) or None

    return rows_of(table, context, lambda cells: whole_siret(cells[SIRET]) or None, establishment_record, joins)
