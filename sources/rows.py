"""The lines of a file, which the readers of all formats take, and the rows and errors that they make.

A line is read in bounded memory, of a file of any size. A row is made from a document with the fields of a record.
Every reader yields rows, and for each row that cannot be taken an error that says where and why.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import Annotated, Any, BinaryIO, NamedTuple

import msgspec

from domain.decoding.requests import explain
from domain.errors import InvalidContent, Problem
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.suppliers.source import LONGEST_EXTERNAL_ID, Row, RowError, SourceMapping, reject
from domain.suppliers.supplier import Flag, SupplierRecord
from domain.text.bilingual import Language, Text, said_by
from domain.text.normalise import fold

_SAID = said_by(__name__)
_NAMELESS = Problem("/name", "missing_field", _SAID["nameless"])

Document = dict[str, Any]

_DAY = len("2026-11-24")
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
    """A row of a bulk import: a supplier record with its `external_id`."""

    external_id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_EXTERNAL_ID)]
    """The record's identifier in the source, each once in an import"""

    def row(self, line: int, flags: tuple[Flag, ...] = ()) -> Row:
        """The row for this record, which stands on `line` of its file."""
        return Row(line, self.external_id, SupplierRecord(*_record_fields(self)), flags)


class UnreadableFile(InvalidContent):
    """Raised for a file that cannot be read row by row at all: wrong header or encoding, an array that never ends.

    `columns`: those of a table that has not those of its format.
    """

    def __init__(self, problems: tuple[Problem, ...], columns: Sequence[str] = ()) -> None:
        super().__init__(problems)
        self.columns = columns


def unreadable(code: str, detail: Text) -> UnreadableFile:
    """The error to raise for a file with one problem."""
    return UnreadableFile((Problem("", code, detail),))


def row_of(
    line: int, external_id: str | None, document: Document, context: Context, flags: tuple[Flag, ...] = ()
) -> Row | RowError:
    """Convert the document of a record, with `flags` and `problems` of cells that it lacks, to a row or an error."""
    flags += document.pop("flags", ())
    problems = tuple(document.pop("problems", ()))
    if "name" not in document:
        problems += () if "/name" in {each.pointer for each in problems} else (_NAMELESS,)
        document = document | {"name": "?"}
    try:
        if external_id and len(external_id) <= LONGEST_EXTERNAL_ID and "external_id" not in document:
            return Row(line, external_id, msgspec.convert(document, SupplierRecord), flags, problems=problems)
        identified = document if external_id is None else document | {"external_id": external_id}
        return msgspec.convert(identified, RecordRow).row(line, flags)._replace(problems=problems)
    except msgspec.ValidationError as error:
        own, told = explain(error, RecordRow), {each.pointer for each in problems}
        return reject(line, external_id, problems if own.pointer in told else (*problems, own), context.language)


def unmapped_flag(identity: str, name: str = "") -> Flag:
    """The flag for a category of the source that stands for no segment, by its id, its name, or both."""
    return Flag("unmapped_category", f"{identity} {name}".strip())


def parts_of_category(flagged: str) -> tuple[str, str]:
    """The id and the name of a category as it is flagged; the name is "" where one text is all that is known of it."""
    identity, _, name = flagged.partition(" ")
    is_number = any(map(str.isdigit, identity))
    return (identity, name) if is_number or fold(identity) == fold(name) else (flagged, "")


def mapped_segments(mapping: SourceMapping, identity: str, name: str = "") -> Sequence[str] | None:
    """The segments that a source's mapping gives a category, by its id, its name, or as it is flagged; else None."""
    known = mapping.categories
    return known.get(identity, known.get(name, known.get(unmapped_flag(identity, name).detail)))


def day_of(written: str) -> date | None:
    """The day at the beginning of a text (2026-11-24, a time may follow); None where there is none."""
    try:
        return date.fromisoformat(written.strip()[:_DAY])
    except ValueError:
        return None


def number_or_none(written: str) -> float | None:
    """The number that a text writes, as French tables do too (“84 000,50 €”); None for any other text."""
    try:
        return float("".join(written.split()).removesuffix("€").replace(",", ".")) if written else None
    except ValueError:
        return None


LONGEST = 4 * 1024 * 1024  # a record with 10,000 vertices takes a tenth of it
_BOM = b"\xef\xbb\xbf"
MOST_BLANK = 1 << 20  # lines: as many as a sheet has rows, and ten for each other line
UTF_16, NO_TEXT = (b"\xff\xfe", b"\xfe\xff"), (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF")

NOT_UTF8 = Problem("", "not_utf8", Text("Ce texte n'est pas en UTF-8", "This text is not UTF-8"))
TOO_LONG = Problem("", "line_too_long", Text("Cette ligne est trop longue", "This line is too long"))


class Line(NamedTuple):
    """A line of a file, with its line end and its number from 1; `data` is None for one over the length limit."""

    number: int
    data: bytes | None


def lines(stream: BinaryIO, longest: int = LONGEST) -> Iterator[Line]:
    """Yield the lines of a file, without a byte order mark, with at most `longest` bytes in memory at a time.

    Raises UnreadableFile for UTF-16, which some spreadsheets write, and for a file of hardly anything but blank lines.
    """
    number, spare = 0, MOST_BLANK
    while data := stream.readline(longest + 1):
        number += 1
        if number == 1:
            data = without_mark(data)
        spare += 10 if data.strip(b" \t\r\n,;") else -1
        if spare < 0:  # compressed, such a file is next to nothing
            raise unreadable("too_many_blank_lines", _SAID["blank"])
        is_whole = len(data) <= longest or data.endswith(b"\n")
        yield Line(number, data if is_whole else None)
        while not is_whole:
            is_whole = (data := stream.readline(io.DEFAULT_BUFFER_SIZE)).endswith(b"\n") or not data


def without_mark(start: bytes) -> bytes:
    """The start of a file without its byte order mark; raises UnreadableFile for UTF-16, and for what is no text."""
    if start.startswith(UTF_16):
        raise unreadable("not_utf8", _SAID["utf_16"])
    if start.startswith(NO_TEXT):
        raise unreadable("not_text", _SAID["no_text"])
    return start.removeprefix(_BOM)
