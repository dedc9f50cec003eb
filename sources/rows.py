"""Rows as the readers of all formats make them: from a document with the fields of a record, or a fault with its place.

Every reader yields rows, and for each row that cannot be taken an error that says where and why.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import Annotated, Any, BinaryIO

import msgspec

from domain.decoding.explain import explain
from domain.errors import InvalidContent, Problem
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.suppliers.rows import LONGEST_EXTERNAL_ID, Row, RowError, reject
from domain.suppliers.source import SourceMapping
from domain.suppliers.supplier import Flag, SupplierRecord
from domain.text.bilingual import Language, Text

Document = dict[str, Any]

_record_fields = attrgetter(*SupplierRecord.__struct_fields__)


@dataclass(frozen=True)
class Context:
    """The reference data that a reader looks up, the mapping set on the source, and the language of the errors.

    `source`: its name, for what its records say of themselves; `today`: the day of the import; None: no day is known.
    """

    territories: Territories
    taxonomy: Taxonomy
    cpv: Cpv
    mapping: SourceMapping = field(default_factory=SourceMapping)
    language: Language = "fr"
    source: str | None = None
    today: date | None = None


Reader = Callable[[BinaryIO, Context], Iterator[Row | RowError]]


class RecordRow(SupplierRecord, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A record as a bulk import sends it."""

    external_id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_EXTERNAL_ID)]
    """The record's identifier in the source, each once in an import"""

    def row(self, line: int, flags: tuple[Flag, ...] = ()) -> Row:
        """The row of a file that holds this record on `line`."""
        return Row(line, self.external_id, SupplierRecord(*_record_fields(self)), flags)


class UnreadableFile(InvalidContent):
    """A file that cannot be read row by row at all: a wrong header, an encoding, an array that never ends."""


def unreadable(code: str, detail: Text, pointer: str = "") -> UnreadableFile:
    """The error for a file with one fault."""
    return UnreadableFile((Problem(pointer, code, detail),))


def row_of(
    line: int, external_id: str | None, document: Document, context: Context, flags: tuple[Flag, ...] = ()
) -> Row | RowError:
    """The row that `document`, with the fields of a record, makes; an error where it lacks one or has a wrong one."""
    try:
        if external_id and len(external_id) <= LONGEST_EXTERNAL_ID and "external_id" not in document:
            return Row(line, external_id, msgspec.convert(document, SupplierRecord), flags)
        identified = document if external_id is None else document | {"external_id": external_id}
        return msgspec.convert(identified, RecordRow).row(line, flags)
    except msgspec.ValidationError as error:
        return reject(line, external_id, (explain(error, RecordRow),), context.language)
