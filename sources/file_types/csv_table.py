"""CSV files of any size read row by row, as they are published, and made into records; in bounded memory."""

import csv
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from typing import BinaryIO, NamedTuple

from domain.errors import InvalidContent, Problem, null_character_problem, pointer
from domain.suppliers.source import Row, RowError, reject
from domain.text.bilingual import Text, said_by
from domain.text.normalise import fold
from sources.file_types.csv_cells import windows_1252_text
from sources.rows import TOO_LONG, Context, Document, Line, UnreadableFile, lines, row_of, unreadable

_SAID = said_by(__name__)

_LONGEST_ROW = 1024 * 1024
_MOST_ROWS_ABOVE = 20
"""Rows that may stand above the header of a table that people read: its title, its date."""
MOST_COLUMNS = 1_000
"""The widest published files have a tenth of it; each column that is not known is compared with those that are."""
_DELIMITERS = ",;\t"
_NAMED_DELIMITER = re.compile(rf'"?sep=([{_DELIMITERS}])"?\s*', re.IGNORECASE)
"""The first line of a table that names its delimiter, for spreadsheets."""


class Cells(NamedTuple):
    """A row of a table: the line where it starts (the header is a line too) and its cells by column."""

    line: int
    cells: dict[str, str]


class FaultyRow(NamedTuple):
    """A row that cannot be split into cells: the line where it starts and what is wrong."""

    line: int
    problem: Problem


RowAsWritten = tuple[int, list[str]]
_Read = RowAsWritten | FaultyRow


@dataclass(frozen=True)
class Table:
    """A CSV table: the columns in the header's order, and the rows, which are read lazily."""

    columns: tuple[str, ...]
    rows: Iterator[Cells | FaultyRow]


def read_table(
    stream: BinaryIO,
    *,
    required: Sequence[str] = (),
    also: Iterable[str] = (),
    is_header: Callable[[Sequence[str]], bool] | None = None,
) -> Table:
    """Read the header of a CSV file, and lazily the rows after it. Blank lines count as lines but are no rows.

    It may have commas, semicolons or tabs (also named by a first line `sep=;`), be in Windows-1252 where it is not
    UTF-8, line by line, have empty rows and columns, and columns without a title, which are called by their places. A
    quote that is never closed costs one row: reading goes on with the line after it. Columns that are `required` and
    `also` known have these names, whatever their case and accents. `is_header`: of a table with others above its
    header, which row that is, the first where none is. Raises UnreadableFile for an empty file, a header that cannot be
    read, names a column twice, lacks one that is `required`, or has more than `MOST_COLUMNS`.
    """
    rows = rows_as_written(stream, is_header=is_header)
    try:
        header = next(rows, None)
        if is_header is not None:
            header, rows = _header_and_rows(header, rows, is_header)
    except _TooLong:
        raise unreadable(TOO_LONG.code, TOO_LONG.detail) from None
    return table_below(header, rows, required, also)


def table_below(
    header: _Read | None, rows: Iterator[_Read], required: Sequence[str] = (), also: Iterable[str] = ()
) -> Table:
    """The table of a header and the rows after it; raises UnreadableFile as `read_table` does."""
    if header is None:
        raise unreadable("empty_file", _SAID["empty"])
    if isinstance(header, FaultyRow):
        code, detail = header.problem.code, header.problem.detail
        raise unreadable(code, _SAID[code] if code == "null_character" else detail)
    titles = enumerate(_without_empty_end(header[1]), start=1)
    columns = tuple(title.strip() or f"({place})" for place, title in titles)
    names = {fold(name): name for name in (*also, *required) if name not in columns}
    columns = tuple(names.get(fold(column), column) for column in columns)
    if len(columns) > MOST_COLUMNS:
        raise unreadable("too_many_columns", _SAID["too_many_columns"].filled(most=MOST_COLUMNS))
    for column in columns:
        if columns.count(column) > 1:
            detail = Text(f"La colonne « {column} » est donnée deux fois", f"The column “{column}” is given twice")
            raise unreadable("duplicate_column", detail)
    table = Table(columns, (_cells_by_column(row, columns) for row in rows))
    if missing := tuple(missing_columns(table, required)):
        raise UnreadableFile(missing, columns)
    return table


def rows_as_written(
    stream: BinaryIO, *, is_header: Callable[[Sequence[str]], bool] | None = None
) -> Iterator[RowAsWritten | FaultyRow]:
    """Yield the line and cells of each non-blank row, header included, or a FaultyRow. Options: see `read_table`."""
    feed = _Feed(stream)
    feed.find_delimiter(is_header)
    reader = csv.reader(feed, strict=True, delimiter=feed.delimiter)
    while True:
        feed.start_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            yield FaultyRow(feed.taken[0].number, _problem_of_row(error, feed))
            feed.give_back()
            reader = csv.reader(feed, strict=True, delimiter=feed.delimiter)
            continue
        line = feed.taken[0].number
        if feed.unusable is not None:
            yield FaultyRow(line, feed.unusable)
        elif any(map(str.strip, cells)):
            yield line, cells


def _header_and_rows(
    first: _Read | None, rows: Iterator[_Read], is_header: Callable[[Sequence[str]], bool]
) -> tuple[_Read | None, Iterator[_Read]]:
    """The header, which is the first of some 20 rows that `is_header` accepts, else `first`, and the rows after it."""
    above: list[_Read] = [] if first is None else [first]
    while above and len(above) <= _MOST_ROWS_ABOVE:
        latest = above[-1]
        if not isinstance(latest, FaultyRow) and is_header(latest[1]):
            return latest, rows
        following = next(rows, None)
        if following is None:
            break
        above.append(following)
    return first, chain(above[1:], rows)


class _TooLong(Exception):
    """Raised for a row of more than `_LONGEST_ROW` bytes."""


class _Feed:
    """Gives lines to the CSV reader, and can give those of the row being read (`taken`) a second time.

    `unusable`: why a line of that row is refused, whatever its cells.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.delimiter = ","
        self.taken: list[Line] = []
        self.unusable: Problem | None = None
        self._lines = lines(stream, _LONGEST_ROW)
        self._again: deque[Line] = deque()
        self._size = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        data = line.data
        self._size += len(data or b"")
        if data is None or self._size > _LONGEST_ROW:
            raise _TooLong
        if b"\0" in data:
            self.unusable = self.unusable or null_character_problem("")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return windows_1252_text(data)

    def find_delimiter(self, is_header: Callable[[Sequence[str]], bool] | None = None) -> None:
        """Set `delimiter` to the one that a first line `sep=;` names, else to the most frequent in the header.

        `is_header`: which row that is, with the delimiter that makes it so; the first lines where none is.
        """
        header = next(self, "")
        if named := _NAMED_DELIMITER.fullmatch(header):
            self.delimiter = named[1]
            self.start_row()
            return
        while header and not header.strip():
            header = next(self, "")
        counted = Counter(header)
        for _ in range(_MOST_ROWS_ABOVE if is_header else 0):
            fitting = [each for each in _DELIMITERS if is_header and is_header(header.rstrip("\r\n").split(each))]
            if fitting or not header:
                counted = Counter(fitting[:1]) or counted
                break
            self._size = 0
            header = next(self, "")
            counted.update(header)
        self.delimiter = max(_DELIMITERS, key=counted.__getitem__)
        self._again.extend(self.taken)
        self.start_row()

    def start_row(self) -> None:
        """Forget the lines and the fault of the row before."""
        self.taken.clear()
        self._size, self.unusable = 0, None

    def give_back(self) -> None:
        """Put back all lines of the present row but its first, to be read again."""
        self._again.extendleft(reversed(self.taken[1:]))


def _problem_of_row(error: Exception, feed: _Feed) -> Problem:
    if isinstance(error, _TooLong) and len(feed.taken) == 1:
        return TOO_LONG
    if "field larger" in str(error) and len(feed.taken) == 1:
        return Problem("", "line_too_long", _SAID["long_cell"])
    if "new-line character" in str(error):
        return Problem("", "malformed_csv", _SAID["bare_return"])
    return Problem("", "malformed_csv", _SAID["quotes"])


def _without_empty_end(cells: list[str]) -> list[str]:
    """The cells up to the last one that is not blank."""
    last = next((position for position in reversed(range(len(cells))) if cells[position].strip()), -1)
    return cells[: last + 1]


def _cells_by_column(row: _Read, columns: tuple[str, ...]) -> Cells | FaultyRow:
    if isinstance(row, FaultyRow):
        return row
    line, cells = row
    if len(cells) > len(columns):
        cells = cells[: len(columns)] + _without_empty_end(cells[len(columns) :])
    if len(cells) == len(columns):
        return Cells(line, dict(zip(columns, cells, strict=True)))
    detail = _SAID["other_number_of_cells"].filled(columns=len(columns), cells=len(cells))
    return FaultyRow(line, Problem("", "cell_count", detail))


Identify = Callable[[dict[str, str]], str | None]
ToDocument = Callable[[dict[str, str]], Document]


def missing_columns(table: Table, required: Sequence[str]) -> Iterator[Problem]:
    """A problem for each of the required columns that the header does not name."""
    for column in required:
        if column not in table.columns:
            detail = Text(f"La colonne « {column} » est obligatoire", f"The column “{column}” is required")
            yield Problem(pointer(column), "missing_column", detail)


def unknown_columns(table: Table, allowed: Sequence[str]) -> Iterator[Problem]:
    """A problem for each column of the header that is not among `allowed`, with a guess at what was meant."""
    for column in table.columns:
        if column in allowed:
            continue
        shown, spelt = column[:80], column.strip().lower()
        fr, en = f"Colonne inconnue : « {shown} »", f"Unknown column: “{shown}”"
        near = [name for name in allowed if name.endswith("." + spelt)] or get_close_matches(spelt, allowed, n=1)
        if near:
            fr, en = f"{fr} ; vouliez-vous dire « {near[0]} » ?", f"{en}; did you mean “{near[0]}”?"
        yield Problem(pointer(column), "unknown_column", Text(fr, en))


def rows_of(
    table: Table, context: Context, id_of: Identify, to_document: ToDocument, joins_of: Identify | None = None
) -> Iterator[Row | RowError]:
    """Yield a record or a reject of each row of a table: `to_document` makes the record of its cells, `id_of` its id.

    `joins_of`: the SIRET or SIREN of the suppliers that a row adds to, where its record has none.
    """
    for row in table.rows:
        if isinstance(row, FaultyRow):
            yield reject(row.line, None, (row.problem,), context.language)
            continue
        external_id = None
        try:
            external_id = id_of(row.cells)
            made = row_of(row.line, external_id, to_document(row.cells), context)
            if joins_of is not None and isinstance(made, Row):
                made = made._replace(joins=joins_of(row.cells))
        except InvalidContent as invalid:
            made = reject(row.line, external_id, invalid.problems, context.language)
        yield made
