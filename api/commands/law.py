"""The commands on the rules of law, for those who keep them up to date."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from api.commands.command import CommandFailed
from api.settings import Settings
from domain.law.buyers import BuyerClass
from domain.law.documents import DueRule, due_rules, read_rules_file, value_in_words
from domain.law.findings import SENTENCES, SENTENCES_FILE, places_of, read_sentences
from domain.law.law_files import decode_law
from domain.law.procedures.steps import TimeLimits
from domain.law.reservations.eligibility import ReservedType
from domain.law.rules import LAW_FILE, RuleRow, load
from domain.law.texts import ArticleText, Comparison, chapter_of, compare, newer_uncited, read_text
from domain.needs.need import Reserved
from domain.text.bilingual import PARIS

TABLES: dict[str, Any] = {
    "buyer_classes.toml": dict[str, tuple[BuyerClass, ...]],
    "reserved_types.toml": dict[Reserved, ReservedType],
    "time_limits.toml": TimeLimits,
}
"""The tables of the law beside rules and sentences, and what each holds."""
LONGEST_TOLD = 4
"""The most entries of a list that a line tells."""


def list_due_rules(options: argparse.Namespace, settings: Settings) -> int:
    """List the rules of law that change soon or are to be checked, earliest first; returns 0, even if none is."""
    on: date = options.on or datetime.now(UTC).astimezone(PARIS).date()
    rules = settings.rules or load()
    due = due_rules(rules, on, options.within)
    for each in due:
        sys.stdout.write("\n".join(due_lines(each, on)) + "\n")
    sys.stdout.write(f"{len(due)} rules change or are to be checked within {options.within} days of {on}\n")
    newer = newer_uncited(rules, on)
    for article, since in newer.items():
        sys.stdout.write(f"{since}  {article}: of a chapter that rules cite, and no rule cites it\n")
    sys.stdout.write(f"{len(newer)} articles that took effect within a year before {on} are cited by no rule\n")
    return 0


def check_files(options: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - it asks for no setting
    """Read the files of the law in a folder as the program does; returns 0, and fails with what is wrong where."""
    folder: Path = options.folder
    try:
        rules = read_rules_file(folder / LAW_FILE.name)
        statements, sentences = read_sentences(folder / SENTENCES_FILE.name)
        for name, kind in TABLES.items():
            decode_law((folder / name).read_bytes(), kind, name)
    except (OSError, ValueError) as error:
        raise CommandFailed(str(error)) from error
    quoted = ((name, rule) for name, said in statements.items() for rule in (said.rule, *said.rests_on))
    places = ((name, places_of(text) - places_of(SENTENCES.get(name, text))) for name, text in sentences.items())
    placed = ((name, place) for name, added in places for place in added)
    for faults, known, what in (
        (quoted, set(rules.ids), "no rule of law.toml has this id"),
        (placed, {*rules.ids, *sentences}, "no place of this sentence, no rule and no sentence has this name"),
    ):
        for name, word in faults:
            if word not in known:
                near = "".join(f"; {each}?" for each in get_close_matches(word, known, 1))
                raise CommandFailed(f"{SENTENCES_FILE.name}: {name}: {word}: {what}{near}")
    sys.stdout.write(f"{len(rules.ids)} rules and {len(sentences)} sentences: nothing is wrong\n")
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


def due_lines(due: DueRule, on: date) -> tuple[str, str]:
    """Two lines of text on a due rule: the day, the rule and its change; then its article, confidence and source."""
    row, now = due.row, _english_value(due.before)
    parts = []
    if row.check_by is not None:
        parts.append(f"check by {row.check_by}" + (" (past)" if row.check_by < on else ""))
    if due.before is row:
        parts.append(f"now {now}")
    else:
        parts.append(f"on {row.valid_from}: {now} → {_english_value(row)}")
    surer = "" if due.before.confidence == row.confidence else f"{due.before.confidence} → "
    about = (row.article, f"confidence {surer}{row.confidence}", row.source)
    return f"{due.day}  {row.id}: {', '.join(parts)}", f"            {'; '.join(filter(None, about))}"


def _english_value(row: RuleRow) -> str:
    """The value of a rule in one period, in English for maintainers; of a long list its length."""
    found = value_in_words(row, LONGEST_TOLD)
    return found.en if found else f"{len(row.value) if isinstance(row.value, tuple) else 0} codes"


def comparison_lines(found: Comparison) -> Iterator[str]:
    """Yield the lines of text that tell maintainers what a comparison found."""
    for title, changes in (
        ("Articles that rules cite and that changed", found.cited),
        ("Articles of the same chapters that changed and that no rule cites", found.uncited),
    ):
        yield f"{title}: {len(changes)}"
        for each in changes:
            cites = f"  cited by {', '.join(each.rules)}" if each.rules else ""
            yield f"  {each.article}: {_day_in_words(each.before)} → {_day_in_words(each.after)}{cites}"
    yield f"Rules whose quote is not in the new text: {len(found.lost)}"
    yield from (f"  {rule_id}" for rule_id in found.lost)
    yield f"Other articles of these chapters that no rule cites: {len(found.never_cited)}"
    chapters: dict[str, list[str]] = {}
    for article in found.never_cited:
        chapters.setdefault(chapter_of(article), []).append(article)
    yield from (f"  {chapter}: {', '.join(articles)}" for chapter, articles in chapters.items())


def _day_in_words(text: ArticleText | None) -> str:
    """The day on which a text took effect, or that it is not known, or that the article is not there."""
    if text is None:
        return "not there"
    return str(text.since) if text.since else "of unknown day"
