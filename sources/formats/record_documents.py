"""From what a source says to a row: the step that the readers of all foreign formats share."""

from typing import Any

import msgspec

from domain.decoding.explain import explain
from domain.suppliers.rows import Reject, Row, reject
from domain.suppliers.supplier import Flag
from sources.formats.vivier import RecordRow, record_of
from sources.rows import Context

Document = dict[str, Any]


def row_of(
    line: int, external_id: str | None, document: Document, context: Context, flags: tuple[Flag, ...] = ()
) -> Row | Reject:
    """The row that `document`, with the fields of a record, makes; a reject where it lacks one or has a wrong one."""
    identified = document if external_id is None else document | {"external_id": external_id}
    try:
        row = msgspec.convert(identified, RecordRow)
    except msgspec.ValidationError as error:
        return reject(line, external_id, (explain(error, RecordRow),), context.language)
    return Row(line, row.external_id, record_of(row), flags)
