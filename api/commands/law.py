"""The commands on the rules of law, for those who keep them up to date."""

import argparse
import sys
from datetime import UTC, date, datetime

from api.commands.command import CommandFailed
from api.settings import Settings
from domain.law.documents import due_lines, due_rules
from domain.law.rules import load
from domain.law.texts import compare, comparison_lines, newer_uncited, read_text
from domain.text.bilingual import PARIS


def list_due_rules(options: argparse.Namespace, settings: Settings) -> int:
    """List the rules of law that change soon or are to be checked, earliest first; returns 0, even if none is."""
    on: date = options.on or datetime.now(UTC).astimezone(PARIS).date()
    rules = settings.rules or load()
    due = due_rules(rules, on, options.within)
    for each in due:
        sys.stdout.write("\n".join(due_lines(each, on)) + "\n")
    sys.stdout.write(f"{len(due)} rules change or are to be checked within {options.within} days of {on}\n")
    newer = newer_uncited(rules, on)
    for article in newer:
        sys.stdout.write(f"{article.since}  {article.article}: of a chapter that rules cite, and no rule cites it\n")
    sys.stdout.write(f"{len(newer)} articles that took effect within a year before {on} are cited by no rule\n")
    return 0


def compare_texts(options: argparse.Namespace, settings: Settings) -> int:
    """Tell what changed between two texts of law for the rules; returns 0, also where everything did."""
    try:
        old, new = read_text(options.old), read_text(options.new)
    except (OSError, ValueError) as error:
        raise CommandFailed(str(error)) from error
    on: date = options.on or datetime.now(UTC).astimezone(PARIS).date()
    for line in comparison_lines(compare(settings.rules or load(), on, old, new)):
        sys.stdout.write(line + "\n")
    return 0
