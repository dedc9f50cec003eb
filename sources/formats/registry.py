"""The formats of a source's file by name. A new one takes a reader, its test, and a line here."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from domain.suppliers.source import Row, RowError, reject
from sources.file_types.workbook import ODS, XLSX, reader_of_workbooks
from sources.formats import (
    conventions,
    decp,
    gogocarto,
    hosmoz,
    inclusion,
    open_data,
    registers,
    sirene,
    spreadsheet,
    vivier,
)
from sources.rows import Context, Reader
from sources.validation import check

CSV = "text/csv"
JSON = "application/json"
NDJSON = "application/x-ndjson"
ZIP = "application/zip"


def _table_readers(read: Reader) -> dict[str, Reader]:
    """The readers of a table that `read` reads as CSV, by media type: as CSV, and as the first sheet of a workbook."""
    return {CSV: read, XLSX: reader_of_workbooks(read), ODS: reader_of_workbooks(read)}


# The readers of each format, by the media type that the file is sent as.
FORMATS: Mapping[str, Mapping[str, Reader]] = {
    "vivier": {
        NDJSON: vivier.read_ndjson,
        JSON: vivier.read_json,
        ZIP: open_data.read_package,
        **_table_readers(vivier.read_csv),
    },
    "siae": _table_readers(registers.read_siae),
    "esat": _table_readers(registers.read_esat),
    "conventions": _table_readers(conventions.read),
    "emplois": {JSON: inclusion.read_emplois_json, NDJSON: inclusion.read_emplois_ndjson},
    "sirene": _table_readers(sirene.read),
    "geiq": _table_readers(registers.read_geiq),
    "ess-france": _table_readers(registers.read_ess_france),
    "rna": _table_readers(registers.read_rna),
    "directory": _table_readers(registers.read_directory),
    "decp": {JSON: decp.read_json, NDJSON: decp.read_ndjson, **_table_readers(decp.read_csv)},
    "hosmoz": _table_readers(hosmoz.read),
    "gogocarto": {JSON: gogocarto.read_json, NDJSON: gogocarto.read_ndjson},
    "le-marche": {JSON: inclusion.read_le_marche_json, NDJSON: inclusion.read_le_marche_ndjson},
    "recherche-entreprises": {JSON: sirene.read_json, NDJSON: sirene.read_ndjson},
    "spreadsheet": _table_readers(spreadsheet.read),
}


OWN = frozenset({"spreadsheet", "vivier"})
"""Formats written for us, whose faults are told; of others' files, an address is taken as it is."""
ADDING = frozenset({"conventions", "decp", "directory", "ess-france", "rna"})
"""Formats whose rows make no supplier: they add to those that others make, by SIRET or by what `Row.joins` says."""

BY_FILE_ALONE = frozenset({"directory", "emplois", "esat", "ess-france", "geiq", "rna", "sirene"})
"""Formats of the pool whose rows say the same on any day, whatever the mapping of their source."""
BY_FILE_AND_DAY = frozenset({"decp"})
"""Those whose rows say the same on one day."""


def read_rows(name: str, stream: BinaryIO, media_type: str, context: Context) -> Iterator[Row | RowError]:
    """Yield every row of a file of format `name`, as a checked record or an error; blank lines are skipped.

    Lazy: the file is read as rows are asked for, in bounded memory. Raises, at the first row or later, KeyError for an
    unknown format or media type and UnreadableFile where the file cannot be read by rows at all.
    """
    for row in FORMATS[name][media_type](stream, context):
        if not isinstance(row, Row):
            yield row
            continue
        known = context.territories, context.taxonomy, context.cpv
        record, flags, problems = check(row.record, *known, is_own=name in OWN)
        if problems:
            yield reject(row.line, row.external_id, problems, context.language)
            continue
        checked = row if record is row.record else row._replace(record=record, flags=row.flags + flags)
        yield checked._replace(joins=row.joins or record.siret) if name in ADDING else checked
