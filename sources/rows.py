"""What every reader of a source's file yields: rows, and rejects that say where and why."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from domain.errors import InvalidContent, Problem
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.suppliers.record_check import check_record
from domain.suppliers.rows import Reject, Row, reject
from domain.suppliers.source import Mapping
from domain.text.bilingual import Language, Text


@dataclass(frozen=True)
class Context:
    """What a reader may look up, what the source's owner said of its fields, and the language of the rejects."""

    territories: Territories
    taxonomy: Taxonomy
    cpv: Cpv
    mapping: Mapping = field(default_factory=Mapping)
    language: Language = "fr"


Reader = Callable[[BinaryIO, Context], Iterator[Row | Reject]]


class UnreadableFile(InvalidContent):
    """A file that cannot be read row by row at all: a wrong header, an encoding, an array that never ends."""


def unreadable(code: str, detail: Text, pointer: str = "") -> UnreadableFile:
    """The error for a file with one fault."""
    return UnreadableFile((Problem(pointer, code, detail),))


def checked(rows: Iterable[Row | Reject], context: Context) -> Iterator[Row | Reject]:
    """The same rows, those whose content `check_record` faults turned into rejects."""
    for row in rows:
        if isinstance(row, Row):
            problems = check_record(row.record, context.territories, context.taxonomy, context.cpv)
            yield reject(row.line, row.external_id, problems, context.language) if problems else row
        else:
            yield row
