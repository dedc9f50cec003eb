"""Columns of tables that people keep, found by the words of their heads; the header below titles and merged heads.

The words of a kind of table are a file: see `domain/data/programme_columns.toml`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources.abc import Traversable
from itertools import zip_longest
from typing import NamedTuple

import msgspec

from domain.text.bilingual import Language, Text
from domain.text.normalise import fold
from sources.file_types.csv_table import FaultyRow, RowAsWritten

IGNORED, UNKNOWN = "ignored", "unknown"
LONGEST_HEAD, ROWS_ABOVE = 120, 40
SHOWN_COLUMNS, LONGEST_SHOWN = 30, 60
_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_YEAR = re.compile(r"20\d\d")
_A_SUM = re.compile(
    r"((sous|grand|s|montant) )?(total|totaux)(?! (energies|direct|marketing|access)\b)( .*)?"
    r"|cumul( .*)?|somme|ensemble|(a )?report(er)?|recapitulatif"
)


class HeadWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The folded words that name a field in a head; see the file."""

    anywhere: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    never: frozenset[str] = frozenset()
    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()


class Columns(NamedTuple):
    """The columns of a table. `heads`: all of them, each once; `of_field`: the positions read for it, best first."""

    heads: tuple[str, ...]
    of_field: dict[str, tuple[int, ...]]

    @property
    def heads_read(self) -> dict[str, str]:
        """By field, the head of the column that is read first."""
        return {field: self.heads[places[0]] for field, places in self.of_field.items()}

    def cells_by_head(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells of a row by the heads of their columns; those without a head are left out."""
        return {head: cell for head, cell in zip(self.heads, cells, strict=False) if head}

    @property
    def others(self) -> tuple[str, ...]:
        """The heads of columns that are not read, or only where the first of their field is empty."""
        read = {places[0] for places in self.of_field.values()}
        return tuple(head for place, head in enumerate(self.heads) if place not in read and head)

    def headless_in(self, cells: Sequence[str]) -> set[int]:
        """The places of cells of a row that are not blank and have no head above."""
        width = len(self.heads)
        return {at for at, cell in enumerate(cells) if cell and (at >= width or not self.heads[at]) and cell.strip()}

    def with_headless(self, places: Iterable[int], language: Language) -> "Columns":
        """The columns with heads for those at these places, which have none: nothing is left out without a word."""
        heads = {
            place: Text(f"colonne {place + 1} sans titre", f"column {place + 1} without a title") for place in places
        }
        width = max(len(self.heads), *(place + 1 for place in heads), 0)
        named = (*self.heads, *[""] * (width - len(self.heads)))
        return self._replace(
            heads=tuple(heads[at].to(language) if at in heads else each for at, each in enumerate(named))
        )


NO_COLUMNS = Columns((), {})


class ColumnFinder:
    """Finds the columns of one kind of table. `required`: the fields without which it is none, in words."""

    def __init__(self, file: Traversable, required: Mapping[str, Text]) -> None:
        self._words = msgspec.toml.decode(file.read_bytes(), type=dict[str, HeadWords])
        self._unknown = self._words.pop(UNKNOWN, HeadWords())
        self._required = required
        self._field_of_words = lru_cache(maxsize=4096)(self._find_field)

    def field_of_head(self, head: str) -> str | None:
        """The field that a column's head names; None where it names none, or one that is not read.

        The words that stand first decide, then the longer ones.
        """
        found = self._named_by(head)
        return None if found == IGNORED else found

    def _named_by(self, head: str) -> str | None:
        return self._field_of_words(fold(_INNER_CAPITAL.sub(" ", head[:LONGEST_HEAD])))

    def _find_field(self, words: str) -> str | None:
        padded, best = f" {words} ", (len(words) + 2, 0)
        chosen, parts = None, words.split()
        for field, said in self._words.items():
            if not said.never.isdisjoint(parts):
                continue
            for word in (*said.anywhere, *said.first, *said.alone):
                at = padded.find(f" {word} ")
                if at < 0 or (at and word not in said.anywhere) or (word in said.alone and word != words):
                    continue
                if (at, -len(word)) < best:
                    best, chosen = (at, -len(word)), field
        return chosen

    def is_unknown(self, cell: str) -> bool:
        """Whether a cell says in words that its value is not known: “à définir”, “NC”."""
        said, words = self._unknown, fold(cell)
        return not words or words in said.alone or f"{words} ".startswith(tuple(f"{each} " for each in said.first))

    def columns_of(self, heads: Sequence[str]) -> Columns:
        """The columns that these heads name."""
        found: dict[str, list[int]] = {}
        for place, head in enumerate(heads):
            if field := self.field_of_head(head):
                found.setdefault(field, []).append(place)
        ordered = {
            field: tuple(sorted(places, key=lambda place, said=self._words[field]: _rank(heads[place], said)))  # type: ignore[misc]
            for field, places in found.items()
        }
        # the only words for the object may be those of its lots
        if "title" not in ordered and "lot" in ordered:
            ordered["title"] = ordered.pop("lot")
        return Columns(_each_once(heads), ordered)

    def is_whole(self, columns: Columns) -> bool:
        """Whether a table has all columns that are required."""
        return columns.of_field.keys() >= self._required.keys()

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether a row has a head for each field that is required."""
        return self.is_whole(self.columns_of(cells))

    def header_in(self, rows: Sequence[RowAsWritten | FaultyRow]) -> tuple[Columns, int]:
        """The columns of the header that names most fields, and its last line; columns of none and 0 without one."""
        best, last, most = NO_COLUMNS, 0, -1
        whole = [
            (row[0], [" ".join(cell.split()) for cell in row[1]]) for row in rows if not isinstance(row, FaultyRow)
        ]
        for place in range(min(len(whole), ROWS_ABOVE)):
            for columns, line in self._possible_headers(whole[place : place + 2]):
                fields = len(columns.of_field) + 10 * self.is_whole(columns)
                if fields > most:
                    best, last, most = columns, line, fields
        return best, last

    def _possible_headers(self, rows: Sequence[RowAsWritten]) -> Iterator[tuple[Columns, int]]:
        """A row as a header, before that with the row below where this is a second row of heads."""
        (line, cells), *following = rows
        columns = self.columns_of(cells)
        for below_line, below in following if sum(map(bool, cells)) > 1 else ():  # else a title, or an only column
            read = [columns.of_field.get(field, (0,))[0] for field in self._required]
            key = below[read[0]] if read[0] < len(below) else ""
            has_heads = any(map(self.field_of_head, filter(None, below))) or not {"HT", "TTC"}.isdisjoint(below)
            # digits that are no year: heads may be years, and have no other ones
            numbers = (n for n in below[: max(read) + 1] if any(map(str.isdigit, n)) and not _YEAR.fullmatch(n))
            has_values = any(numbers) or (key and not self.field_of_head(key))
            joined = self.columns_of(self._joined_heads(cells, below))
            if has_heads and not has_values and self.is_whole(joined):
                yield joined, below_line
            if self.is_header(below):  # what stands above is then the title of a group, or the head of both rows
                padded = zip_longest(cells, below, fillvalue="")
                yield self.columns_of([bottom or top for top, bottom in padded]), below_line
        yield columns, line

    def _joined_heads(self, above: Sequence[str], below: Sequence[str]) -> list[str]:
        """The heads of two rows joined: a merged head stands over the empty cells to its right.

        A head that names a field of its own keeps it under the head of a group, but under one that is not read.
        """
        joined, over = [], ""
        for top, bottom in zip_longest(above, below, fillvalue=""):
            over = (top or over) if bottom else ""  # what has nothing below is no head of a group
            whole = f"{over} {bottom}".strip() or top
            field, own = self._named_by(whole), self._named_by(bottom)
            joined.append(whole if own in (None, field) or field == IGNORED else bottom)
        return joined

    def missing(self, tables: Sequence[Columns]) -> Text:
        """A sentence on the required columns that no table of a file has, and on those that the likeliest has."""
        best = max(tables, key=lambda each: (len(each.of_field), len(each.heads)))
        lacking = [name for field, name in self._required.items() if field not in best.of_field]
        shown = [head[:LONGEST_SHOWN] for head in best.heads if head][:SHOWN_COLUMNS]
        seen_fr, seen_en = ", ".join(f"« {each} »" for each in shown), ", ".join(f"“{each}”" for each in shown)
        fr, en = " ni ".join(each.fr for each in lacking), " or ".join(each.en for each in lacking)
        return Text(
            f"Aucune colonne ne donne {fr} ; colonnes vues : {seen_fr or 'aucune'}",
            f"No column gives {en}; columns seen: {seen_en or 'none'}",
        )


def is_sum(cell: str) -> bool:
    """Whether the words of a cell say that its row adds up others: “Sous-total Voirie”, “Ensemble”, “À reporter”."""
    return bool(_A_SUM.fullmatch(fold(cell)))


def _rank(head: str, said: HeadWords) -> tuple[bool, int]:
    """The sort key of a column among those of one field: not worse, then by its first word that is better."""
    words = fold(head).split()
    better = (place for place, each in enumerate(said.better) if each in words)
    return any(each in words for each in said.worse), next(better, len(said.better))


def _each_once(heads: Sequence[str]) -> tuple[str, ...]:
    """The heads, numbered where two are the same; empty ones stay empty."""
    seen: dict[str, int] = {}
    named = []
    for head in heads:
        seen[head] = seen.get(head, 0) + 1
        named.append(f"{head} ({seen[head]})" if head and seen[head] > 1 else head)
    return tuple(named)
