"""A CSV file as it is published (plain, gzip, or zip of one or more), as one stream of UTF-8 through a named pipe.

DuckDB reads no zip and no Windows-1252. Through a pipe nothing is unpacked to the disk: the establishments of Sirene
are 9 GB unpacked.

Rows are counted on their way, and those with a quotation mark that nothing closes left out. A reader of CSV takes such
a mark, in a cell's first place, for the beginning of a cell of many lines: all rows as far as the next mark would be
lost in it.
"""

import csv
import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, cast

from sources.file_types.csv_cells import lines_in_utf8
from sources.pool.manifest import Layout

_LONGEST_CELL = 100
"""Lines that a cell may have."""


class CsvRows:
    """A filter for chunks of CSV lines (UTF-8), which drops rows with a quotation mark that nothing closes.

    `rows`: the number of all rows so far, without blank lines; `unclosed`: the number of rows dropped.
    """

    def __init__(self, delimiter: str) -> None:
        self.rows = self.unclosed = 0
        mark = re.escape(delimiter).encode()
        self._closed = re.compile(rb'(?:^|(?<=%b))"(?:[^"]|"")*"(?=%b|$)' % (mark, mark))
        self._opening = re.compile(rb'(?:^|%b)"' % mark)
        self._end = re.compile(rb'(?:[^"]|"")*"(?!")')
        self._after_cell = (b"", delimiter.encode())
        self._held: list[bytes] = []

    def take(self, lines: bytes, *, is_last: bool = False) -> bytes:
        """Filter a chunk of lines; rows that do not end in it wait for the next chunk, if it is not the last."""
        given = lines.split(b"\n")[:-1]
        if not self._held and not any(map(_has_odd_marks, given)):
            self.rows += sum(map(bool, given))
            return lines
        pending, start = self._held + given, 0
        passed: list[bytes] = []
        self._held = []
        while start < len(pending):
            end = self._row_end(pending, start)
            if end is None and not is_last and len(pending) - start < _LONGEST_CELL:
                self._held = pending[start:]
                break
            passed += pending[start:end] if end else ()
            self.unclosed += not end
            self.rows += pending[start] != b""
            start = end or start + 1
        return b"".join(line + b"\n" for line in passed)

    def _row_end(self, lines: list[bytes], start: int) -> int | None:
        """The position after the row that begins at `start`; 0 for a misplaced mark, None where no line closes it."""
        if not _has_odd_marks(lines[start]) or not self._opens(lines[start]):
            return start + 1
        for after, line in enumerate(lines[start + 1 : start + _LONGEST_CELL], start + 2):
            if found := self._end.match(line):
                rest = line[found.end() :]
                if rest[:1] not in self._after_cell:
                    return 0
                if not self._opens(rest):
                    return after
        return None

    def _opens(self, line: bytes) -> bool:
        """Whether a quoted cell opens in the line and continues in the next line."""
        return self._opening.search(self._closed.sub(b"", line)) is not None


def _has_odd_marks(line: bytes) -> bool:
    """Whether a line has an odd number of quotation marks, so that it may not be a whole row."""
    return line.count(b'"') % 2 == 1


_CHUNK = 1024 * 1024
_DELIMITERS = ",;\t"
# encrypted archives are RuntimeErrors
_FAULTS = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
_PATIENCE_SECONDS = 0.01
_MARK = b"\xef\xbb\xbf"


class UnusableFile(Exception):
    """Raised for a file that the pool cannot be built from; the message names the file."""


class CsvPipe:
    """A named pipe at `path`, from which the CSV file `source` can be read once, as UTF-8.

    `layout`: the columns of a file that begins as it says, for it has no header. `passed`: its rows on their way.
    Raises UnusableFile where the file cannot be opened, has no header, or names a column twice in it.
    """

    def __init__(self, source: Path, path: Path, layout: Layout | None = None) -> None:
        self.source, self.path = source, path
        self.fault: str | None = None
        self._first = self._header = self._first_line()
        if layout is not None and self._first.startswith(layout.begins.encode()):
            self._header = ";".join(layout.columns).encode()
        self._stopped = False
        self._raw: IO[bytes] | None = None
        text = lines_in_utf8(self._header).decode()
        self.delimiter = max(_DELIMITERS, key=text.count)
        try:
            self.columns = tuple(next(csv.reader([text], delimiter=self.delimiter), ()))
        except csv.Error as error:
            raise UnusableFile(f"cannot read {source}: its first line is no header: {error}") from None
        if len(set(self.columns)) < len(self.columns):
            raise UnusableFile(f"{source} names a column twice")
        self.passed = CsvRows(self.delimiter)
        os.mkfifo(path)
        self._thread = Thread(target=self._feed, daemon=True, name=f"feeds {path.name}")
        self._thread.start()

    def progress(self) -> float | None:
        """The fraction of the file that was read so far; None before the reading and after it."""
        raw = self._raw
        try:
            return None if raw is None else raw.tell() / max(1, self.source.stat().st_size)
        except ValueError:  # closed between the two looks
            return None

    def close(self) -> None:
        """End the thread that feeds the pipe, also where nobody read to the end."""
        self._stopped = True
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            # the feeder may wait for a reader, or for room in the pipe, and then sees that it is to stop
            while self._thread.is_alive():
                with suppress(BlockingIOError):
                    os.read(reader, _CHUNK)
                self._thread.join(_PATIENCE_SECONDS)
        finally:
            os.close(reader)

    def _first_line(self) -> bytes:
        try:
            with self.source.open("rb") as raw:
                for _, table in _tables(raw, self.source):
                    if header := table.readline().removeprefix(_MARK).strip():
                        return header
        except _FAULTS as error:
            raise UnusableFile(f"cannot read {self.source}: {_reason_of(error)}") from None
        raise UnusableFile(f"{self.source} has no header line")

    def _feed(self) -> None:
        """Write the file to the pipe; note a fault before the pipe ends, else its reader takes a part for the whole."""
        with suppress(BrokenPipeError), self.path.open("wb") as pipe:
            try:
                self._write_tables(pipe)
            except BrokenPipeError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not pass for the end of the file
                self.fault = f"cannot read {self.source}: {_reason_of(error)}"
        self._raw = None

    def _write_tables(self, pipe: IO[bytes]) -> None:
        """Write all tables of the file to the pipe as UTF-8, with one header."""
        with self.source.open("rb") as self._raw:
            pipe.write(lines_in_utf8(self._header) + b"\n")
            for name, table in _tables(self._raw, self.source):
                if table.readline().removeprefix(_MARK).strip() != self._first:
                    raise UnusableFile(f"{name} has another header than the table before it")
                while not self._stopped and (chunk := table.read(_CHUNK) + table.readline()):
                    # one kind of line end in the whole stream, and one at its end
                    lines = lines_in_utf8(chunk if chunk.endswith(b"\n") else chunk + b"\n").replace(b"\r\n", b"\n")
                    pipe.write(self.passed.take(lines))
                pipe.write(self.passed.take(b"", is_last=True))


def _tables(raw: IO[bytes], source: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and the unpacked bytes of each CSV table in a file: plain, gzip, or zip."""
    packed = source.suffix.lower()
    if packed == ".gz":
        with gzip.open(raw) as unpacked:
            yield source.name, cast("IO[bytes]", unpacked)
    elif packed == ".zip":
        with zipfile.ZipFile(raw) as archive:
            for name in sorted(archive.namelist()):
                # macOS notes something of each table beside it
                if name.lower().endswith((".csv", ".txt")) and not name.startswith("__MACOSX/"):
                    with archive.open(name) as table:
                        yield name, table
    else:
        yield source.name, raw


def _reason_of(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or "it ends too early"
