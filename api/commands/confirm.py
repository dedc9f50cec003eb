"""Asking before something is done that cannot be undone."""

import sys


def agreed(question: str) -> bool:
    """Whether the person at the terminal, or the line on standard input, says yes; no answer is no."""
    if sys.stdin.isatty():
        sys.stderr.write(f"{question} Type yes: ")
        sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"yes", "oui"}
