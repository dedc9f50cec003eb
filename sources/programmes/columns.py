"""Columns of a table of planned purchases found by their heads, as `domain/data/programme_columns.toml` lists them."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from domain.text.normalise import fold


class HeadWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The folded words that name a field in a head; see the file."""

    anywhere: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()


NEEDED = ("title", "amount")
IGNORED, UNKNOWN = "ignored", "unknown"
LONGEST_HEAD = 120


@cache
def head_words() -> dict[str, HeadWords]:
    """The words of heads by field."""
    raw = (files("domain") / "data" / "programme_columns.toml").read_bytes()
    return msgspec.toml.decode(raw, type=dict[str, HeadWords])


def field_of_head(head: str) -> str | None:
    """The field that a column's head names; None where it names none, or one that is not read.

    The words that stand first decide, then the longer ones.
    """
    found = _field_of_folded(fold(head[:LONGEST_HEAD]))
    return None if found == IGNORED else found


@cache
def _field_of_folded(words: str) -> str | None:
    if not words:
        return None
    padded, best = f" {words} ", (len(words) + 2, 0)
    chosen = None
    for field, said in head_words().items():
        if field == UNKNOWN:
            continue
        for word in (*said.anywhere, *said.first, *said.alone):
            at = padded.find(f" {word} ")
            if at < 0 or (at and word not in said.anywhere) or (word in said.alone and word != words):
                continue
            if (at, -len(word)) < best:
                best, chosen = (at, -len(word)), field
    return chosen


def is_unknown(cell: str) -> bool:
    """Whether a cell says in words that its value is not known: “à définir”, “NC”."""
    said, words = head_words()[UNKNOWN], fold(cell)
    return not words or words in said.alone or f"{words} ".startswith(tuple(f"{each} " for each in said.first))


class Columns(NamedTuple):
    """The columns of a table. `heads`: all of them, each once; `of_field`: the positions read for it, best first."""

    heads: tuple[str, ...]
    of_field: dict[str, tuple[int, ...]]

    @property
    def is_programme(self) -> bool:
        """Whether the table has all that a programme needs."""
        return all(field in self.of_field for field in NEEDED)

    @property
    def heads_read(self) -> dict[str, str]:
        """By field, the head of the column that is read first."""
        return {field: self.heads[places[0]] for field, places in self.of_field.items()}

    def cells_by_head(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells of a row by the heads of their columns; those without a head are left out."""
        return {head: cell for head, cell in zip(self.heads, cells, strict=False) if head}

    @property
    def others(self) -> tuple[str, ...]:
        """The heads of columns that are not read."""
        read = {place for places in self.of_field.values() for place in places}
        return tuple(head for place, head in enumerate(self.heads) if place not in read and head)


def columns_of(heads: Sequence[str]) -> Columns:
    """The columns that these heads name."""
    found: dict[str, list[int]] = {}
    for place, head in enumerate(heads):
        if field := field_of_head(head):
            found.setdefault(field, []).append(place)
    ordered = {}
    for field, places in found.items():
        words = head_words()[field]
        ordered[field] = tuple(sorted(places, key=lambda place, said=words: _rank(heads[place], said)))  # type: ignore[misc]
    # the only words for the object may be those of its lots
    if "title" not in ordered and "lot" in ordered:
        ordered["title"] = ordered.pop("lot")
    return Columns(_each_once(heads), ordered)


def _rank(head: str, said: HeadWords) -> int:
    words = fold(head).split()
    better = any(each in words for each in said.better)
    return 2 * any(each in words for each in said.worse) - better


def _each_once(heads: Sequence[str]) -> tuple[str, ...]:
    """The heads, numbered where two are the same; empty ones stay empty."""
    seen: dict[str, int] = {}
    named = []
    for head in heads:
        seen[head] = seen.get(head, 0) + 1
        named.append(f"{head} ({seen[head]})" if head and seen[head] > 1 else head)
    return tuple(named)


def joined_heads(above: Sequence[str], below: Sequence[str]) -> list[str]:
    """The heads of two rows joined: a merged head stands over the empty cells to its right."""
    width = max(len(above), len(below))
    upper, lower = [*above, *[""] * (width - len(above))], [*below, *[""] * (width - len(below))]
    joined, over = [], ""
    for top, bottom in zip(upper, lower, strict=True):
        over = top or (over if bottom else "")
        joined.append(f"{over} {bottom}".strip() if bottom else top)
    return joined
