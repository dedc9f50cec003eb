"""`vivier law`: the rules that change soon, or that somebody should look at again."""

import argparse
import sys
from datetime import UTC, date, datetime

from api.settings import Settings
from domain.law.rule_documents import due_lines, due_rules
from domain.law.rules import load
from domain.text.typography import PARIS


def run(options: argparse.Namespace, settings: Settings) -> int:
    """List what is due, earliest first; nothing due is no failure, and neither is something."""
    on: date = options.on or datetime.now(UTC).astimezone(PARIS).date()
    due = due_rules(settings.rules or load(), on, options.within)
    for each in due:
        sys.stdout.write("\n".join(due_lines(each, on)) + "\n")
    sys.stdout.write(f"{len(due)} rules change or are to be checked within {options.within} days of {on}\n")
    return 0
