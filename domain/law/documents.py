"""The rules as documents for readers: lists of rules, generated pages, rules due for another look.

Those of `GET /rules`, the pages generated from the same data, and the rules that change soon or that a maintainer
should look at again. The buyer's guide, `docs/achat.md`, has them in the order of a purchase.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import msgspec

from domain.law import review, same_supplier
from domain.law.findings import explanations_by_rule, short_date
from domain.law.procedures import splitting
from domain.law.reservations import supply_advice
from domain.law.rules import BrokenLaw, DatedRule, RuleRow, Rules, Status, Theme, parse, value_text
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import Language, Text, long_date

APPLIED_IN = (review, same_supplier, splitting, supply_advice)
"""The modules whose functions apply rules, directly or through what they import."""

NO_VALUE: dict[Status, Text] = {"absent": Text("pas de règle", "no rule"), "unknown": Text("inconnue", "unknown")}
LONG_LIST = 12


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
    return msgspec.toml.decode((files("domain") / "data" / "buyer_guide.toml").read_bytes(), type=BuyerGuide)


class RuleDocument(DatedRule, frozen=True):
    """A rule during one period."""

    message: str
    """The rule in words, in the language of the request"""
    explanation: str | None
    """The way in which the rule is applied; null where it is for information only"""


def read_rules_file(file: Path) -> Rules:
    """The rules of a file written like `law.toml`, which may have other numbers where these are counsel, not law.

    Raises OSError, msgspec.DecodeError or BrokenLaw, which is also raised where a rule that some function applies is
    missing.
    """
    rules = parse(file.read_bytes())
    if missing := sorted(explanations_by_rule().keys() - set(rules.ids)):
        raise BrokenLaw(f"{', '.join(missing)}: missing")
    return rules


def documents_in_force(rules: Rules, on: date, language: Language) -> tuple[RuleDocument, ...]:
    """Every rule in force on a day, as `GET /rules` shows it."""
    return tuple(_rule_document(row, language) for row in rules.in_force(on))


def documents_of_rule(rules: Rules, rule_id: str, language: Language) -> tuple[RuleDocument, ...]:
    """Every period of one rule, oldest first, with the periods in which it did not exist; raises NotFound."""
    return tuple(_rule_document(row, language) for row in rules.history(rule_id))


def _rule_document(row: RuleRow, language: Language) -> RuleDocument:
    fields = {name: getattr(row, name) for name in DatedRule.__struct_fields__}
    return RuleDocument(**fields, message=row.message.to(language), explanation=explanations_by_rule().get(row.id))


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
    explanations = explanations_by_rule()
    for rule_id in rules.ids:
        if rule_id in explanations:
            rules_of.setdefault(explanations[rule_id], []).append(f"`{rule_id}`")
    applied = [f"- {', '.join(ids)}: {' '.join(text.split())}" for text, ids in rules_of.items()]
    sections.append("\n".join(["## How each rule is applied", "", *applied, ""]))
    return "\n".join(sections)


def _markdown_table_row(row: RuleRow, words: RulesPage) -> str:
    cells = (
        f"`{row.id}`",
        found.fr if (found := value_in_words(row, LONG_LIST)) else "voir sous le tableau",
        row.valid_from.isoformat() if row.valid_from else "",
        row.valid_until.isoformat() if row.valid_until else "",
        (row.article or "") + (f" (concessions : {row.concession_article})" if row.concession_article else ""),
        words.confidences[row.confidence],
        row.message.fr
        + (f" : « {row.quote} » (texte du {short_date(row.version).fr})" if row.quote and row.version else ""),
        row.source + (f" (à revoir avant le {short_date(row.check_by).fr})" if row.check_by else ""),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


LONGEST_TOLD = 4


class DueRule(msgspec.Struct, frozen=True):
    """A period of a rule to be checked by `day`: the period's first day or `check_by`, whichever comes first.

    `before`: the period that it follows, or the period itself where it is in force already.
    """

    day: date
    before: RuleRow
    row: RuleRow


def due_rules(rules: Rules, on: date, within: int) -> tuple[DueRule, ...]:
    """Periods of rules that begin, or must be checked (`check_by`), at most `within` days after `on`; earliest first.

    A `check_by` that has passed stays due until its period is over.
    """
    last = on + timedelta(days=min(within, (date.max - on).days))
    found = []
    for rule_id in rules.ids:
        history = rules.history(rule_id)
        for before, row in pairwise((history[0], *history)):
            if row.valid_until is not None and row.valid_until < on:
                continue
            begins = row.valid_from if row.valid_from and row.valid_from > on else None
            days = [day for day in (begins, row.check_by) if day is not None and day <= last]
            if days:
                found.append(DueRule(min(days), before if begins else row, row))
    return tuple(sorted(found, key=lambda due: due.day))


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


def value_in_words(row: RuleRow, longest: int) -> Text | None:
    """The value of a rule in one period, in words; None for a list of more than `longest` entries."""
    if row.status != "in_force":
        return NO_VALUE[row.status]
    if isinstance(row.value, bool):
        return Text("oui", "yes") if row.value else Text("non", "no")
    if isinstance(row.value, tuple) and len(row.value) > longest:
        return None
    return value_text(row.value, row.unit)


def _english_value(row: RuleRow) -> str:
    """The value of a rule in one period, in English for maintainers; of a long list its length."""
    found = value_in_words(row, LONGEST_TOLD)
    return found.en if found else f"{len(row.value) if isinstance(row.value, tuple) else 0} codes"


WIDTH = 124
SOON = timedelta(days=366)
"""How long before its first day a known change is announced."""
_NO_BREAK = "\N{NO-BREAK SPACE}"
_UNBROKEN = re.compile(r"(?<=«) | (?=[;:?!»€%])|(?<=\d) (?=\d{3}\b)")
"""The spaces at which French does not end a line."""
MARKS: dict[Confidence, str] = {"high": "●", "medium": "◐", "low": "○"}


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
