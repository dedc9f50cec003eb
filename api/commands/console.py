"""Output for the person at the terminal, and questions to them."""

import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

WIDTH = 100
_PERCENT = 100


def console(*, stderr: bool = False) -> Console:
    """A console for tables: as wide as the terminal up to WIDTH; WIDTH in a file or a pipe, without colours."""
    stream = sys.stderr if stderr else sys.stdout
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH) if stream.isatty() else WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def plain(text: str) -> str:
    """Text from outside without control characters: a supplier's name must not steer the reader's terminal."""
    return "".join(" " if unicodedata.category(sign) in {"Cc", "Cf"} else sign for sign in text)


@contextmanager
def step_bars() -> Iterator[Callable[[str, float | None], None]]:
    """A bar for each step, where somebody watches; the function moves the bar of a step to the share that is done."""
    columns = (TextColumn("{task.description:<15}"), BarColumn(), TimeElapsedColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        tasks = {}

        def observe(step: str, share: float | None) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=None)
            if share is not None:
                progress.update(tasks[step], total=_PERCENT, completed=share * _PERCENT)

        yield observe


def agreed(question: str) -> bool:
    """Whether the person at the terminal, or the line on standard input, answers yes."""
    if sys.stdin.isatty():
        sys.stderr.write(f"{question} Type yes: ")
        sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"yes", "oui"}
