"""What every reader of a source's file yields: rows, and rejects that say where and why."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from domain.errors import InvalidContent, Problem
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.suppliers.record_check import check_record
from domain.suppliers.source import Mapping
from domain.suppliers.supplier import Flag, SupplierRecord
from domain.text.bilingual import Language, Text

_SHOWN = 5


class Row(NamedTuple):
    """One record of a file. `line`: where it starts, from 1 (a CSV header is a line too).

    `flags`: what the file says of the supplier and the record cannot hold, such as a category that means no segment.
    """

    line: int
    external_id: str
    record: SupplierRecord
    flags: tuple[Flag, ...] = ()


class Reject(NamedTuple):
    """One row that cannot be taken: the line where it starts, its id if that could be read, and what is wrong where.

    `pointer` is a JSON pointer into the record, also where the row came as CSV.
    """

    line: int
    external_id: str | None
    pointer: str
    code: str
    detail: str


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


def reject(line: int, external_id: str | None, problems: tuple[Problem, ...], language: Language) -> Reject:
    """One reject for all the problems of a row: the first one's place and code, then what else is wrong."""
    first, *others = problems
    also = [f"{other.pointer} : {other.detail.to(language)}" for other in others[:_SHOWN]]
    if len(others) > _SHOWN:
        also.append(f"+{len(others) - _SHOWN}")
    detail = first.detail.to(language)
    if also:
        detail += Text(" ; et aussi ", "; also ").to(language) + " ; ".join(also)
    return Reject(line, external_id, first.pointer, first.code, detail)


def checked(rows: Iterable[Row | Reject], context: Context) -> Iterator[Row | Reject]:
    """The same rows, those whose content `check_record` faults turned into rejects."""
    for row in rows:
        if isinstance(row, Row):
            problems = check_record(row.record, context.territories, context.taxonomy, context.cpv)
            yield reject(row.line, row.external_id, problems, context.language) if problems else row
        else:
            yield row
