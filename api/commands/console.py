"""Output for the person at the terminal, and questions to them."""

import shutil
import sys
import unicodedata

from rich.console import Console

WIDTH = 100


def console(*, stderr: bool = False) -> Console:
    """A console for tables: as wide as the terminal up to WIDTH; WIDTH in a file or a pipe, without colours."""
    stream = sys.stderr if stderr else sys.stdout
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH) if stream.isatty() else WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def plain(text: str) -> str:
    """Text from outside without control characters: a supplier's name must not steer the reader's terminal."""
    return "".join(" " if unicodedata.category(sign) in {"Cc", "Cf"} else sign for sign in text)


def agreed(question: str) -> bool:
    """Whether the person at the terminal, or the line on standard input, answers yes."""
    if sys.stdin.isatty():
        sys.stderr.write(f"{question} Type yes: ")
        sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"yes", "oui"}
