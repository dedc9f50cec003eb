"""Commands that need no database: how a title is read, the rules of law that are due, the OpenAPI document."""

import argparse
import re
import sys
from datetime import UTC, date, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from api.commands.console import console, plain
from api.settings import Settings
from domain.law.documents.rule_documents import due_lines, due_rules
from domain.law.rules import load
from domain.reference import taxonomy, territory
from domain.reference.taxonomy import Taxonomy
from domain.text.typography import PARIS
from matching.words import word_model
from matching.words.title_reader import TRADE_FLOOR, TitleExplanation, TitleReader

SHOWN = 6
# A reading less likely than that is of no interest to a buyer.
LEAST_SHOWN = 0.05
ANOTHER_TRADE = "un autre métier"
COLUMNS = ("segment", "intitulé", "confiance", "", "d'après")


class _Spelling:
    """The words of a title by their stems, so that a reader meets them as they were written."""

    def __init__(self, reader: TitleReader, text: str) -> None:
        words = re.findall(r"[^\W_]+", text.lower())
        self._written = {stem: word for word in words for stem in reader.stems(word)}

    def of(self, phrase: str) -> str:
        return " ".join(self._written.get(stem, stem) for stem in phrase.split())

    def parts(self, parts: tuple[tuple[str, ...], ...]) -> str:
        return " | ".join(self.of(" ".join(part)) for part in parts) or "-"


def explain_title(options: argparse.Namespace, _: Settings) -> int:
    """Print how the title is read; without a segment the status is 1."""
    trades, need = taxonomy.load(), options.need or ""
    reader = TitleReader(trades, territory.load(), word_model.load())
    explained = reader.explain(options.title, need)
    _write(explained, trades, _Spelling(reader, f"{need} {options.title}"), console())
    return 0 if explained.given else 1


def _write(explained: TitleExplanation, trades: Taxonomy, spelling: _Spelling, to: Console) -> None:
    title = explained.title
    to.print(plain(f"Objet :           {spelling.parts(title.parts)}"))
    to.print(plain(f"Complément :      {spelling.parts(title.context)}"))
    to.print(plain(f"Laissé de côté :  {', '.join(title.aside) or '-'}"))
    to.print("Reconnu :" if explained.phrases else "Reconnu :         aucune expression connue")
    for phrase, segments in dict(explained.phrases).items():
        names = " ; ".join(trades.label(segment) for segment in segments)
        to.print(plain(f"  « {spelling.of(phrase)} » : {names or ANOTHER_TRADE}"))
    to.print(f"Probabilité d'{ANOTHER_TRADE}, d'après les mots seuls : {_percent(explained.other)}")
    known = f"Probabilité d'un métier de la taxonomie, d'après tout : {_percent(explained.trade)}"
    to.print(f"{known} (au moins {_percent(TRADE_FLOOR)} pour retenir un segment)")
    if not explained.given:
        to.print("Aucun segment retenu.")
    if any(reading.confidence >= LEAST_SHOWN for reading in explained.readings):
        to.print(_table(explained, trades, spelling))


def _table(explained: TitleExplanation, trades: Taxonomy, spelling: _Spelling) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in COLUMNS:
        table.add_column(column)
    for place, (segment, confidence, words) in enumerate(explained.readings[:SHOWN]):
        if confidence >= LEAST_SHOWN:
            given = "retenu" if place < explained.given else ""
            said = ", ".join(map(spelling.of, words))
            table.add_row(segment, trades.label(segment), _percent(confidence), given, plain(said))
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


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
