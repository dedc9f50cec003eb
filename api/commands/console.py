"""The terminal of the person who typed a command: answers written on it, progress, and questions.

An answer is told in parts, which know nothing of terminals: headlines, lines, facts, rows and remarks.
"""

import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from domain.text.bilingual import NARROW, NO_BREAK

WIDTH = 100
_PERCENT = 100


class StyledText(NamedTuple):
    """A text with a lead in front. `style`: of the lead, or of the whole text where there is no lead."""

    text: str
    lead: str = ""
    style: str = ""


Words = str | StyledText


class Headline(NamedTuple):
    """The heading of an answer or, where `is_part`, of a part of it, which a line sets off."""

    text: str
    is_part: bool = False


class Facts(NamedTuple):
    """Pairs of a name and its words, in two columns; an empty name continues the pair before."""

    facts: Iterable[tuple[str, Words]]


class Col(NamedTuple):
    """A column of a table. `ratio`: its share of the terminal's width; 0: as wide as its widest cell."""

    heading: str
    ratio: int = 0
    is_number: bool = False


class Rows(NamedTuple):
    """A table with the columns and the rows; a cell of several texts has a line for each."""

    columns: Sequence[Col]
    rows: Iterable[Iterable[Words | Sequence[str]]]


class Remarks(NamedTuple):
    """A list of sentences below an introduction; without `intro`, the list alone."""

    intro: str
    remarks: Iterable[Words]


class Command(NamedTuple):
    """A line for the reader to copy, such as a command: it is not wrapped."""

    line: str


Part = Words | Command | Headline | Facts | Rows | Remarks


def write_parts(parts: Iterable[Part], to: Console) -> None:
    """Write the parts of an answer one below the other, set apart by empty lines."""
    before: Part | None = None
    for part in parts:
        # a table has empty lines of its own
        if not isinstance(before, Headline | Rows | None) and (
            isinstance(part, Headline | Facts | Remarks) or isinstance(before, Facts | Remarks)
        ):
            to.print()
        match part:
            case Headline(text, is_part):
                to.rule(Text(plain(text), "bold"), align="left") if is_part else to.print(plain(text), style="bold")
            case Facts(facts):
                to.print(_two_column_grid(Column(style="dim", no_wrap=True, min_width=11), 2, facts))
            case Remarks(intro, remarks):
                if intro:
                    to.print(plain(intro))
                to.print(_two_column_grid(Column(no_wrap=True), 1, (("  –", each) for each in remarks)))
            case Rows(columns, rows):
                to.print(_rich_table(columns, rows))
            case Command(line):
                to.print(plain(line), soft_wrap=True)
            case _:
                to.print(_rich_text(part))
        before = part


def show_answer(value: object, parts: Iterable[Part], *, as_json: bool) -> None:
    """Write an answer on standard output: with `as_json` its `value` in JSON, else its printed `parts`."""
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    else:
        write_parts(parts, console())


def write_told(told: Rows | str | bytes) -> int:
    """Write a table, or what is told as it is, on standard output; returns 0."""
    if isinstance(told, Rows):
        write_parts([told], console())
    elif isinstance(told, str):
        sys.stdout.write(told)
    else:
        sys.stdout.buffer.write(told)
    return 0


def _two_column_grid(first: Column, gap: int, rows: Iterable[tuple[str, Words]]) -> Table:
    grid = Table.grid(first, Column(ratio=1, overflow="fold"), padding=(0, gap, 0, 0))
    for name, words in rows:
        grid.add_row(name, _rich_text(words))
    return grid


def _rich_table(columns: Sequence[Col], rows: Iterable[Iterable[Words | Sequence[str]]]) -> Table:
    is_wide = any(column.ratio for column in columns)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=is_wide)
    for heading, ratio, is_number in columns:
        table.add_column(
            heading, justify="right" if is_number else "left", no_wrap=is_number, ratio=ratio or None, overflow="fold"
        )
    for row in rows:
        table.add_row(
            *(_rich_text(cell) if isinstance(cell, str | StyledText) else "\n".join(map(plain, cell)) for cell in row)
        )
    return table


def _rich_text(words: Words) -> Text:
    text, lead, style = (words, "", "") if isinstance(words, str) else words
    return Text.assemble((plain(lead), style), (plain(text), "" if lead else style))


def console(*, stderr: bool = False) -> Console:
    """A console for tables: as wide as the terminal up to WIDTH; WIDTH in a file or a pipe, without colours."""
    stream = sys.stderr if stderr else sys.stdout
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH) if stream.isatty() else WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def plain(text: str) -> str:
    """The text with control characters replaced by blanks, so that it cannot steer the terminal."""
    drawable = text.replace(NARROW, NO_BREAK)
    return "".join(" " if unicodedata.category(sign) in {"Cc", "Cf"} else sign for sign in drawable)


@contextmanager
def step_bars() -> Iterator[Callable[[str, float | None], None]]:
    """Yields a function that sets the progress bar of a step to a share; bars are shown on a terminal only."""
    columns = (TextColumn("{task.description:<15}"), BarColumn(), TimeElapsedColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        tasks = {}

        def move_bar(step: str, share: float | None) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=None)
            if share is not None:
                progress.update(tasks[step], total=_PERCENT, completed=share * _PERCENT)

        yield move_bar


def is_agreed(question: str) -> bool:
    """Ask a question on the terminal, if there is one; True where the next line on standard input says yes."""
    if sys.stdin.isatty():
        sys.stderr.write(f"{question} Type yes: ")
        sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"yes", "oui"}
