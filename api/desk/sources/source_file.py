"""A file that an integrator chooses: how it is encoded, which format reads it, which columns have faults."""

import re
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from itertools import islice
from typing import NamedTuple

from api.desk.frame.words import SAID
from domain.errors import InvalidContent, Problem
from domain.suppliers.source import Row, RowError, SourceMapping
from domain.text.bilingual import Language, Text
from matching.reference import Reference
from sources.file_types.workbook import SIGNATURE, bytes_inside, first_sheet
from sources.formats.registry import CSV, FORMATS, JSON, NDJSON, read_rows
from sources.formats.spreadsheet import ACTIVITIES, TITLES, Titles, titles_in
from sources.formats.vivier_columns import COLUMNS
from sources.rows import Context, UnreadableFile


class ShownReject(NamedTuple):
    """A rejected row as a table shows it. `column`: where the first fault is; empty: the whole row."""

    line: int
    record: str | None
    column: str
    detail: str


_POINTER = re.compile(r"(?:(?<=et aussi )|(?<=also )|(?<=; ))/[a-z0-9_/]+(?=( :|:) )")
"""A place in a record that stands within the words on a fault, before those on another one."""


def column_words(format_: str, titles: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """A function that gives the column of a table that a pointer into a record leads to.

    `titles`: of the table's own columns, where they are known; else the usual ones.
    """

    def column(pointer: str) -> str:
        path = tuple(int(step) if step.isdecimal() else step for step in pointer.split("/")[1:])
        inner = ("offers", 0, *path[2:]) if path[:1] == ("offers",) else path
        found = next((name for name, each in COLUMNS.items() if inner[: len(each.path)] == each.path), None)
        if format_ != "spreadsheet":
            return found or ".".join(map(str, path))
        name = ACTIVITIES if found == "segments" else found or ".".join(map(str, path))
        usual = TITLES[name].title if name in TITLES else name
        return (titles or {}).get(name, usual)

    return column


def in_columns(detail: str, column: Callable[[str], str]) -> str:
    """The words on a fault, with the columns of other faults for their pointers."""
    return _POINTER.sub(lambda found: f"« {column(found[0])} »", detail)


def shown_rejects(rejects: Sequence[RowError], column: Callable[[str], str]) -> list[ShownReject]:
    """The rejected rows as a table shows them."""
    return [
        ShownReject(each.line, each.external_id, column(each.pointer), in_columns(each.detail, column))
        for each in rejects
    ]


ROWS_TRIED = 20
LARGE = 1 << 20
MEDIA_TYPES = {".csv": CSV, ".tsv": CSV, ".txt": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".geojson": JSON}
OLD_WORKBOOKS = b"\xd0\xcf\x11\xe0"
SPREADSHEET = "spreadsheet"
GZIP = b"\x1f\x8b"


class ReadAs(NamedTuple):
    """The layout of a file, the media type that it is read as, and its bytes as that.

    `sheet`: of a workbook, the one that is read; `others`: those that are not. `titles`: of the columns of a network's
    table, with those that are not read.
    """

    format: str
    media_type: str
    content: bytes
    sheet: str | None = None
    others: tuple[str, ...] = ()
    titles: Titles | None = None

    @property
    def columns(self) -> Callable[[str], str]:
        """The columns that pointers into records lead to, in the words of the table's own titles where it has some."""
        return column_words(self.format, self.titles.read if self.titles else None)


def is_large(_: Reference, content: bytes) -> bool:
    """Whether a file, uncompressed, takes more than some seconds to be read."""
    return (bytes_inside(content) if content.startswith(SIGNATURE) else len(content)) > LARGE


def read_as(
    reference: Reference, name: str, content: bytes, wanted: str, mapping: SourceMapping, language: Language
) -> ReadAs:
    """The file in the wanted format; without one, in the format that reads most of the first rows.

    `vivier` where others do no better, and `spreadsheet` where no other can read it. Raises InvalidContent for a file
    that none can read, or that the wanted one cannot.
    """
    sheet, others = None, tuple[str, ...]()
    if content.startswith(SIGNATURE):
        content, sheet, others = first_sheet(content)
    media_type = CSV if sheet is not None else _media_type(name, content)
    candidates = [wanted] if wanted in FORMATS else list(FORMATS)
    fitting = [each for each in candidates if media_type in FORMATS[each]]
    if not fitting:
        raise _wrong("wrong_media_type", SAID["not_so_encoded"])
    context = Context(reference.territories, reference.taxonomy, reference.cpv, mapping, language)
    found = fitting[0] if len(fitting) == 1 else _best(fitting, content, media_type, context)
    titles = titles_in(BytesIO(content), mapping.fields) if found == SPREADSHEET else None
    return ReadAs(found, media_type, content, sheet, others, titles)


def _best(fitting: list[str], content: bytes, media_type: str, context: Context) -> str:
    """The format that reads most of the first rows."""
    read = {each: _rows_read(each, content, media_type, context) for each in fitting if each != SPREADSHEET}
    if media_type == CSV and read.get("vivier", -1) >= 0:
        return "vivier"  # no other has its titles, however few of its rows are without faults
    best = max(read, key=lambda each: read[each])
    if read[best] >= 0 or SPREADSHEET not in fitting:
        return best
    # of a file that none reads, our own format says the most
    return SPREADSHEET if _rows_read(SPREADSHEET, content, media_type, context) >= 0 else best


def _rows_read(name: str, content: bytes, media_type: str, context: Context) -> int:
    """The number of the first rows that a format reads as records."""
    try:
        return sum(
            isinstance(row, Row) for row in islice(read_rows(name, BytesIO(content), media_type, context), ROWS_TRIED)
        )
    except UnreadableFile:
        return -1


def _media_type(name: str, content: bytes) -> str:
    """The media type by the name of the file, else by how it begins. Raises InvalidContent for what is no text."""
    if not content.strip():
        raise _wrong("empty", SAID["empty"])
    if content.startswith(OLD_WORKBOOKS):
        raise _wrong("workbook", SAID["old_workbook"])
    if content.startswith(GZIP):
        raise _wrong("compressed", SAID["compressed"])
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if suffix in MEDIA_TYPES:
        return MEDIA_TYPES[suffix]
    beginning = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return JSON if beginning == b"[" or suffix == ".json" else NDJSON if beginning == b"{" else CSV


def _wrong(code: str, detail: Text) -> InvalidContent:
    return InvalidContent((Problem("", code, detail),))
