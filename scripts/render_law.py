"""Write docs/law.md and the buyer's guide, docs/achat.md, from the data of the law: `python -m scripts.render_law`."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec

from domain.law.documents import explanations_by_rule, value_in_words
from domain.law.findings import short_date
from domain.law.law_files import Theme, read_law_data
from domain.law.rules import RuleRow, Rules, load
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import long_date

PAGE = Path(__file__).parent.parent / "docs" / "law.md"
LONG_LIST = 12
"""The most entries of a list that stand in a cell of the table."""
WIDTH = 124
SOON = timedelta(days=366)
"""How long before its first day a known change is announced."""
_NO_BREAK = "\N{NO-BREAK SPACE}"
_UNBROKEN = re.compile(r"(?<=«) | (?=[;:?!»€%])|(?<=\d) (?=\d{3}\b)")
"""The spaces at which French does not end a line."""
MARKS: dict[Confidence, str] = {"high": "●", "medium": "◐", "low": "○"}


class GuideStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step of a purchase in the buyer's guide. `paragraphs`: (opening words, ids of the rules stated after them)."""

    title: str
    introduction: str
    paragraphs: tuple[tuple[str, str], ...]


class GuideExample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An example of a purchase in the buyer's guide, with the figures that Vivier gives for it, in Markdown."""

    title: str
    text: str


class RulesPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fixed words of `docs/law.md`: the introduction, and ordered names of themes and degrees of confidence."""

    introduction: str
    titles: dict[Theme, str]
    confidences: dict[Confidence, str]


class BuyerGuide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of `buyer_guide.toml`. `not_covered`: questions for which no sure source was found."""

    introduction: str
    not_covered: tuple[str, ...]
    allotting: str
    step: tuple[GuideStep, ...]
    example: tuple[GuideExample, ...]
    rules: RulesPage


def _read_buyer_guide() -> BuyerGuide:
    return read_law_data("buyer_guide.toml", BuyerGuide)


def rules_page(rules: Rules) -> str:
    """The text of `docs/law.md`: a table per theme with every period, then how each rule is applied."""
    words = _read_buyer_guide().rules
    rows = rules.in_force(rules.vintage)
    confirmed = [
        f"Règles en vigueur le {short_date(rules.vintage).fr}, selon la confiance qu'on accorde à leur source :",
        "",
        "| Thème | Élevée | Moyenne | Faible | Ensemble |",
        "|---|---|---|---|---|",
    ]
    for title, themes in (*((title, {theme}) for theme, title in words.titles.items()), ("Ensemble", words.titles)):
        counts = Counter(row.confidence for row in rows if row.theme in themes)
        cells = (title, *(str(counts[confidence]) for confidence in words.confidences), str(counts.total()))
        confirmed.append("| " + " | ".join(cells) + " |")
    sections = [words.introduction.format(version=rules.version), "\n".join([*confirmed, ""])]
    for theme, title in words.titles.items():
        periods = [row for rule_id in rules.ids for row in rules.history(rule_id) if row.theme == theme]
        lines = [_markdown_table_row(row, words) for row in periods if row.status != "unknown" or row.valid_from]
        table = [
            "| Règle | Valeur | Du | Au | Article | Confiance | Énoncé | Source |",
            "|---|---|---|---|---|---|---|---|",
        ]
        lists = [
            f"`{row.id}`, {len(row.value)} valeurs : {', '.join(row.value)}.\n"
            for row in periods
            if isinstance(row.value, tuple) and len(row.value) > LONG_LIST
        ]
        sections.append("\n".join([f"## {title}", "", *table, *lines, "", *lists]))
    rules_of: dict[str, list[str]] = {}
    explanations = explanations_by_rule(rules)
    for rule_id in rules.ids:
        if rule_id in explanations:
            rules_of.setdefault(explanations[rule_id], []).append(f"`{rule_id}`")
    applied = [f"- {', '.join(ids)}: {' '.join(text.split())}" for text, ids in rules_of.items()]
    sections.append("\n".join(["## How each rule is applied", "", *applied, ""]))
    return "\n".join(sections)


def _markdown_table_row(row: RuleRow, words: RulesPage) -> str:
    of = f"{row.quote_from}, " if row.quote_from else ""
    cells = (
        f"`{row.id}`",
        found.fr if (found := value_in_words(row, LONG_LIST)) else "voir sous le tableau",
        row.valid_from.isoformat() if row.valid_from else "",
        row.valid_until.isoformat() if row.valid_until else "",
        (row.article or "") + (f" (concessions : {row.concession_article})" if row.concession_article else ""),
        words.confidences[row.confidence],
        row.message.fr
        + (f" : « {row.quote} » ({of}texte du {short_date(row.version).fr})" if row.quote and row.version else ""),
        row.source + (f" (à revoir avant le {short_date(row.check_by).fr})" if row.check_by else ""),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def guide_page(rules: Rules) -> str:
    """The buyer's guide in Markdown, by the law in force on `rules.vintage`; raises NotFound for an unknown rule."""
    guide, day = _read_buyer_guide(), rules.vintage
    blocks = ["# Guide de l'acheteur public", guide.introduction.format(day=long_date(day).fr).strip()]
    for number, step in enumerate(guide.step, start=1):
        blocks += [f"## {number}. {step.title}", step.introduction]
        for lead, ids in step.paragraphs:
            said = [each for rule_id in ids.split() for each in _sentences_around_day(rules.history(rule_id), day)]
            if said:
                blocks.append(f"**{lead}{'' if lead.endswith('?') else '.'}** {' '.join(said)}")
    blocks += ["## De l'offre aux lots : trois exemples", guide.allotting.strip()]
    examples = [f"### {example.title}\n\n{example.text.strip()}" for example in guide.example]
    questions = [
        "## Ce qui n'est pas traité",
        "Pour ces questions aucune source assez sûre n'a été trouvée, ou elles sortent de ce que Vivier examine :",
        "\n".join(f"- {question} ;" for question in guide.not_covered).removesuffix(" ;") + ".",
    ]
    return "\n\n".join((*map(_wrap_markdown, blocks), *examples, *map(_wrap_markdown, questions))) + "\n"


def _sentences_around_day(history: tuple[RuleRow, ...], day: date) -> Iterator[str]:
    """Yield the French sentence on a rule in force at a day, then on each change that comes within a year after it."""
    row, *later = (row for row in history if row.valid_until is None or day <= row.valid_until)
    if row.status == "in_force":
        yield _sentence_with_confidence_mark(row)
    for change in later:
        if change.status == "in_force" and change.valid_from is not None and change.valid_from <= day + SOON:
            yield f"À partir du {short_date(change.valid_from).fr} : {_sentence_with_confidence_mark(change)}"


def _sentence_with_confidence_mark(row: RuleRow) -> str:
    return f"{_UNBROKEN.sub(_NO_BREAK, row.message.fr)}{_NO_BREAK}{MARKS[row.confidence]}."


def _wrap_markdown(block: str) -> str:
    """A block of Markdown broken into lines of `WIDTH`; further lines of a list item are indented."""
    return "\n".join(
        textwrap.fill(
            line,
            WIDTH,
            subsequent_indent="  " if line.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in block.splitlines()
    )


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(rules_page(load()), encoding="utf-8")
    PAGE.with_name("achat.md").write_text(guide_page(load()), encoding="utf-8")
    print(f"{PAGE.relative_to(Path.cwd())} written")
