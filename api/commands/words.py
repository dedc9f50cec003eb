"""`vivier words`: a title explained: what was set aside, the phrases found, and the segments with their words."""

import argparse

from rich import box
from rich.console import Console
from rich.table import Table

from api.commands.console import console, plain
from api.settings import Settings
from domain.reference import taxonomy, territory
from domain.reference.taxonomy import Taxonomy
from matching.words import word_model
from matching.words.title_reader import MOST_READINGS, TITLE_FLOOR, TitleExplanation, TitleReader

SHOWN = 6


def run(options: argparse.Namespace, _: Settings) -> int:
    """Print how the title is read; without a segment the status is 1."""
    trades = taxonomy.load()
    explained = TitleReader(trades, territory.load(), word_model.load()).explain(options.title, options.need or "")
    _write(explained, trades, console())
    return 0 if explained.readings and explained.readings[0].confidence >= TITLE_FLOOR else 1


def _write(explained: TitleExplanation, trades: Taxonomy, to: Console) -> None:
    title = explained.title
    to.print(plain(f"Object:      {_parts(title.parts)}"))
    to.print(plain(f"Completing:  {_parts(title.context)}"))
    to.print(plain(f"Set aside:   {', '.join(title.aside) or '-'}"))
    to.print("Phrases:")
    for phrase, segments in explained.phrases:
        to.print(plain(f"  {phrase}: {', '.join(segments) or 'another trade'}"))
    to.print(f"Chance that it is another trade, by its words alone: {explained.other:.2f}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("segment", "label", "confidence", "", "words"):
        table.add_column(column)
    for place, (segment, confidence, words) in enumerate(explained.readings[:SHOWN]):
        given = "given" if place < MOST_READINGS and confidence >= TITLE_FLOOR else ""
        table.add_row(segment, trades.label(segment), f"{confidence:.2f}", given, plain(", ".join(words)))
    to.print(table)


def _parts(parts: tuple[tuple[str, ...], ...]) -> str:
    return " | ".join(" ".join(part) for part in parts) or "-"
