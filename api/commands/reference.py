"""Commands that need no database: how a title is read, the rules of law that are due, the OpenAPI document.

Each imports what it alone needs.
"""

import argparse
import sys
from datetime import UTC, date, datetime

from api.settings import Settings
from domain.law.documents import due_lines, due_rules
from domain.law.rules import load
from domain.reference import taxonomy, territory
from domain.text.bilingual import PARIS


def explain_title(options: argparse.Namespace, _: Settings) -> int:
    """Print how a title is read: what was set aside, what was recognised, and the segments it means.

    Without a segment the status is 1.
    """
    from api.commands.answers import title_told  # noqa: PLC0415
    from api.commands.console import console, write  # noqa: PLC0415
    from matching.words import word_model  # noqa: PLC0415
    from matching.words.title_reader import TitleReader  # noqa: PLC0415

    trades, need = taxonomy.load(), options.need or ""
    reader = TitleReader(trades, territory.load(), word_model.load())
    explained = reader.explain(options.title, need)
    write(title_told(explained, trades, reader, f"{need} {options.title}"), console())
    return 0 if explained.given else 1


def list_due_rules(options: argparse.Namespace, settings: Settings) -> int:
    """List what is due, earliest first; nothing due is no failure, and neither is something."""
    on: date = options.on or datetime.now(UTC).astimezone(PARIS).date()
    due = due_rules(settings.rules or load(), on, options.within)
    for each in due:
        sys.stdout.write("\n".join(due_lines(each, on)) + "\n")
    sys.stdout.write(f"{len(due)} rules change or are to be checked within {options.within} days of {on}\n")
    return 0


def print_openapi(_: argparse.Namespace, __: Settings) -> int:
    """Print the document of the whole application."""
    # all modules of a server
    from api.app import ROUTES  # noqa: PLC0415
    from api.web.openapi import encode  # noqa: PLC0415

    sys.stdout.buffer.write(encode(handler.opt["route"] for handler in ROUTES))
    return 0
