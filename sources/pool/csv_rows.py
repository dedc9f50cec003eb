"""Rows of a CSV table counted on their way, and rows with a quotation mark that nothing closes left out.

A reader of CSV takes such a mark, in a cell's first place, for the beginning of a cell of many lines: all rows as far
as the next mark would be lost in it.
"""

import re

_LONGEST_CELL = 100
"""Lines that a cell may have."""


class CsvRows:
    """Whole lines of UTF-8, ended by line feeds, given and handed on in chunks.

    `rows`: those of all that was handed on or left out, blank lines not among them; `unclosed`: those left out.
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
        """The rows that end in these lines, with what was held back before; `is_last`: no more will come."""
        given = lines.split(b"\n")[:-1]
        if not self._held and not any(map(_has_odd_marks, given)):
            self.rows += sum(map(bool, given))
            return lines
        pending, place = self._held + given, 0
        passed: list[bytes] = []
        self._held = []
        while place < len(pending):
            end = self._row_end(pending, place)
            if end is None and not is_last and len(pending) - place < _LONGEST_CELL:
                self._held = pending[place:]
                break
            passed += pending[place:end] if end else ()
            self.unclosed += not end
            self.rows += pending[place] != b""
            place = end or place + 1
        return b"".join(line + b"\n" for line in passed)

    def _row_end(self, lines: list[bytes], place: int) -> int | None:
        """The place after the row that begins at `place`; 0 where a mark is wrong, None where no line closes it."""
        if not _has_odd_marks(lines[place]) or not self._opens(lines[place]):
            return place + 1
        for after, line in enumerate(lines[place + 1 : place + _LONGEST_CELL], place + 2):
            if found := self._end.match(line):
                rest = line[found.end() :]
                if rest[:1] not in self._after_cell:
                    return 0
                if not self._opens(rest):
                    return after
        return None

    def _opens(self, line: bytes) -> bool:
        """Whether a cell of the line goes on in the next."""
        return self._opening.search(self._closed.sub(b"", line)) is not None


def _has_odd_marks(line: bytes) -> bool:
    """Whether the line may not be a row by itself: an even number of marks is taken for pairs."""
    return line.count(b'"') % 2 == 1
